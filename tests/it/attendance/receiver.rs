//! A receiver of messages on this machine, which answers as a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One request.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// How the request of this number, from 0, is answered: a status line's tail and more headers.
type Answer = dyn Fn(usize, &Received) -> String + Send + Sync;

pub struct ReceiverServer {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl ReceiverServer {
    /// Answers with what `answer` returns, such as `200 OK`.
    pub fn start(answer: impl Fn(usize, &Received) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (all, answer): (_, Arc<Answer>) = (Arc::clone(&received), Arc::new(answer));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                thread::spawn(move || serve(&connection, &all, &*answer));
            }
        });
        Self { url, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        super::receiver::wait(|| self.received().len() >= count, "the receiver got too few requests");
        self.received()
    }
}

/// Waits until `done`, for a minute at most.
pub fn wait(done: impl Fn() -> bool, otherwise: &str) {
    for _ in 0..6_000 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{otherwise}");
}

fn serve(connection: &TcpStream, all: &Mutex<Vec<Received>>, answer: &Answer) {
    let mut reader = BufReader::new(connection);
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut all = all.lock().unwrap();
            all.push(request.clone());
            all.len() - 1
        };
        let head = format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", answer(number, &request));
        if (&*connection).write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { headers, body: String::from_utf8(body).ok()? })
}
