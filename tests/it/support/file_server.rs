//! A small HTTP server for one file, that can be told to misbehave.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does with one request.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Serves the file, from the byte asked for.
    Good,
    /// Serves the file, but closes the connection after this many bytes of it.
    BreakAfter(usize),
    /// Serves the whole file, whatever part was asked for.
    IgnoreRange,
    /// Says 206, but sends another part than was asked for.
    WrongRange,
    /// Serves the file without saying how long it is.
    NoLength,
    /// Answers with this status.
    Status(u16),
}

/// The running server.
pub struct FileServer {
    pub url: String,
    /// The `Range` header of each request so far.
    ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl FileServer {
    /// Serves `file`, one request after the other in these manners, the last for all further ones.
    pub fn start(file: Vec<u8>, manners: Vec<Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/model.pt", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&ranges);
        // The thread ends with the test's process.
        thread::spawn(move || {
            let mut manners = manners.into_iter().peekable();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let range = requested_range(&stream);
                let start = range
                    .as_ref()
                    .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
                seen.lock().unwrap().push(range);
                let manner = *manners.peek().unwrap();
                if manners.len() > 1 {
                    manners.next();
                }
                // The client may hang up first, as when the file is too large.
                let _ = answer(&mut stream, &file, start, manner);
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Self { url, ranges }
    }

    pub fn ranges(&self) -> Vec<Option<String>> {
        self.ranges.lock().unwrap().clone()
    }
}

fn requested_range(stream: &TcpStream) -> Option<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    // All lines are read, or closing the connection would reset it.
    let lines: Vec<String> = lines.collect();
    let range = |line: &String| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("range").then(|| value.trim().to_owned())
    };
    lines.iter().find_map(range)
}

fn answer(stream: &mut TcpStream, file: &[u8], start: Option<usize>, manner: Manner) -> std::io::Result<()> {
    let len = file.len();
    let whole = format!("200 OK\r\nContent-Length: {len}\r\n");
    let part = |start: usize| {
        format!(
            "206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{len}\r\n",
            len - start,
            len - 1
        )
    };
    let (head, start, end) = match (manner, start) {
        (Manner::Status(status), _) => (format!("{status} No\r\nContent-Length: 0\r\n"), 0, 0),
        (Manner::NoLength, _) => ("200 OK\r\n".into(), 0, len),
        (Manner::WrongRange, Some(_)) => (part(1), 1, len),
        (Manner::IgnoreRange, _) | (_, None) => (whole, 0, len),
        (_, Some(start)) if start >= len => (
            format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{len}\r\nContent-Length: 0\r\n"),
            0,
            0,
        ),
        (_, Some(start)) => (part(start), start, len),
    };
    let end = if let Manner::BreakAfter(bytes) = manner { end.min(start + bytes) } else { end };
    stream.write_all(format!("HTTP/1.1 {head}Connection: close\r\n\r\n").as_bytes())?;
    stream.write_all(&file[start..end])
}
