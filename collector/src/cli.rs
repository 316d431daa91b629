//! The command line.

use crate::history::LEAST_BYTES;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Measures how long messages take through asynchronous pipelines.
#[derive(Debug, Parser)]
#[command(name = "datastreams", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receive the statistics of services and show their latencies
    Collect(Collect),
    /// Explain a message header, in any form that is accepted
    Decode(Decode),
    /// Print the hash of a pathway
    Hash(Hash),
    /// Run a whole pipeline here, and compare the measured latencies with the delays that were put in
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8126")]
    pub(crate) listen: SocketAddr,
    /// A unix socket to listen on as well
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,
    /// Keep the history in this file, so that it is there again after a restart; without it, it is kept in memory
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// The most that the history may take, such as 500M or 4G; the oldest is dropped [default: 1G in a file, 256M in memory]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) data_max: Option<u64>,
    /// Print a table of the latencies every few seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = seconds)]
    pub(crate) print: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Decode {
    /// The header: base64, base64 of base64, or the binary form in hexadecimal after `hex:` or `0x`
    #[arg(allow_hyphen_values = true)]
    pub(crate) header: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Hash {
    /// The service
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) service: String,
    /// The environment
    #[arg(long, default_value = "")]
    pub(crate) env: String,
    /// The primary tag
    #[arg(long, value_name = "TAG", default_value = "")]
    pub(crate) primary_tag: String,
    /// The hash that the pathway goes on from, in decimal
    #[arg(long, value_name = "U64", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) parent: u64,
    /// The tags of the edge, like `direction:out topic:orders type:kafka`, in any order
    #[arg(required = true, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How long orders come; without it until Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: Option<u32>,
    /// Where the example programs are, if not beside this program
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) examples: Option<PathBuf>,
    /// How often the table is printed
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) print: Duration,
    /// How far a median may be above the delay that was put in, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30)]
    pub(crate) tolerance_ms: u32,
    /// Print nothing but the report at the end, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds from 1 to 86400".into()),
    }
}

/// Whole bytes, or with K, M, G or T the powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let shift = "KMGT".find(unit.to_ascii_uppercase()).map(|power| 10 * (power as u32 + 1));
            (&text[..at], shift)
        }
        _ => (text, Some(0)),
    };
    let bytes = digits.parse::<u64>().ok().zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    match bytes {
        Some(bytes @ LEAST_BYTES..) => Ok(bytes),
        _ => Err(format!("give bytes, such as 500M or 4G, at least {}M", LEAST_BYTES >> 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
