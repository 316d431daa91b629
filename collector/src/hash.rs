//! `datastreams hash`.

use crate::{cli, output};
use datastreams_core::hash;
use std::process::ExitCode;

pub(crate) fn run(options: &cli::Hash) -> ExitCode {
    let node = hash::node(&options.service, &options.env, &options.primary_tag, &options.tags);
    output::result(hash::pathway(node, options.parent), ExitCode::SUCCESS)
}
