//! Where the collector listens, and clear words when it cannot.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener};

pub(super) async fn tcp(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {}; choose another with --listen", reason(&error)))
}

/// Removes the socket's file at the end.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl SocketFile {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Listens on a unix socket. A file left behind by one that was killed is replaced, anything else is not.
pub(super) fn unix(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    let say = |reason: &str| format!("cannot listen on {}: {reason}; choose another with --unix", path.display());
    if let Ok(file) = std::fs::symlink_metadata(path) {
        if !file.file_type().is_socket() {
            return Err(say("the file exists and is no socket"));
        }
        // Only a socket that nobody listens on refuses.
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(|error| say(&reason(&error)))?;
            }
            _ => return Err(say("address already in use")),
        }
    }
    let listener = UnixListener::bind(path).map_err(|error| say(&reason(&error)))?;
    Ok((listener, SocketFile(path.into())))
}

/// The reason without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "address already in use".into(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::NotFound => "the directory does not exist".into(),
        _ => error.to_string(),
    }
}
