//! Runs the program, waits for its end, and tells whether a client of librdkafka was measured.

use crate::output;
use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Names the file that the preloaded library writes into when it sees a client.
const SEEN: &str = "DS_RDKAFKA_SEEN";

/// The exit code is the program's, as a shell tells it. Ctrl-C reaches the program by itself.
pub(super) fn run(mut command: Command, program: &Path) -> std::io::Result<ExitCode> {
    let seen = Seen::create()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        // Taken, so that it does not end us before the program.
        let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        let mut child = tokio::process::Command::from({
            command.env(SEEN, &seen.path);
            command
        })
        .spawn()?;
        loop {
            tokio::select! {
                status = child.wait() => return status,
                _ = interrupts.recv() => {}
            }
        }
    })?;
    output::note(format!(
        "{}: {}",
        program.display(),
        if seen.anything() {
            "a client of librdkafka was seen, and is measured unless it logged why not"
        } else {
            "no client of librdkafka was seen: either none was made, or librdkafka is linked into the program, or it was \
         loaded by dlsym"
        }
    ));
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// An empty file of our own, which goes with this.
struct Seen {
    path: PathBuf,
}

impl Seen {
    fn create() -> std::io::Result<Seen> {
        let path = std::env::temp_dir().join(format!("datastreams-run-{}-{:x}", std::process::id(), random()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        // A program that gives up its rights is to be able to write into it.
        file.set_permissions(Permissions::from_mode(0o622))?;
        Ok(Seen { path })
    }

    fn anything(&self) -> bool {
        File::open(&self.path).and_then(|file| file.metadata()).is_ok_and(|found| found.len() > 0)
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        // Where it cannot be removed it is an empty file among others of its kind.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// So that nobody can lay a file of this name there before.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
