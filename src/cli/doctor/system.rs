//! What the machine gives: the port, and room on the disk.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use indicatif::HumanBytes;
use serde_json::Value;

use super::super::data::DataDirectory;
use super::super::healthcheck;
use super::check::Check;
use crate::process::free_bytes;

const PORT: &str = "port";
const DISK: &str = "disk";
/// Timeout of asking who listens.
const PATIENCE: Duration = Duration::from_secs(5);
/// Room beside what a new gallery needs, below which there is none, and below which there is little.
const LEAST: u64 = 32 << 20;
const LITTLE: u64 = 512 << 20;

/// Whether the service can listen there, or does already.
pub(super) fn port(host: &str, port: u16) -> Check {
    let address = format!("{host}:{port}");
    let Err(error) = TcpListener::bind((host, port)) else {
        return Check::ok(PORT, format!("{address} is free"));
    };
    let detail = format!("{address} can't be listened on: {error}");
    match error.kind() {
        ErrorKind::AddrInUse if is_facerec(host, port) => {
            Check::ok(PORT, format!("{address} is in use, and a facerec responds there"))
        }
        ErrorKind::AddrInUse => Check::fail(
            PORT,
            detail,
            format!(
                "`ss -ltnp 'sport = :{port}'` shows who listens; stop that, or choose another port with --port"
            ),
        ),
        ErrorKind::PermissionDenied => Check::fail(
            PORT,
            detail,
            "ports below 1024 are root's: choose another with --port, or use a proxy",
        ),
        _ => Check::fail(PORT, detail, "choose an address of this machine with --host"),
    }
}

/// Whether what responds at this address of this machine has the members of a facerec.
fn is_facerec(host: &str, port: u16) -> bool {
    let host = match host.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    };
    let is_ready = |scheme: &str| {
        let body = healthcheck::ask(&format!("{scheme}://{host}:{port}/readyz"), PATIENCE, true);
        body.is_ok_and(|body| is_readiness(&body))
    };
    is_ready("http") || is_ready("https")
}

fn is_readiness(body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["model"].is_string()
        && ["people", "photos", "roster", "waiting"].iter().all(|name| body[name].is_u64())
}

/// Whether a changed gallery can be written beside the old one.
pub(super) fn disk(data: &DataDirectory) -> Check {
    let free = match free_bytes(data.directory()) {
        Ok(free) => free,
        Err(error) => return Check::warn(DISK, format!("the free space is not known: {error}"), "see `df`"),
    };
    let gallery = fs::metadata(data.gallery()).map_or(0, |about| about.len());
    let detail = format!("{} free where gallery.bin has {}", HumanBytes(free), HumanBytes(gallery));
    let next = "make room: `du -sh` of the directory shows what takes it, such as kept photos";
    match free {
        free if free < gallery + LEAST => Check::fail(DISK, detail, next),
        free if free < gallery + LITTLE => Check::warn(DISK, detail, next),
        _ => Check::ok(DISK, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::is_readiness;

    #[test]
    fn not_everything_that_answers_is_a_facerec() {
        assert!(is_readiness(
            r#"{"status":"ready","model":"casia","people":1,"photos":2,"roster":0,"waiting":0,"running":0}"#
        ));
        for other in ["", "ok", r#"{"status":"ok"}"#, r#"{"model":"casia","people":"many"}"#] {
            assert!(!is_readiness(other), "{other}");
        }
    }
}
