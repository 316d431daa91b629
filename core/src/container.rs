//! The container this process runs in, so that an agent can attach its tags: `Datadog-Container-Id` and
//! `Datadog-Entity-ID`. The rules are those of the tracers (dd-trace-go `internal/container_linux.go`), without a
//! regular expression engine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Inode of `/proc/self/ns/cgroup` in the host's cgroup namespace: a constant of the kernel (`PROC_CGROUP_INIT_INO`).
const HOST_CGROUP_NAMESPACE: u64 = 0xEFFF_FFFB;
/// Bytes of a cgroup file that are looked at: a real one has some lines.
const CGROUP_FILE_MAX: usize = 64 * 1024;

/// What identifies the container, as far as known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// The container id: 64 hexadecimal digits, a UUID, or an ECS task id.
    pub container: Option<String>,
    /// `ci-<container id>`, or `in-<inode of the cgroup>` when the id is hidden by a private cgroup namespace.
    pub entity: Option<String>,
}

impl Ids {
    /// Reads those of this process. Files that cannot be read leave them unknown.
    #[must_use]
    pub fn read() -> Self {
        Self::read_from(Path::new("/proc/self"), Path::new("/sys/fs/cgroup"))
    }

    /// Reads them below another process directory and cgroup mount.
    #[must_use]
    pub fn read_from(process: &Path, mount: &Path) -> Self {
        let text = fs::read(process.join("cgroup")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..text.len().min(CGROUP_FILE_MAX)]).into_owned();
        let container = container_id(&text);
        let entity = match &container {
            Some(id) => Some(format!("ci-{id}")),
            // In the host's namespace the path says everything: no id in it means no container.
            None if inode(&process.join("ns/cgroup")) == Some(HOST_CGROUP_NAMESPACE) => None,
            None => node_paths(&text, mount).iter().find_map(|path| inode(path)).map(|inode| format!("in-{inode}")),
        };
        Self { container, entity }
    }
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|data| data.ino())
}

/// The container id in the text of a `/proc/<pid>/cgroup` file: the first line whose path ends in one.
#[must_use]
pub fn container_id(cgroup: &str) -> Option<String> {
    lines(cgroup).find_map(|(_, path)| id_at_end(path)).map(str::to_owned)
}

/// Directories below `mount` that may be this process's cgroup: of the memory controller (version 1), then of the
/// unified hierarchy (version 2).
fn node_paths(cgroup: &str, mount: &Path) -> Vec<PathBuf> {
    ["memory", ""]
        .iter()
        .filter_map(|wanted| {
            let (_, path) =
                lines(cgroup).find(|(controllers, _)| controllers.split(',').any(|name| name == *wanted))?;
            Some(mount.join(wanted).join(path.trim_start_matches('/')))
        })
        .collect()
}

/// (controllers, path) of each line `<digits>:<controllers>:<path>`.
fn lines(cgroup: &str) -> impl Iterator<Item = (&str, &str)> {
    cgroup.lines().filter_map(|line| {
        let mut parts = line.trim_end().splitn(3, ':');
        let (hierarchy, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let numbered = !hierarchy.is_empty() && hierarchy.bytes().all(|byte| byte.is_ascii_digit());
        (numbered && !path.is_empty()).then_some((controllers, path))
    })
}

/// The id that `path` ends in, before an optional `.scope`.
fn id_at_end(path: &str) -> Option<&str> {
    let path = path.strip_suffix(".scope").unwrap_or(path);
    // A UUID, then the one Cloud Foundry's Garden cuts short, then the digest of Docker, containerd and CRI-O.
    const SHAPES: [&[usize]; 3] = [&[8, 4, 4, 4, 12], &[8, 4, 4, 4, 4], &[64]];
    SHAPES.iter().find_map(|groups| shaped(path, groups)).or_else(|| ecs_task(path))
}

/// The end of `text`, if it consists of groups of that many hexadecimal digits with `-` (or `_`, which some runtimes
/// put into full UUIDs) between them.
fn shaped<'a>(text: &'a str, groups: &[usize]) -> Option<&'a str> {
    let length = groups.iter().sum::<usize>() + groups.len() - 1;
    let start = text.len().checked_sub(length)?;
    let id = text.get(start..)?;
    let mut rest = id.as_bytes();
    for (index, &group) in groups.iter().enumerate() {
        if index > 0 {
            let separator = *rest.first()?;
            if separator != b'-' && (separator != b'_' || groups.last() != Some(&12)) {
                return None;
            }
            rest = &rest[1..];
        }
        if !rest.get(..group)?.iter().all(|&byte| is_hex(byte)) {
            return None;
        }
        rest = &rest[group..];
    }
    Some(id)
}

/// The end of `text`, if it is 32 hexadecimal digits, `-`, and decimal digits: a container of an ECS task.
fn ecs_task(text: &str) -> Option<&str> {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let dash = text.len().checked_sub(digits + 1)?;
    let start = dash.checked_sub(32)?;
    let bytes = text.as_bytes();
    let fits = digits > 0 && bytes[dash] == b'-' && bytes[start..dash].iter().all(|&byte| is_hex(byte));
    if fits { text.get(start..) } else { None }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
