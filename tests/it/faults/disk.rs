//! A disk that is full, and a data folder that may only be read.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{enroll, enrolled, people, recognized};
use crate::support::say;
use crate::support::server::{Answer, Server, facerec_after, sample_data, wait_until};

/// Far more people than a gallery within the limit can hold.
const TOO_MANY: usize = 40;

fn assert_not_written(answer: &Answer) {
    assert_eq!((answer.status, &answer.json()["code"]), (500, &"data_error".into()), "{}", answer.body);
    let expected = "the data directory can't be read or written; the service's log says why";
    assert_eq!(answer.json()["detail"], expected);
}

/// The built program on a file system of its own, of 64 KiB, in place of its data folder `$DATA`; `None`, with a
/// word in the output, where that can't be had.
fn facerec_on_a_small_disk() -> Option<Command> {
    const ALONE: [&str; 5] = ["--user", "--map-root-user", "--mount", "sh", "-c"];
    const MOUNT: &str = "mount -t tmpfs -o size=64k none";
    let attempt = Command::new("unshare").args(ALONE).arg(format!("{MOUNT} /tmp")).output();
    if !attempt.is_ok_and(|output| output.status.success()) {
        say("NOTE: nothing can be mounted here; a file system without room is NOT tested.");
        return None;
    }
    let copied = format!(
        "exec 3< \"$DATA/gallery.bin\" 4< \"$DATA/roster.xlsx\" && {MOUNT} \"$DATA\" \
         && cat <&3 > \"$DATA/gallery.bin\" && cat <&4 > \"$DATA/roster.xlsx\" && exec \"$0\" \"$@\""
    );
    let mut command = Command::new("unshare");
    command.args(ALONE).args([&copied, env!("CARGO_BIN_EXE_facerec")]);
    Some(command)
}

/// Enrols people until there is no room, which the log calls `reason`: the change is refused, all that was
/// answered stays, and room that is made can be used.
fn is_full_in_the_end(server: Server, reason: &str) {
    let mut answered = people(&server);
    let refused = (0..TOO_MANY).find_map(|number| {
        let answer = enroll(&server, &format!("Person {number}"));
        let person = (answer.status == 201).then(|| answer.json()["id"].as_str().unwrap().to_owned());
        answered.extend(person.clone());
        person.is_none().then_some(answer)
    });
    assert_not_written(&refused.expect("the disk is full in the end"));
    let line = format!("gallery.bin can't be written: {reason}");
    wait_until("the log says why", || server.log().contains(&line));
    assert!(answered.len() > 4, "some had room: {answered:?}");
    assert_eq!(people(&server), answered);
    recognized(&server);

    // What makes the file smaller is still possible, and then there is room again.
    let last = answered.pop().unwrap();
    assert_eq!(server.curl(&format!("/v1/people/{last}"), &["-X", "DELETE"]).status, 204);
    answered.push(enrolled(&server, "The last one"));
    let data = copy_of_its_disk(&server);
    drop(server);
    assert_eq!(people(&Server::start(data, &[])), answered);
}

/// The data folder as the process sees it, which must hold gallery, lock and roster, and no temporary file.
fn copy_of_its_disk(server: &Server) -> TempDir {
    let its_root = format!("/proc/{}/root", server.pid());
    let folder = Path::new(&its_root).join(server.data.path().strip_prefix("/").unwrap());
    let names: BTreeSet<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["gallery.bin", "gallery.lock", "roster.xlsx"].map(Into::into).into());
    let copy = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::copy(folder.join(&name), copy.path().join(&name)).unwrap();
    }
    copy
}

#[test]
fn on_a_full_disk_a_change_is_refused_and_all_that_was_answered_stays() {
    let Some(mut program) = facerec_on_a_small_disk() else { return };
    let data = sample_data();
    program.env("DATA", data.path());
    let server = Server::start_as(program, data, &["--model", "casia"]);
    is_full_in_the_end(server, "No space left on device");
}

#[test]
fn a_file_that_may_not_grow_is_as_good_as_a_full_disk() {
    // The signal that comes with a write beyond the limit is ignored, so the write fails.
    let limited = facerec_after("trap '' XFSZ && ulimit -f 32");
    let server = Server::start_as(limited, sample_data(), &["--model", "casia"]);
    is_full_in_the_end(server, "File too large");
}

/// Whether what this command runs may not make a file where its user may not.
fn is_bound_by_permissions(mut command: Command) -> bool {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o555);
    let attempt = "touch \"$0/file\" 2> /dev/null || echo bound";
    let output = command.args(["sh", "-c", attempt]).arg(folder.path()).output();
    output.is_ok_and(|output| output.stdout == b"bound\n")
}

/// The built program without root's right to write anywhere; `None`, with a word in the output, where that
/// can't be had.
fn facerec_bound_by_permissions() -> Option<Command> {
    let as_it_is = || Command::new("env");
    let without_rights = || {
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-dac_override,-dac_read_search");
        command
    };
    let ways: [fn() -> Command; 2] = [as_it_is, without_rights];
    for command in ways {
        if is_bound_by_permissions(command()) {
            let mut command = command();
            command.arg(env!("CARGO_BIN_EXE_facerec"));
            return Some(command);
        }
    }
    say("NOTE: root's rights can't be dropped here; a read-only data folder is NOT tested.");
    None
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_read_only_folder_is_served_and_not_changed_until_it_may_be_written() {
    let Some(program) = facerec_bound_by_permissions() else { return };
    let data = sample_data();
    set_mode(data.path(), 0o555);
    let server = Server::start_as(program, data, &[]);
    let locked = "gallery.lock can't be locked: Permission denied";
    assert!(server.log().contains("people can't be changed for now"), "{}", server.log());
    let user = std::fs::metadata(format!("/proc/{}", server.pid())).unwrap().uid();
    let folder = server.data.path().display();
    let hint = format!("{folder} must be writable for user {user}, who runs this: chown -R {user} {folder}");
    assert!(server.log().contains(&hint), "{hint}: {}", server.log());
    let before = (people(&server), recognized(&server));
    assert_not_written(&enroll(&server, "Ada"));
    wait_until("the log says why", || server.log().matches(locked).count() == 2);
    assert_eq!((people(&server), recognized(&server)), before);

    set_mode(server.data.path(), 0o755);
    let ada = enrolled(&server, "Ada");
    // Again: the lock is held now, but no new file can be made.
    set_mode(server.data.path(), 0o555);
    assert_not_written(&enroll(&server, "Grace"));
    wait_until("the log says why", || {
        server.log().contains("gallery.bin can't be written: Permission denied")
    });
    set_mode(server.data.path(), 0o755);
    let grace = enrolled(&server, "Grace");
    let all = people(&server);
    assert_eq!(all[all.len() - 2..], [ada, grace]);
    assert_eq!(people(&Server::start(server.kill(), &[])), all);
}
