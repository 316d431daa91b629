//! What the configuration takes from the process and the machine, read once and passed on as values.

use crate::container::Ids;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The surroundings of a client.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The program's file, if known.
    pub executable: Option<PathBuf>,
    /// The program's arguments, as far as they are worth reading.
    pub arguments: Vec<String>,
    /// The working directory, if known.
    pub workdir: Option<PathBuf>,
    /// The machine's name, if known.
    pub hostname: Option<String>,
    /// Whether the agent's default unix socket exists.
    pub default_socket: bool,
    /// The container this process runs in.
    pub container: Ids,
}

impl Machine {
    /// Reads the running process and its machine. What cannot be read stays unknown; nothing fails or waits.
    #[must_use]
    pub fn read() -> Self {
        Self {
            executable: std::env::current_exe().ok(),
            arguments: arguments(),
            workdir: std::env::current_dir().ok(),
            hostname: hostname(&["/proc/sys/kernel/hostname", "/etc/hostname"]),
            default_socket: Path::new(crate::endpoint::DEFAULT_SOCKET).exists(),
            container: Ids::read(),
        }
    }

    /// The program's name: the base name of its file; for Python that of the script or module it runs, since one name
    /// for all Python programs tells nothing.
    #[must_use]
    pub fn program(&self) -> Option<String> {
        // Linux marks a program whose file was replaced, as an upgrade under a running service does.
        let name = self.executable.as_ref()?.file_name()?.to_string_lossy();
        let name = name.strip_suffix(" (deleted)").unwrap_or(&name).trim();
        let script =
            (name.starts_with("python") || name.starts_with("pypy")).then(|| script(&self.arguments)).flatten();
        script.or_else(|| (!name.is_empty()).then(|| name.to_owned()))
    }
}

/// What Python was told to run: `app` for `app.py`, `app/__main__.py` and `-m app`; nothing for `-c` and a prompt.
fn script(arguments: &[String]) -> Option<String> {
    let mut arguments = arguments.iter().map(String::as_str);
    let run = loop {
        match arguments.next()? {
            "-m" => match arguments.next()? {
                // It runs another program in the same process.
                "datastreams" => break arguments.find(|argument| *argument != "run" && !argument.starts_with('-'))?,
                module => break module,
            },
            "-W" | "-X" | "--check-hash-based-pycs" => drop(arguments.next()),
            option if option.starts_with("-c") => return None,
            option if option.starts_with('-') => {}
            script => break script,
        }
    };
    let path = Path::new(run);
    let path = if path.file_name()? == "__main__.py" { path.parent()? } else { path };
    let name = path.file_name()?.to_string_lossy();
    let name = name.strip_suffix(".py").unwrap_or(&name).trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The arguments in the first 4 KiB of the command line: a script comes early.
fn arguments() -> Vec<String> {
    let mut line = Vec::new();
    let read = fs::File::open("/proc/self/cmdline").and_then(|file| file.take(4096).read_to_end(&mut line));
    if read.is_err() {
        return Vec::new();
    }
    line.split(|&byte| byte == 0).skip(1).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// The first line of the first file that has one: what gethostname answers, without unsafe code.
fn hostname(files: &[&str]) -> Option<String> {
    files.iter().find_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        let name = text.lines().next()?.trim();
        (!name.is_empty() && name != "(none)").then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::read();
        assert!(machine.program().unwrap().starts_with("datastreams_core"));
        assert_eq!(machine.hostname.unwrap(), fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim());
        assert!(machine.workdir.unwrap().is_dir());
    }

    #[test]
    fn programs_and_host_names() {
        let program = |path: &str| Machine { executable: Some(path.into()), ..Machine::default() }.program();
        assert_eq!(program("/usr/bin/checkout").as_deref(), Some("checkout"));
        assert_eq!(program("/usr/bin/checkout (deleted)").as_deref(), Some("checkout"));
        assert_eq!(program("/"), None);
        assert_eq!(Machine::default().program(), None);
        assert_eq!(hostname(&["/nonexistent", "/dev/null"]), None);
    }

    #[test]
    fn python_is_named_by_what_it_runs() {
        let run = |python: &str, line: &str| {
            let arguments = line.split(' ').map(String::from).collect();
            Machine { executable: Some(python.into()), arguments, ..Machine::default() }.program().unwrap()
        };
        for (line, name) in [
            ("billing.py --port 80", "billing"),
            ("-u -W ignore -X dev /srv/billing/app.py", "app"),
            ("/usr/bin/gunicorn shop:app", "gunicorn"),
            ("/srv/billing/__main__.py", "billing"),
            ("-m billing.worker", "billing.worker"),
            ("-m datastreams run --flush-on-sigterm billing.py x", "billing"),
            ("-m datastreams run -m billing", "billing"),
            ("-c import datastreams", "python3.11"),
            ("-", "python3.11"),
            ("", "python3.11"),
        ] {
            assert_eq!(run("/usr/bin/python3.11", line), name, "{line}");
        }
        assert_eq!(run("/usr/bin/checkout", "billing.py"), "checkout");
    }
}
