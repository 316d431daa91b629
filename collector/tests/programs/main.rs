//! The `datastreams` command as people run it.
#![cfg(test)]

mod collect;
mod common;
mod explain;
mod history;
mod stalled;
