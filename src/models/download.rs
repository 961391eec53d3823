//! Downloads a file over HTTP into a partial file, and resumes interrupted downloads with range requests: in the same
//! run, and in the next one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use crate::error::{Error, ModelError, Result};

/// Size of the read buffer, bytes.
const CHUNK: usize = 1 << 16;

/// When a download is retried, and when it is given up.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Largest number of consecutive failed attempts without progress.
    pub attempts: u32,
    /// Delay before the first retry; doubled for each further one.
    pub backoff: Duration,
    /// Timeout of the connection, of the response headers and of each read.
    pub idle_timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 5, backoff: Duration::from_secs(1), idle_timeout: Duration::from_secs(30) }
    }
}

/// Progress callback: bytes received, and the total if the server announced it.
pub type OnProgress<'p> = dyn FnMut(u64, Option<u64>) + 'p;

/// Why an attempt failed.
enum AttemptError {
    /// Transient: retry, and resume.
    Broken(String),
    /// The partial file does not match the file on the server: retry from the start.
    Stale(String),
    /// Permanent: do not retry.
    Final(String),
}

/// Downloads `url` into the file `partial`. When retries are exhausted, the file keeps the bytes received, so that a
/// later call resumes; after a permanent error it is removed.
///
/// # Errors
/// [`Error::Model`] when the server refuses, the file is larger than `max_bytes`, another process
/// is downloading it, or retries are exhausted.
pub fn fetch(
    url: &str,
    partial: &Path,
    max_bytes: u64,
    retry: RetryPolicy,
    on_progress: &mut OnProgress<'_>,
) -> Result<()> {
    let error = |reason: String| Error::from(ModelError::Download { url: url.to_owned(), reason });
    let mut file = open_locked(partial).map_err(error)?;
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(retry.idle_timeout))
        .timeout_recv_response(Some(retry.idle_timeout))
        .timeout_per_read(Some(retry.idle_timeout))
        .build()
        .into();
    let mut best = length(&file).map_err(error)?;
    let mut failures = 0;
    loop {
        let reason = match attempt(&agent, url, &mut file, max_bytes, on_progress) {
            Ok(()) => return file.sync_all().map_err(|reason| error(reason.to_string())),
            Err(AttemptError::Final(reason)) => {
                // The download error is reported, not that of the removal.
                let _ = fs::remove_file(partial);
                return Err(error(reason));
            }
            Err(AttemptError::Stale(reason)) => {
                file.set_len(0).map_err(|reason| error(reason.to_string()))?;
                reason
            }
            Err(AttemptError::Broken(reason)) => reason,
        };
        let got = length(&file).map_err(error)?;
        failures = if got > best { 1 } else { failures + 1 };
        best = best.max(got);
        if failures >= retry.attempts {
            return Err(error(format!(
                "{reason}; {got} bytes are kept: run the same command again to resume"
            )));
        }
        thread::sleep(retry.backoff * 2u32.saturating_pow(failures - 1));
    }
}

fn open_locked(partial: &Path) -> Result<File, String> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(partial)
        .map_err(|reason| format!("{}: {reason}", partial.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err("another process is downloading it".into()),
        Err(TryLockError::Error(reason)) => Err(format!("{}: {reason}", partial.display())),
    }
}

fn length(file: &File) -> Result<u64, String> {
    file.metadata().map(|metadata| metadata.len()).map_err(|reason| reason.to_string())
}

fn attempt(
    agent: &Agent,
    url: &str,
    file: &mut File,
    max_bytes: u64,
    on_progress: &mut OnProgress<'_>,
) -> Result<(), AttemptError> {
    let have = length(file).map_err(AttemptError::Final)?;
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.call().map_err(|reason| match reason {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Tls(_) => {
            AttemptError::Final(reason.to_string())
        }
        _ => AttemptError::Broken(reason.to_string()),
    })?;
    let Some((start, total)) = extent(&response, have)? else { return Ok(()) };
    if let Some(total) = total.filter(|total| *total > max_bytes) {
        return Err(AttemptError::Final(format!(
            "expected at most {max_bytes} bytes, the server announces {total}"
        )));
    }
    let to_start = file.set_len(start).and_then(|()| file.seek(SeekFrom::Start(start)));
    to_start.map_err(|reason| AttemptError::Final(reason.to_string()))?;
    copy(response.into_body(), file, (start, total), max_bytes, on_progress)
}

/// Offset of the response body in the file, and length of the file. `None` when the download is complete.
fn extent(response: &Response<Body>, have: u64) -> Result<Option<(u64, Option<u64>)>, AttemptError> {
    let number = |name| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let range = range.and_then(content_range);
    match response.status() {
        // The whole file; also from a server without range requests.
        StatusCode::OK => Ok(Some((0, number(header::CONTENT_LENGTH)))),
        StatusCode::PARTIAL_CONTENT => match range {
            Some((Some(start), total)) if start == have => Ok(Some((start, total))),
            _ => Err(AttemptError::Stale(format!(
                "expected the bytes from {have} on, the server sends another range"
            ))),
        },
        StatusCode::RANGE_NOT_SATISFIABLE => match range {
            Some((None, Some(total))) if total == have => Ok(None),
            _ => Err(AttemptError::Stale(format!(
                "expected the bytes from {have} on, the server has no such range"
            ))),
        },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(AttemptError::Broken(format!("the server responds with {}", response.status())))
        }
        status if status.is_server_error() => {
            Err(AttemptError::Broken(format!("the server responds with {status}")))
        }
        status => Err(AttemptError::Final(format!("expected the file, the server responds with {status}"))),
    }
}

/// `bytes 5-9/10` as `(Some(5), Some(10))`, `bytes */10` as `(None, Some(10))`.
fn content_range(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let start = match range.split_once('-') {
        Some((start, _)) => Some(start.trim().parse().ok()?),
        None => None,
    };
    Some((start, total.trim().parse().ok()))
}

/// Appends the response body to the file and checks the length.
fn copy(
    mut body: Body,
    file: &mut File,
    (start, total): (u64, Option<u64>),
    max_bytes: u64,
    on_progress: &mut OnProgress<'_>,
) -> Result<(), AttemptError> {
    let mut reader = body.as_reader();
    let mut chunk = vec![0; CHUNK];
    let mut got = start;
    on_progress(got, total);
    loop {
        let len = reader.read(&mut chunk).map_err(|reason| {
            AttemptError::Broken(format!("the connection broke after {got} bytes: {reason}"))
        })?;
        let Some(read) = chunk.get(..len).filter(|read| !read.is_empty()) else { break };
        got += len as u64;
        if got > max_bytes {
            return Err(AttemptError::Final(format!("expected at most {max_bytes} bytes, found more")));
        }
        file.write_all(read).map_err(|reason| AttemptError::Final(reason.to_string()))?;
        on_progress(got, total);
    }
    match total {
        Some(total) if got < total => {
            Err(AttemptError::Broken(format!("the connection ended after {got} of {total} bytes")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_understood() {
        assert_eq!(content_range("bytes 5-9/10"), Some((Some(5), Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((Some(5), None)));
        assert_eq!(content_range("bytes */10"), Some((None, Some(10))));
        assert_eq!(content_range("lines 5-9/10"), None);
        assert_eq!(content_range("bytes x-9/10"), None);
    }
}
