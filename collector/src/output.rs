//! The only place that writes to the terminal.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// The exit code of wrong input, as clap gives it for wrong options.
pub(crate) const WRONG_INPUT: u8 = 2;

/// Writes a line to stdout, at once. A reader that went away (`| head`) is its own affair: the collector goes on.
pub(crate) fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Writes what a command was asked for, and ends it with `code`; with 1 when it could not be written. A reader that has
/// enough is no fault.
pub(crate) fn result(text: impl Display, code: ExitCode) -> ExitCode {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => fail(format!("cannot write the output: {error}"), 1),
        Ok(()) | Err(_) => code,
    }
}

/// Writes a line to stderr.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "datastreams: {text}");
}

/// Says why the command failed.
pub(crate) fn fail(text: impl Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "error: {text}");
    ExitCode::from(code)
}
