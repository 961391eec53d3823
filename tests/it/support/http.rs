//! The least HTTP/1.1 client on a socket: what it sends is what the test wrote, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use facerec::imaging::OrientedRgb;
use facerec::imaging::encode::encode_png;

use super::server::PATIENCE;

pub const BOUNDARY: &str = "a-boundary";

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// Lines `name: value`, names in lower case.
    pub head: Vec<String>,
    pub body: String,
}

impl Answer {
    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = |line: &'_ str| line.split_once(": ").filter(|(n, _)| *n == name).map(|(_, v)| v.len());
        self.head.iter().find_map(|line| value(line).map(|len| &line[line.len() - len..])).unwrap_or("")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A connection. Dropping it hangs up.
pub struct Client {
    stream: TcpStream,
    /// What has come and was not used yet.
    received: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).unwrap())
    }

    /// As another client: from this address of the machine, such as 127.0.0.2.
    pub fn connect_from(source: [u8; 4], address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from((source, 0))).unwrap();
            socket.connect(address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Self::on(stream)
    }

    fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    /// Connects and sends.
    pub fn sending(address: SocketAddr, bytes: &[u8]) -> Self {
        let mut client = Self::connect(address);
        client.send(bytes);
        client
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends what can be sent in this time; an error when the server has hung up.
    pub fn try_send_for(&mut self, bytes: &[u8], time: Duration) -> std::io::Result<()> {
        self.stream.set_write_timeout(Some(time))?;
        match self.stream.write_all(bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            done => done,
        }
    }

    /// Sends a request and waits for its answer.
    pub fn exchange(&mut self, request: &[u8]) -> Answer {
        self.send(request);
        self.answer()
    }

    /// The next answer, an interim one (1xx) too.
    pub fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer")
    }

    /// The next answer, or `None` when the server hangs up instead.
    pub fn try_answer(&mut self) -> Option<Answer> {
        let end = self.receive_until(|bytes| bytes.windows(4).position(|w| w == b"\r\n\r\n"))?;
        let text = String::from_utf8(self.received.drain(..end + 4).collect()).unwrap();
        let mut lines = text.trim_end().split("\r\n").map(str::to_owned);
        let status = lines.next().unwrap();
        let versions = ["HTTP/1.1 ", "HTTP/1.0 "];
        let status = versions.into_iter().find_map(|version| status.strip_prefix(version)).expect(&status);
        let status = status[..3].parse().unwrap();
        let lower = |line: String| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
            None => line,
        };
        let mut answer = Answer { status, head: lines.map(lower).collect(), body: String::new() };
        let length = answer.header("content-length").parse().unwrap_or(0);
        self.receive_until(|bytes| (bytes.len() >= length).then_some(length))?;
        answer.body = String::from_utf8(self.received.drain(..length).collect()).unwrap();
        Some(answer)
    }

    /// Waits until the server hangs up, with or without an answer before.
    pub fn wait_for_the_end(&mut self) {
        assert_eq!(self.receive_until(|_| None), None);
    }

    fn receive_until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(at) = found(&self.received) {
                return Some(at);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// One request on a connection of its own.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    Client::sending(address, request).answer()
}

/// A GET request with more header lines.
pub fn get(path: &str, more: &[&str]) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n{}\r\n", lines(more)).into_bytes()
}

/// The head of a photo's upload, with its own lines about the body that follows.
pub fn post_head(about_the_body: &[&str]) -> Vec<u8> {
    format!(
        "POST /recognize_faces HTTP/1.1\r\nHost: test\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n{}\r\n",
        lines(about_the_body)
    )
    .into_bytes()
}

fn lines(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\r\n"]).collect()
}

/// A form with a photo.
pub fn form(photo: &[u8]) -> Vec<u8> {
    let mut body =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n")
            .into_bytes();
    body.extend_from_slice(photo);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// The whole request for a photo.
pub fn post(photo: &[u8]) -> Vec<u8> {
    let body = form(photo);
    [post_head(&[&format!("Content-Length: {}", body.len())]), body].concat()
}

/// The whole request for a body that is not a photo's form, as somebody on the service's own machine sends it.
pub fn post_to(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Bytes as chunks of a body (`Transfer-Encoding: chunked`), and its end.
pub fn chunked(body: &[u8], chunk_len: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    for chunk in body.chunks(chunk_len) {
        sent.extend(format!("{:x}\r\n", chunk.len()).bytes());
        sent.extend_from_slice(chunk);
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b"0\r\n\r\n");
    sent
}

/// A grey photo as PNG.
pub fn grey(width: usize, height: usize) -> Vec<u8> {
    encode_png(&OrientedRgb::from_upright(width, height, vec![127; width * height * 3]).unwrap()).unwrap()
}
