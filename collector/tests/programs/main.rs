//! The `datastreams` command as people run it.
#![cfg(test)]

mod access;
mod collect;
mod common;
mod explain;
mod stalled;
mod upstream;
