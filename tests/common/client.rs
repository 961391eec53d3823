//! A minimal HTTP client: it sends bytes as they are, valid HTTP or not, and reads one response.

use std::borrow::Cow;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Content type of what [`form`] makes.
pub(crate) const FORM: &str = "multipart/form-data; boundary=b";

/// Bytes to send: a request as it goes over the wire, and how often its middle is repeated.
pub(crate) struct Wire {
    pub(crate) head: Vec<u8>,
    /// Sent this many times after the head, so that a gigabyte needs no gigabyte here.
    pub(crate) repeated: (Vec<u8>, usize),
    pub(crate) tail: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Whether it says when to come again.
    pub(crate) retry_after: bool,
    pub(crate) body: String,
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum NoResponse {
    /// The connection ended without one.
    Closed,
    TimedOut,
}

/// Sends a request, with an API key if there is one, and reads its response. The response may come, and the connection end, before
/// all is sent.
pub(crate) fn send(
    address: &str,
    wire: &Wire,
    key: Option<&str>,
    limit: Duration,
) -> Result<Response, NoResponse> {
    match exchange(address, wire, key, limit) {
        Ok(text) => parsed(&text).ok_or(NoResponse::Closed),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Err(NoResponse::TimedOut)
        }
        Err(_) => Err(NoResponse::Closed),
    }
}

fn parsed(text: &str) -> Option<Response> {
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let retry_after = head.to_ascii_lowercase().contains("\r\nretry-after:");
    Some(Response { status, retry_after, body: body.to_owned() })
}

fn exchange(address: &str, wire: &Wire, key: Option<&str>, limit: Duration) -> std::io::Result<String> {
    let deadline = Instant::now() + limit;
    let mut stream = TcpStream::connect(address)?;
    stream.set_write_timeout(Some(limit))?;
    stream.set_read_timeout(Some(limit))?;
    let sent = send_all(&mut stream, wire, key);
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => response.extend_from_slice(&buffer[..read]),
            // Reset after the response was received: the server reads no more of the request.
            Err(_) if !response.is_empty() => break,
            Err(error) => return Err(error),
        }
        if Instant::now() > deadline {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    if response.is_empty() {
        sent?;
    }
    Ok(String::from_utf8_lossy(&response).into_owned())
}

fn send_all(stream: &mut TcpStream, wire: &Wire, key: Option<&str>) -> std::io::Result<()> {
    stream.write_all(&with_key(&wire.head, key))?;
    let (piece, times) = &wire.repeated;
    for _ in 0..*times {
        stream.write_all(piece)?;
    }
    stream.write_all(&wire.tail)
}

/// A head with the key after its first line; what is no head of this client stays as it is.
fn with_key<'a>(head: &'a [u8], key: Option<&str>) -> Cow<'a, [u8]> {
    let (Some(key), Some(end)) = (key, head.windows(2).position(|pair| pair == b"\r\n")) else {
        return head.into();
    };
    if !head[..end].ends_with(b" HTTP/1.1") {
        return head.into();
    }
    let line = format!("\r\nAuthorization: Bearer {key}");
    [&head[..end], line.as_bytes(), &head[end..]].concat().into()
}

/// A photo as part `file` of a form.
pub(crate) fn post_photo(path: &str, photo: &[u8]) -> Wire {
    request("POST", path, FORM, form(&[("file", Some("photo.jpg"), photo)]))
}

/// A right request with any body.
pub(crate) fn request(method: &str, path: &str, content_type: &str, body: Vec<u8>) -> Wire {
    let head = head(method, path, content_type, &format!("Content-Length: {}", body.len()));
    Wire { head, repeated: (body, 1), tail: Vec::new() }
}

/// The head of a request, with a line for the length.
pub(crate) fn head(method: &str, path: &str, content_type: &str, length: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         {length}\r\n\r\n"
    )
    .into_bytes()
}

/// A whole form: name, file name and content of each part.
pub(crate) fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, content) in parts {
        let filename = filename.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}
