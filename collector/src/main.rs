//! `datastreams`: receives pipeline statistics and shows the latencies; explains hashes and headers.

mod ask;
mod between;
mod cli;
mod clock;
mod collect;
mod decode;
mod demo;
mod doctor;
mod export;
mod graph;
mod hash;
mod history;
mod lag;
mod lag_series;
mod model;
mod output;
mod page;
mod pathways;
mod plain;
mod quantiles;
mod run;
mod series;
mod store;
mod table;
mod top;
mod units;
mod view;

#[cfg(test)]
mod tests;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Collect(options) => collect::run(&options),
        Command::Decode(options) => decode::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Hash(options) => hash::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Top(options) => top::run(&options),
        Command::Doctor(options) => doctor::run(&options),
    }
}
