//! The `datastreams` command as people run it.

mod collect;
mod common;
mod explain;
