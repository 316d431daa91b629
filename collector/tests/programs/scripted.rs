//! A server that answers what a test says.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

/// Listens on a free port until the test's process ends.
pub(crate) struct Scripted {
    port: u16,
}

impl Scripted {
    /// Answers each request, from its first line to its body, with the text that `script` makes of it; then closes the
    /// connection. An empty answer keeps it open, silently.
    pub(crate) fn start(script: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let script = script.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &*script));
            }
        });
        Self { port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn serve(mut stream: TcpStream, script: &dyn Fn(&str) -> String) {
    let Some(request) = request(&mut stream) else { return };
    let answer = script(&request);
    if answer.is_empty() {
        // Until the other side has enough.
        let _ = stream.read_to_end(&mut Vec::new());
        return;
    }
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// A whole request: the head, and as much of a body as it announces.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(end) + 4;
            if bytes.len() >= head + length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// An answer with a body.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
    format!("{text}\r\n{body}")
}
