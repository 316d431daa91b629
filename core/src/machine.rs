//! What the configuration takes from the process and the machine, read once and passed on as values.

use crate::container::Ids;
use std::fs;
use std::path::{Path, PathBuf};

/// The surroundings of a client.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The program's file, if known.
    pub executable: Option<PathBuf>,
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
            workdir: std::env::current_dir().ok(),
            hostname: hostname(&["/proc/sys/kernel/hostname", "/etc/hostname"]),
            default_socket: Path::new(crate::endpoint::DEFAULT_SOCKET).exists(),
            container: Ids::read(),
        }
    }

    /// The program's name: the base name of its file.
    #[must_use]
    pub fn program(&self) -> Option<String> {
        // Linux marks a program whose file was replaced, as an upgrade under a running service does.
        let name = self.executable.as_ref()?.file_name()?.to_string_lossy();
        let name = name.strip_suffix(" (deleted)").unwrap_or(&name).trim();
        (!name.is_empty()).then(|| name.to_owned())
    }
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
}
