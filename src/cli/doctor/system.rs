//! What the machine gives: the port, and room on the disk.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use indicatif::HumanBytes;

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
        ErrorKind::AddrInUse if is_facerec(port) => {
            Check::ok(PORT, format!("{address} is in use, and a facerec answers there"))
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

fn is_facerec(port: u16) -> bool {
    let ready =
        |scheme: &str| healthcheck::ask(&format!("{scheme}://127.0.0.1:{port}/healthz"), PATIENCE).is_ok();
    ready("http") || ready("https")
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
