//! The C interface of datastreams. Each file is one noun and one section of `include/datastreams.h`, which is generated
//! from these comments: write them for the C programmer who reads nothing else.
//!
//! This is the only crate with `unsafe`. Every export takes raw pointers, tests them for NULL first, copies structs in
//! and out (so an input and an output may be one object), and runs inside the panic boundary of `boundary.rs`.
//! What a caller must keep (pointers valid for the call, no call after the free) is stated once, on top of the header.
#![allow(non_camel_case_types, reason = "the names are those of the C header")]
#![allow(clippy::missing_safety_doc, reason = "the contract of all exports is stated once, on top of the header")]

mod boundary;
pub mod checkpoint;
pub mod client;
mod clock;
pub mod config;
pub mod counters;
pub mod delivery;
pub mod edge;
mod fault;
pub mod fork;
pub mod pathway;
mod reporter;
mod signals;
pub mod status;
pub mod text;
pub mod track;
pub mod version;

#[cfg(test)]
mod layout;
