//! DDSketch: quantiles with a bounded relative error.
