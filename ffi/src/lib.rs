//! The C interface of datastreams. Each file is one noun and one section of `include/datastreams.h`, which is generated
//! from these comments: write them for the C programmer who reads nothing else.
//!
//! This is the only crate with `unsafe`. Every export takes raw pointers, tests them for NULL first, copies structs in
//! and out (so an input and an output may be one object), and runs inside the panic boundary of [`boundary`].
//! What a caller must keep (pointers valid for the call, no call after the free) is stated once, on top of the header.
#![allow(non_camel_case_types, reason = "the names are those of the C header")]
#![allow(clippy::missing_safety_doc, reason = "the contract of all exports is stated once, on top of the header")]

mod boundary;
mod checkpoint;
mod client;
mod clock;
mod config;
mod counters;
mod delivery;
mod edge;
mod fault;
mod fork;
mod pathway;
mod reporter;
mod signals;
mod status;
mod text;
mod track;
mod version;
