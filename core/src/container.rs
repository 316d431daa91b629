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

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "34dc0b5e626f2c5c4c5170e34b10e7654ce36f0fcd532739f4445baabea03376";
    const UUID: &str = "34dc0b5e-626f-2c5c-4c51-70e34b10e765";
    const TASK: &str = "34dc0b5e626f2c5c4c5170e34b10e765-1234567890";
    const GARDEN: &str = "34dc0b5e-626f-2c5c-4c51-70e3";

    fn found(cgroup: &str) -> Option<String> {
        container_id(cgroup)
    }

    #[test]
    fn version_1_docker() {
        let text = format!("13:name=systemd:/docker/{ID}\n12:pids:/docker/{ID}\n1:cpuset:/docker/{ID}\n");
        assert_eq!(found(&text).as_deref(), Some(ID));
    }

    #[test]
    fn version_1_kubernetes() {
        let pod = "kubepods/test/pod3d274242-8ee0-11e9-a8a6-1e68d864ef1a";
        assert_eq!(found(&format!("11:perf_event:/{pod}/{ID}\n")).as_deref(), Some(ID));
    }

    #[test]
    fn systemd_slices_of_docker_containerd_and_crio() {
        let slice =
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2d3da189_6407_48e3_9ab6_78188d75e609.slice";
        for runtime in ["docker", "cri-containerd", "crio", "libpod"] {
            let text = format!("1:name=systemd:{slice}/{runtime}-{ID}.scope\n");
            assert_eq!(found(&text).as_deref(), Some(ID), "{runtime}");
        }
    }

    #[test]
    fn version_2() {
        assert_eq!(found(&format!("0::/system.slice/docker-{ID}.scope\n")).as_deref(), Some(ID));
        assert_eq!(found("0::/\n"), None);
        assert_eq!(found("0::/../../init.scope\n"), None);
    }

    #[test]
    fn ecs_and_fargate() {
        let text = format!("9:perf_event:/ecs/user-ecs-classic/5a0d5ceddf6c44c1928d367a815d890f/{ID}\n");
        assert_eq!(found(&text).as_deref(), Some(ID));
        let text = format!("11:hugetlb:/ecs/34dc0b5e626f2c5c4c5170e34b10e765/{TASK}\n");
        assert_eq!(found(&text).as_deref(), Some(TASK));
    }

    #[test]
    fn cloud_foundry_and_uuids() {
        assert_eq!(
            found(&format!("1:name=systemd:/system.slice/garden.service/garden/{GARDEN}\n")).as_deref(),
            Some(GARDEN)
        );
        assert_eq!(found(&format!("1:name=systemd:/uuid/{UUID}\n")).as_deref(), Some(UUID));
        let underscores = UUID.replace('-', "_");
        assert_eq!(
            found(&format!("1:name=systemd:/uuid/{underscores}.scope\n")).as_deref(),
            Some(underscores.as_str())
        );
    }

    #[test]
    fn the_first_line_with_an_id_wins_and_only_the_end_of_a_path_counts() {
        let other = ID.replace('3', "4");
        assert_eq!(found(&format!("3:a:/\n2:b:/docker/{ID}\n1:c:/docker/{other}\n")).as_deref(), Some(ID));
        assert_eq!(found(&format!("1:c:/docker/{ID}/init\n")), None);
        assert_eq!(found(&format!("1:c:/docker/{ID}x\n")), None);
    }

    #[test]
    fn what_is_no_id() {
        for text in [
            "",
            "\n\n",
            "nonsense",
            "1:cpu",
            "x:cpu:/docker/34dc",
            "1:cpu:",
            "11:memory:/user.slice/user-0.slice/session-14.scope\n",
            "1:name=systemd:/init.scope\n",
            "1:c:/ecs/34dc0b5e626f2c5c4c5170e34b10e765-\n",
            "1:c:/ecs/4dc0b5e626f2c5c4c5170e34b10e765-1\n",
            "1:c:/é34dc0b5e626f2c5c4c5170e34b10e7-\n",
        ] {
            assert_eq!(found(text), None, "{text:?}");
        }
        assert_eq!(found(&format!("1:c:/docker/{}\n", ID.to_uppercase())), None);
        assert_eq!(found(&format!("1:c:/docker/{}\n", &ID[1..])), None);
        // One hexadecimal digit more: the last 64, as the tracers' expression finds.
        assert_eq!(found(&format!("1:c:/docker/a{ID}\n")).as_deref(), Some(ID));
    }

    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, cgroup: &str) -> Self {
            let root = std::env::temp_dir().join(format!("datastreams-cgroup-{}-{name}", std::process::id()));
            fs::create_dir_all(root.join("proc/ns")).unwrap();
            fs::create_dir_all(root.join("mount/memory/a")).unwrap();
            fs::create_dir_all(root.join("mount/b")).unwrap();
            fs::write(root.join("proc/cgroup"), cgroup).unwrap();
            fs::write(root.join("proc/ns/cgroup"), "").unwrap();
            Self(root)
        }

        fn ids(&self) -> Ids {
            Ids::read_from(&self.0.join("proc"), &self.0.join("mount"))
        }

        fn inode(&self, path: &str) -> Option<String> {
            Some(format!("in-{}", fs::metadata(self.0.join("mount").join(path)).unwrap().ino()))
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_entity_is_the_container_when_known() {
        let tree = Tree::new("known", &format!("0::/docker/{ID}\n"));
        assert_eq!(tree.ids(), Ids { container: Some(ID.into()), entity: Some(format!("ci-{ID}")) });
    }

    #[test]
    fn else_the_inode_of_the_memory_controller_or_the_unified_hierarchy() {
        let tree = Tree::new("v1", "5:cpu:/x\n4:blkio,memory:/a\n0::/b\n");
        assert_eq!(tree.ids(), Ids { container: None, entity: tree.inode("memory/a") });
        let tree = Tree::new("v2", "0::/b\n");
        assert_eq!(tree.ids().entity, tree.inode("b"));
        let tree = Tree::new("missing", "4:memory:/gone\n0::/b\n");
        assert_eq!(tree.ids().entity, tree.inode("b"));
        let tree = Tree::new("root", "0::/\n");
        assert_eq!(tree.ids().entity, tree.inode(""));
        let tree = Tree::new("none", "7:cpu:/x\n");
        assert_eq!(tree.ids(), Ids::default());
    }

    #[test]
    fn nothing_is_known_without_files_and_the_real_ones_are_read() {
        assert_eq!(Ids::read_from(Path::new("/nonexistent"), Path::new("/nonexistent")), Ids::default());
        let ids = Ids::read();
        if let Some(container) = &ids.container {
            assert_eq!(ids.entity, Some(format!("ci-{container}")));
        } else if inode(Path::new("/proc/self/ns/cgroup")) == Some(HOST_CGROUP_NAMESPACE) {
            assert_eq!(ids.entity, None);
        }
    }
}
