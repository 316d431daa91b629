//! The command line.

use crate::collect::listen::Place;
use crate::export::otlp;
use crate::history::LEAST_BYTES;
use crate::top::column::Column;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
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
    /// Show a running collector's map in the terminal, live; or once, for scripts
    Top(Top),
    /// Prove, step by step, that what a service measures arrives, and say what to do when it does not
    Doctor(Doctor),
    /// Run a whole pipeline here, and compare the measured latencies with the delays that were put in
    Demo(Demo),
    /// Run a program that uses librdkafka, measured, without a change to it
    Run(Run),
}

#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// The address or name, with its port, to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8126")]
    pub(crate) listen: Place,
    /// A unix socket to listen on as well
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,
    /// Answer under this name or address too (in the Host header); may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// A file with the token that readers need; the variable DATASTREAMS_TOKEN may hold it in place of a file
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// Services need the token too
    #[arg(long)]
    pub(crate) token_for_posts: bool,
    /// An agent, http://HOST:PORT or unix:///PATH, that everything is passed on to; only what it takes is shown
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
    /// Keep the history in this file, so that it is there again after a restart; without it, it is kept in memory
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// The most that the history may take, such as 500M or 4G; the oldest is dropped [default: 1G in a file, 256M in memory]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) data_max: Option<u64>,
    /// Print a table of the latencies every few seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = seconds)]
    pub(crate) print: Option<Duration>,
    #[command(flatten)]
    pub(crate) otlp: otlp::Options,
    /// `watch`: also end when standard input ends, with the program that started it
    #[arg(long, value_enum, default_value_t = Stdin::Ignore, hide = true)]
    pub(crate) stdin: Stdin,
}

/// What the end of standard input means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stdin {
    Ignore,
    Watch,
}

/// Whom to ask for the token of a collector that wants one.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// A file with the collector's token; without it, $DATASTREAMS_TOKEN
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Exit codes: 0 when it ended as asked; 1 when the collector did not answer (`--once`), or the terminal could not be
/// used; 2 for wrong options.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// The collector: `http://host:port`, `https://host:port` or `unix:///path`
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8126")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) token: Token,
    /// How far back to look, in seconds; 0: everything that is kept
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) last: u32,
    /// The column to sort by; numbers start with the largest
    #[arg(long, value_enum, default_value_t = Column::Name)]
    pub(crate) sort: Column,
    /// Sort the other way round
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Only lines that contain every word of this, in any case
    #[arg(long, value_name = "WORDS", default_value = "")]
    pub(crate) filter: String,
    /// How often to look
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub(crate) every: Duration,
    /// Print what there is, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// With --once: print JSON
    #[arg(long, requires = "once")]
    pub(crate) json: bool,
}

/// Reads the environment as the library in a service would: run it where the service runs. Exit codes: 0 when all is
/// proved; 1 when something is wrong; 2 for wrong options; 3 when nothing is wrong, but not all could be proved.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The agent, as a service would give it in its code; it wins over the environment
    #[arg(long, value_name = "URL")]
    pub(crate) agent_url: Option<String>,
    #[command(flatten)]
    pub(crate) token: Token,
    /// How long each step may wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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
    /// Print tables of the latencies every few seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = seconds)]
    pub(crate) print: Option<Duration>,
    /// How far a median may be above the delay that was put in, in milliseconds, for each checkpoint on the way
    #[arg(long, value_name = "MS", default_value_t = 30)]
    pub(crate) tolerance_ms: u32,
    /// Print nothing but the report at the end, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Where the plugin's two libraries are, if not beside this program
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) plugin: Option<PathBuf>,
    /// Stay until the program ends, and tell whether a client of librdkafka was seen in it
    #[arg(long)]
    pub(crate) check: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
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
