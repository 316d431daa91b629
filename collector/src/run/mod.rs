//! `datastreams run`: runs a program with the librdkafka plugin in it.
//!
//! The plugin comes into the program by `LD_PRELOAD`, so it needs no configuration; the program takes the place of this
//! one, so its signals, its end and its process number are its own.

mod libraries;
mod program;
mod watch;

use crate::cli::Run;
use crate::output;
use program::Reach;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// What shells answer for a program that is not there, and for one that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

pub(crate) fn run(options: &Run) -> ExitCode {
    let libraries = match libraries::find(options.plugin.as_deref()) {
        Ok(libraries) => libraries,
        Err(reason) => return output::fail(reason, NOT_RUN),
    };
    let Some((name, arguments)) = options.command.split_first() else {
        return output::fail("give a program to run", NOT_RUN);
    };
    let Some(path) = program::find(name, std::env::var_os("PATH").as_deref()) else {
        return output::fail(format!("{}: there is no such program", name.display()), NOT_FOUND);
    };
    // The program runs in any case: unmeasured is better than not at all.
    match program::reach(&path) {
        Reach::Perhaps => {}
        Reach::No(reason) => output::note(format!("{} is not measured: {reason}", path.display())),
        Reach::ByProperty(reason) => output::note(format!(
            "{} is not measured this way: {reason}. If its configuration is passed on to librdkafka, put this into it:\n\
             plugin.library.paths={}",
            path.display(),
            libraries.plugin.display()
        )),
    }
    let mut command = Command::new(&path);
    command.arg0(name).args(arguments).env("LD_PRELOAD", preload(&libraries.preload, std::env::var_os("LD_PRELOAD")));
    if options.check {
        return match watch::run(command, &path) {
            Ok(code) => code,
            Err(error) => output::fail(format!("{}: {error}", path.display()), NOT_RUN),
        };
    }
    let error = command.exec();
    output::fail(format!("{}: {error}", path.display()), NOT_RUN)
}

/// Before what is preloaded already, and once.
fn preload(library: &std::path::Path, already: Option<OsString>) -> OsString {
    let mut all = library.as_os_str().to_owned();
    let Some(already) = already.filter(|already| !already.is_empty()) else { return all };
    let text = already.to_string_lossy();
    if text.split([' ', ':']).any(|one| std::path::Path::new(one) == library) {
        return already;
    }
    all.push(":");
    all.push(already);
    all
}

#[cfg(test)]
mod tests {
    use super::preload;
    use std::path::Path;

    #[test]
    fn what_is_preloaded_stays() {
        let library = Path::new("/lib/ours.so");
        assert_eq!(preload(library, None), "/lib/ours.so");
        assert_eq!(preload(library, Some("".into())), "/lib/ours.so");
        assert_eq!(preload(library, Some("/a.so /b.so".into())), "/lib/ours.so:/a.so /b.so");
        assert_eq!(preload(library, Some("/a.so:/lib/ours.so".into())), "/a.so:/lib/ours.so");
    }
}
