//! The processes of the demonstration. However it ends, they end: each is told to watch its standard input, which
//! this process holds, so that they end by themselves even when this process is killed; and what is dropped is killed.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// How long a process may take to end after its input did. Services wait up to 5 s each for the group, the last
/// deliveries and the collector.
pub(super) const FAREWELL: Duration = Duration::from_secs(20);

/// What a process said.
#[derive(Debug)]
pub(super) struct Heard {
    /// Its name.
    pub(super) name: &'static str,
    /// A line of its standard output; `None`: that is closed, it ended or is about to.
    pub(super) line: Option<String>,
}

/// The processes that run.
#[derive(Debug)]
pub(super) struct Children {
    running: Vec<Running>,
    tell: UnboundedSender<Heard>,
    heard: UnboundedReceiver<Heard>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Children {
    pub(super) fn new() -> Self {
        let (tell, heard) = unbounded_channel();
        Self { running: Vec::new(), tell, heard }
    }

    /// Starts a process.
    pub(super) fn start(&mut self, name: &'static str, program: &Path, arguments: &[String]) -> Result<(), String> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C is for this process, which ends the others in order.
        command.process_group(0);
        // The demonstration says itself what is measured, and where statistics go.
        for (variable, _) in std::env::vars_os() {
            let name = variable.as_encoded_bytes();
            if name.starts_with(b"DD_") || name.starts_with(b"DATASTREAMS_") {
                command.env_remove(variable);
            }
        }
        let mut child =
            command.spawn().map_err(|error| format!("{name}: cannot start {}: {error}", program.display()))?;
        let stdin = child.stdin.take();
        if let Some(stdout) = child.stdout.take() {
            let tell = self.tell.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if tell.send(Heard { name, line: Some(line) }).is_err() {
                        return;
                    }
                }
                let _ = tell.send(Heard { name, line: None });
            });
        }
        self.running.push(Running { name, child, stdin });
        Ok(())
    }

    /// What one of them says next. Can be dropped while it waits.
    pub(super) async fn hear(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            // Never: `self.tell` is alive.
            None => std::future::pending().await,
        }
    }

    /// Ends a process's input, which tells it to end.
    pub(super) fn tell_to_end(&mut self, name: &str) {
        if let Some(running) = self.running.iter_mut().find(|running| running.name == name) {
            running.stdin = None;
        }
    }

    /// Waits for the end of a process that was told to end, or ended by itself; kills it when that takes too long.
    pub(super) async fn end(&mut self, name: &str) -> Result<(), String> {
        self.tell_to_end(name);
        let Some(place) = self.running.iter().position(|running| running.name == name) else { return Ok(()) };
        let Running { mut child, .. } = self.running.swap_remove(place);
        match timeout(FAREWELL, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{name} failed: {}", how(status))),
            Ok(Err(error)) => Err(format!("{name}: {error}")),
            Err(_) => {
                let _ = child.kill().await;
                Err(format!("{name} did not end within {} s, and was killed", FAREWELL.as_secs()))
            }
        }
    }

    /// Kills and reaps what still runs.
    pub(super) async fn kill(&mut self) {
        for Running { child, .. } in &mut self.running {
            let _ = child.start_kill();
        }
        for Running { child, .. } in &mut self.running {
            let _ = child.wait().await;
        }
        self.running.clear();
    }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> [String; 2] {
        ["-c".into(), script.into()]
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn lines_and_ends() {
        run(async {
            let mut children = Children::new();
            children.start("echo", Path::new("/bin/sh"), &shell("echo one; cat; echo two; exit 3")).unwrap();
            assert_eq!(children.hear().await.line.as_deref(), Some("one"));
            assert_eq!(children.end("echo").await, Err("echo failed: exit code 3".into()));
            assert_eq!(children.hear().await.line.as_deref(), Some("two"));
            assert_eq!(children.hear().await.line, None);
            assert_eq!(children.end("echo").await, Ok(()), "it is gone");
        });
    }

    #[test]
    fn no_one_is_left() {
        run(async {
            let mut children = Children::new();
            // A process that listens to nothing: told its process id first.
            children.start("deaf", Path::new("/bin/sh"), &shell("echo $$; exec sleep 1000")).unwrap();
            let pid = children.hear().await.line.unwrap();
            let alive = || Path::new("/proc").join(&pid).exists();
            assert!(alive());
            children.kill().await;
            assert!(!alive(), "killed and reaped");
        });
    }

    #[test]
    fn what_cannot_start_is_named() {
        run(async {
            let error = Children::new().start("orders", Path::new("/nowhere/orders"), &[]).unwrap_err();
            assert!(error.contains("orders: cannot start /nowhere/orders"), "{error}");
        });
    }
}
