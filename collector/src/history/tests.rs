//! Histories that are written, read again, summed up and dropped.
