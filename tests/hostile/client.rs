//! The least HTTP client: it sends bytes as they are, right or wrong, and reads one answer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Bytes to send: a request as it goes over the wire, and how often its last part is repeated.
pub(crate) struct Wire {
    pub(crate) head: Vec<u8>,
    /// Sent this many times after the head, so that a gigabyte needs no gigabyte here.
    pub(crate) repeated: (Vec<u8>, usize),
    pub(crate) tail: Vec<u8>,
}

pub(crate) enum Answer {
    Status {
        status: u16,
        retry_after: bool,
    },
    /// The connection ended without an answer.
    Closed,
    TimedOut,
}

/// Sends a request and reads its answer. The answer may come, and the connection end, before all is sent.
pub(crate) fn send(address: &str, wire: &Wire, limit: Duration) -> Answer {
    match exchange(address, wire, limit) {
        Ok(text) => match status_of(&text) {
            Some(status) => {
                let head = text.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
                Answer::Status { status, retry_after: head.contains("\r\nretry-after:") }
            }
            None => Answer::Closed,
        },
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Answer::TimedOut,
        Err(_) => Answer::Closed,
    }
}

/// Posts a whole photo; status and body.
pub(crate) fn post_photo(address: &str, photo: &[u8], limit: Duration) -> Option<(u16, String)> {
    let text = exchange(address, &multipart("file", Some("photo.jpg"), photo), limit).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    Some((status_of(&text)?, body.to_owned()))
}

fn status_of(text: &str) -> Option<u16> {
    text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

fn exchange(address: &str, wire: &Wire, limit: Duration) -> std::io::Result<String> {
    let deadline = Instant::now() + limit;
    let mut stream = TcpStream::connect(address)?;
    stream.set_write_timeout(Some(limit))?;
    stream.set_read_timeout(Some(limit))?;
    let sent = send_all(&mut stream, wire);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            // Reset after the answer was received: a server that wants no more.
            Err(_) if !answer.is_empty() => break,
            Err(error) => return Err(error),
        }
        if Instant::now() > deadline {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    if answer.is_empty() {
        sent?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn send_all(stream: &mut TcpStream, wire: &Wire) -> std::io::Result<()> {
    stream.write_all(&wire.head)?;
    let (piece, times) = &wire.repeated;
    for _ in 0..*times {
        stream.write_all(piece)?;
    }
    stream.write_all(&wire.tail)
}

/// A right request with one part.
pub(crate) fn multipart(name: &str, filename: Option<&str>, content: &[u8]) -> Wire {
    let filename = filename.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
    let mut body =
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n").into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--b--\r\n");
    request("multipart/form-data; boundary=b", body)
}

/// A right request with any body.
pub(crate) fn request(content_type: &str, body: Vec<u8>) -> Wire {
    let head = head(content_type, &format!("Content-Length: {}", body.len()));
    Wire { head, repeated: (body, 1), tail: Vec::new() }
}

/// The head of a request, with a line for the length.
pub(crate) fn head(content_type: &str, length: &str) -> Vec<u8> {
    format!(
        "POST /recognize_faces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         {length}\r\n\r\n"
    )
    .into_bytes()
}
