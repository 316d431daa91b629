//! The program that is to be run, and whether a preloaded library comes into it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Whether the plugin comes into a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing is known against it. A script's interpreter, or what the program starts, decides.
    Perhaps,
    /// It does not when it is preloaded, and why; but it does by librdkafka's configuration.
    ByProperty(&'static str),
    /// It does not, and why.
    No(&'static str),
}

/// The file that a name means to a shell: with a slash a path, else the first of the search path that can be run.
pub(super) fn find(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let runs =
        |file: &PathBuf| file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    if name.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(runs);
    }
    std::env::split_paths(path?).map(|place| place.join(name)).find(runs)
}

/// Looks at the file. What cannot be read is not judged.
pub(super) fn reach(path: &Path) -> Reach {
    let Ok(file) = File::open(path) else { return Reach::Perhaps };
    if file.metadata().is_ok_and(|found| found.permissions().mode() & 0o6000 != 0) {
        return Reach::No("it runs with the rights of another user, so the system preloads nothing into it");
    }
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut head = [0; 64];
    if file.read_exact(&mut head).is_err() || !head.starts_with(b"\x7fELF") {
        return Reach::Perhaps;
    }
    match needs_loader(path, &head) {
        Some(false) => return Reach::No("it is linked statically, so no library comes into it"),
        None => return Reach::Perhaps,
        Some(true) => {}
    }
    // A line that librdkafka logs. Who only calls librdkafka does not have it.
    match contains(&mut file, b"Interceptor %s failed %s") {
        Ok(true) => Reach::ByProperty("librdkafka is linked into it, where a preloaded library is not asked"),
        _ => Reach::Perhaps,
    }
}

/// Whether a 64-bit ELF file names a dynamic loader. `None` when it is something else.
fn needs_loader(path: &Path, head: &[u8; 64]) -> Option<bool> {
    const LITTLE_64: [u8; 2] = [2, 1];
    const INTERPRETER: u32 = 3;
    if head[4..6] != LITTLE_64 {
        return None;
    }
    let table = u64::from_le_bytes(head[32..40].try_into().ok()?);
    let entry = usize::from(u16::from_le_bytes(head[54..56].try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(head[56..58].try_into().ok()?));
    if entry < 56 {
        return None;
    }
    let mut headers = vec![0; entry * count];
    std::os::unix::fs::FileExt::read_exact_at(&File::open(path).ok()?, &mut headers, table).ok()?;
    Some(headers.chunks_exact(entry).any(|header| header[..4] == INTERPRETER.to_le_bytes()))
}

/// Whether bytes are in what is left to read, without all of it in memory.
fn contains(file: &mut impl BufRead, wanted: &[u8]) -> std::io::Result<bool> {
    let mut held: Vec<u8> = Vec::new();
    loop {
        let read = file.fill_buf()?;
        if read.is_empty() {
            return Ok(false);
        }
        held.extend_from_slice(read);
        let taken = read.len();
        file.consume(taken);
        if held.windows(wanted.len()).any(|part| part[0] == wanted[0] && part == wanted) {
            return Ok(true);
        }
        // It may lie across two reads.
        held.drain(..held.len().saturating_sub(wanted.len() - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_a_shell_finds_them() {
        assert_eq!(find("sh".as_ref(), Some("/nowhere:/bin".as_ref())), Some("/bin/sh".into()));
        assert_eq!(find("sh".as_ref(), Some("/nowhere".as_ref())), None);
        assert_eq!(find("/bin/sh".as_ref(), None), Some("/bin/sh".into()));
        assert_eq!(find("/etc/passwd".as_ref(), None), None, "it cannot be run");
        assert_eq!(find("/bin".as_ref(), None), None, "a directory");
    }

    #[test]
    fn bytes_are_found_wherever_they_lie() {
        let text = b"0123456789abcdef";
        for size in 1..=text.len() {
            let mut file = BufReader::with_capacity(size, &text[..]);
            assert!(contains(&mut file, b"789ab").unwrap(), "{size}");
            let mut file = BufReader::with_capacity(size, &text[..]);
            assert!(!contains(&mut file, b"789ac").unwrap(), "{size}");
        }
    }

    #[test]
    fn files_are_judged() {
        assert_eq!(reach(Path::new("/bin/sh")), Reach::Perhaps);
        assert_eq!(reach(Path::new("/etc/passwd")), Reach::Perhaps, "a script, or anything");
        let place = std::env::temp_dir().join(format!("datastreams-reach-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let shell = std::fs::read("/bin/sh").unwrap();
        let linked = place.join("linked");
        std::fs::write(&linked, [&shell[..], b"...Interceptor %s failed %s: ..."].concat()).unwrap();
        assert!(matches!(reach(&linked), Reach::ByProperty(reason) if reason.contains("linked into it")));
        // Without the entries that name the loader.
        let mut own = shell;
        own[56..58].copy_from_slice(&[0, 0]);
        let alone = place.join("alone");
        std::fs::write(&alone, own).unwrap();
        assert!(matches!(reach(&alone), Reach::No(reason) if reason.contains("statically")));
        std::fs::write(place.join("cut"), b"\x7fELF").unwrap();
        assert_eq!(reach(&place.join("cut")), Reach::Perhaps);
        std::fs::remove_dir_all(&place).unwrap();
    }
}
