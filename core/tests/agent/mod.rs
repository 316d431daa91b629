//! A scripted agent: answers each request as told, over TCP, a unix socket or TLS, and keeps what it was sent.
#![allow(dead_code)] // each test binary uses its part

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What to do with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Read the request, write these bytes, keep the connection.
    Write(Vec<u8>),
    /// As `Write`, then close.
    WriteAndClose(Vec<u8>),
    /// Read the request's head and a little of its body, then close: the peer sees a reset.
    Reset,
    /// Read the request's head, write these bytes, and close without reading the body; a little later, as Go's server
    /// and nginx do, since a reset at once may overtake the answer.
    Early(Vec<u8>),
    /// Read the request, say nothing for this long, then close.
    Hang(Duration),
    /// Read the request, write the head, then a byte every 20 ms for this long.
    Drip(Duration),
    /// Accept, read nothing for this long, then close.
    Deaf(Duration),
}

/// An answer with a status, headers (`\r\n` after each) and no body.
pub(crate) fn answer(status: u16, headers: &str) -> Act {
    Act::Write(format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: 2\r\n\r\n{{}}").into_bytes())
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The request line.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// Number of the connection, from 1.
    pub(crate) connection: usize,
}

impl Request {
    /// The value of the header that is there once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }
}

type Script = Arc<Mutex<Box<dyn Iterator<Item = Act> + Send>>>;
/// Wraps an accepted connection, for TLS.
pub(crate) type Wrap = Arc<dyn Fn(TcpStream) -> Box<dyn ReadWrite> + Send + Sync>;

/// A connection.
pub(crate) trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

/// Where requests arrive.
pub(crate) struct Agent {
    /// Its address (TCP).
    pub(crate) address: Option<SocketAddr>,
    requests: Receiver<Request>,
}

impl Agent {
    /// Listens on TCP. The last act of the script is repeated.
    pub(crate) fn tcp(script: Vec<Act>) -> Self {
        Self::wrapped(script, Arc::new(|stream| Box::new(stream)))
    }

    /// Listens on TCP and wraps each connection.
    pub(crate) fn wrapped(script: Vec<Act>, wrap: Wrap) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = repeated(script);
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (stream, script, sender, wrap) = (stream.unwrap(), script.clone(), sender.clone(), wrap.clone());
                thread::spawn(move || serve(wrap(stream), number + 1, &script, &sender));
            }
        });
        Self { address: Some(address), requests }
    }

    /// Listens on a unix socket.
    pub(crate) fn unix(path: &Path, script: Vec<Act>) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let script = repeated(script);
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (stream, script, sender): (UnixStream, _, _) = (stream.unwrap(), script.clone(), sender.clone());
                thread::spawn(move || serve(stream, number + 1, &script, &sender));
            }
        });
        Self { address: None, requests }
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address.unwrap())
    }

    /// The requests that have arrived and were not asked for yet.
    pub(crate) fn taken(&self) -> impl Iterator<Item = Request> + '_ {
        self.requests.try_iter()
    }

    /// The next request, waiting a little.
    pub(crate) fn request(&self) -> Option<Request> {
        self.requests.recv_timeout(Duration::from_millis(500)).ok()
    }
}

fn repeated(script: Vec<Act>) -> Script {
    let last = script.last().unwrap().clone();
    Arc::new(Mutex::new(Box::new(script.into_iter().chain(std::iter::repeat(last)))))
}

fn serve(mut stream: impl ReadWrite, connection: usize, script: &Script, sender: &Sender<Request>) {
    // One act per request; its order among connections is that of their requests.
    let mut buffered = Vec::new();
    loop {
        let Some(head) = head(&mut stream, &mut buffered) else { return };
        let act = script.lock().unwrap().next().unwrap();
        match act {
            Act::Reset => return,
            Act::Early(bytes) => {
                let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
                return thread::sleep(Duration::from_millis(100));
            }
            Act::Deaf(time) => return thread::sleep(time),
            _ => {}
        }
        let Some(request) = body(&mut stream, &mut buffered, &head, connection) else { return };
        if let Act::WriteAndClose(bytes) = &act {
            let _ = stream.write_all(bytes);
            drop(stream); // before the test hears of it
            let _ = sender.send(request);
            return;
        }
        let _ = sender.send(request);
        match act {
            Act::Write(bytes) => stream.write_all(&bytes).and_then(|()| stream.flush()).unwrap_or_default(),
            Act::Hang(time) => return thread::sleep(time),
            Act::Drip(time) => {
                let _ = stream.write_all(b"HTTP/1.1 202 Said\r\nContent-Length: 100000\r\n\r\n");
                let end = std::time::Instant::now() + time;
                while std::time::Instant::now() < end && stream.write_all(b".").is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
                return;
            }
            Act::Reset | Act::Early(_) | Act::Deaf(_) | Act::WriteAndClose(_) => return,
        }
    }
}

fn head(stream: &mut impl Read, buffered: &mut Vec<u8>) -> Option<String> {
    let mut chunk = [0; 1024];
    loop {
        if let Some(end) = buffered.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffered[..end].to_vec()).unwrap();
            buffered.drain(..end + 4);
            return Some(head);
        }
        match stream.read(&mut chunk) {
            Ok(length) if length > 0 => buffered.extend_from_slice(&chunk[..length]),
            _ => return None,
        }
    }
}

fn body(stream: &mut impl Read, buffered: &mut Vec<u8>, head: &str, connection: usize) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    // A question has none.
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, length)| length.parse().unwrap());
    let mut chunk = [0; 16384];
    while buffered.len() < length {
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => buffered.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
    let body = buffered.drain(..length).collect();
    Some(Request { line, headers, body, connection })
}
