//! The `datastreams` command as people run it.
#![cfg(test)]

mod access;
mod collect;
mod common;
mod doctor;
mod explain;
mod payloads;
mod scripted;
mod stalled;
mod top;
mod upstream;
