//! Installing a model: downloads that break, files that are wrong, and what is left behind.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use facerec::embed::Embedding;
use facerec::models::ModelStore;
use facerec::models::download::{RetryPolicy, fetch};
use facerec::models::install::{Installed, Installer, Source, Step};
use facerec::models::self_test::{MIN_COSINE, SelfTest};
use sha2::{Digest, Sha256};

use crate::support::checkpoint::{archive, crop, embedding, facenet, golden, legacy};
use crate::support::file_server::{FileServer, Manner};

const HASTY: RetryPolicy =
    RetryPolicy { attempts: 3, backoff: Duration::from_millis(1), idle_timeout: Duration::from_secs(20) };

/// Installs as vggface2 a network whose known answer is that of the formula's weights.
fn install(directory: &Path, source: &Source, steps: &mut Vec<Step>) -> Result<Installed, String> {
    let store = ModelStore::new(Some(directory)).unwrap();
    let installer = Installer {
        entry: store.manifest().entry("vggface2").unwrap(),
        directory: store.install_directory().unwrap(),
        self_test: SelfTest::new(crop(), Embedding::new(embedding().to_vec()).unwrap()),
        retry: HASTY,
    };
    installer.install(source, &mut |step| steps.push(step)).map_err(|reason| reason.to_string())
}

fn names(directory: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

#[test]
fn a_download_that_breaks_goes_on_and_ends_as_a_model_that_loads() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("made/as/needed");
    let checkpoint = legacy(&facenet());
    let broken = 40_000_000;
    let server = FileServer::start(checkpoint.clone(), vec![Manner::BreakAfter(broken), Manner::Good]);
    let mut steps = Vec::new();
    let installed = install(&directory, &Source::Url(server.url.clone()), &mut steps).unwrap();
    assert!(installed.cosine >= MIN_COSINE);
    let ranges = server.ranges();
    assert_eq!(ranges.len(), 2);
    assert_eq!(ranges[0], None);
    // What was on the way when the connection closed may be lost, but not the rest.
    let resumed: usize = ranges[1].as_ref().unwrap()["bytes=".len()..].trim_end_matches('-').parse().unwrap();
    assert!(resumed > 0 && resumed <= broken, "resumed at {resumed}");
    let total = checkpoint.len() as u64;
    assert!(steps.contains(&Step::Downloading(resumed as u64, Some(total))));
    assert_eq!(
        steps[steps.len() - 3..],
        [Step::Downloading(total, Some(total)), Step::Converting, Step::Testing]
    );

    assert_eq!(names(&directory), ["facenet-vggface2.onnx", "facenet-vggface2.toml"]);
    assert_eq!(fs::metadata(&installed.path).unwrap().permissions().mode() & 0o777, 0o644);
    let (bytes, hash) = ModelStore::new(Some(&directory)).unwrap().embedder("vggface2").unwrap();
    assert_eq!(hash, installed.sha256);

    // The ONNX file itself, and the newer checkpoint format, install to the same network.
    for (name, content) in [("a.onnx", bytes.clone()), ("b.pt", archive(&facenet()))] {
        let file = parent.path().join(name);
        fs::write(&file, content).unwrap();
        assert_eq!(install(&directory, &Source::File(file), &mut Vec::new()).unwrap().sha256, hash);
    }
    // A wrong file leaves the right one as it was.
    let wrong = Source::File(golden("pnet.pt"));
    install(&directory, &wrong, &mut Vec::new()).unwrap_err();
    assert!(ModelStore::new(Some(&directory)).unwrap().embedder("vggface2").unwrap().0 == bytes);
}

#[test]
fn the_old_model_can_be_used_until_the_new_one_is_in_its_place() {
    let (directory, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkpoint = parent.path().join("a.pt");
    fs::write(&checkpoint, archive(&facenet())).unwrap();
    let source = Source::File(checkpoint);
    let embedder = || ModelStore::new(Some(directory.path())).unwrap().embedder("vggface2");
    // As the old model a file that nobody can replace, root neither: it ends after the note is written.
    let (model, note) =
        (directory.path().join("facenet-vggface2.onnx"), directory.path().join("facenet-vggface2.toml"));
    let old = fs::read("/proc/version").unwrap();
    std::os::unix::fs::symlink("/proc/version", &model).unwrap();
    let noted = |hash: String| format!("sha256 = {hash:?}\nsource = \"here\"\nsource_sha256 = \"00\"\n");
    let sha256 = |bytes: &[u8]| facerec::hex::to_hex(&Sha256::digest(bytes));
    fs::write(&note, noted(sha256(&old))).unwrap();
    assert_eq!(embedder().unwrap().0, old);
    let message = install(directory.path(), &source, &mut Vec::new()).unwrap_err();
    assert!(message.contains("can't be installed"), "{message}");
    assert!(!fs::read_to_string(&note).unwrap().contains("\"here\""), "the note is the new one");
    assert_eq!(embedder().unwrap().0, old);

    // The next attempt ends well, and the old model is good no more.
    fs::remove_file(&model).unwrap();
    fs::write(&model, &old).unwrap();
    let installed = install(directory.path(), &source, &mut Vec::new()).unwrap();
    assert_eq!(embedder().unwrap().1, installed.sha256);
    fs::write(&model, &old).unwrap();
    assert!(embedder().is_err());
    // Nor does a note vouch for an altered file that an installation finds.
    fs::remove_file(&model).unwrap();
    std::os::unix::fs::symlink("/proc/version", &model).unwrap();
    install(directory.path(), &source, &mut Vec::new()).unwrap_err();
    assert!(embedder().is_err());
}

#[test]
fn a_wrong_file_is_refused_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let pnet = fs::read(golden("pnet.pt")).unwrap();
    let casia = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/facenet-casia-f16.onnx");
    let hostile = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.cposix\nsystem\n(Vtouch pwned\ntR.".to_vec();
    let cases = [
        (b"<html>Not found</html>".to_vec(), "can't be read as an ONNX network"),
        (pnet, "tensor conv2d_1a.conv.weight: expected one of shape [32, 3, 3, 3], found none of that name"),
        (fs::read(casia).unwrap(), "failed the self-test: expected a cosine similarity of at least 0.9999"),
        (hostile, "names the global posix.system"),
    ];
    for (file, expected) in cases {
        let server = FileServer::start(file, vec![Manner::Good]);
        let message = install(directory.path(), &Source::Url(server.url), &mut Vec::new()).unwrap_err();
        assert!(
            message.contains("can't be installed as vggface2") && message.contains(expected),
            "{message}"
        );
        assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
    }
    assert!(!Path::new("pwned").exists());
}

/// Some bytes that differ everywhere.
fn file() -> Vec<u8> {
    (0..300_000u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let partial = directory.path().join("part");
    let server = FileServer::start(file(), vec![Manner::BreakAfter(500_000), Manner::IgnoreRange]);
    let seen = RefCell::new(Vec::new());
    fetch(&server.url, &partial, 2_000_000, HASTY, &mut |got, _| seen.borrow_mut().push(got)).unwrap();
    assert!(server.ranges()[1].is_some());
    assert_eq!(seen.borrow().iter().filter(|got| **got == 0).count(), 2);
    assert!(fs::read(&partial).unwrap() == file());
}

#[test]
fn what_a_broken_download_got_is_kept_for_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let partial = directory.path().join("part");
    let server = FileServer::start(file(), vec![Manner::BreakAfter(500_000), Manner::Status(503)]);
    let message = fetch(&server.url, &partial, 2_000_000, HASTY, &mut |_, _| ()).unwrap_err().to_string();
    assert!(message.contains("the server responds with 503") && message.contains("to resume"), "{message}");
    let kept = fs::metadata(&partial).unwrap().len();
    assert!(kept > 0 && message.contains(&format!("{kept} bytes are kept")), "{message}");
    // One attempt that got something, and two after it that did not.
    assert_eq!(server.ranges().len(), 3);

    let server = FileServer::start(file(), vec![Manner::Good]);
    fetch(&server.url, &partial, 2_000_000, HASTY, &mut |_, _| ()).unwrap();
    assert_eq!(server.ranges(), [Some(format!("bytes={kept}-"))]);
    assert!(fs::read(&partial).unwrap() == file());
    // All of it is there: the server says so, and nothing is fetched.
    fetch(&server.url, &partial, 2_000_000, HASTY, &mut |_, _| panic!("fetched again")).unwrap();
    assert!(fs::read(&partial).unwrap() == file());
}

#[test]
fn a_partial_file_of_something_else_is_begun_anew() {
    for (left, manners) in [(2_000_000, vec![Manner::Good]), (1000, vec![Manner::WrongRange, Manner::Good])] {
        let directory = tempfile::tempdir().unwrap();
        let partial = directory.path().join("part");
        fs::write(&partial, vec![7; left]).unwrap();
        let server = FileServer::start(file(), manners);
        fetch(&server.url, &partial, 2_000_000, HASTY, &mut |_, _| ()).unwrap();
        assert_eq!(server.ranges(), [Some(format!("bytes={left}-")), None]);
        assert!(fs::read(&partial).unwrap() == file());
    }
}

#[test]
fn what_no_attempt_can_help_ends_at_once() {
    for (manner, expected) in [
        (Manner::Status(404), "expected the file, the server responds with 404"),
        (Manner::Good, "expected at most 1000 bytes, the server announces 1200000"),
        (Manner::NoLength, "expected at most 1000 bytes, found more"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let partial = directory.path().join("part");
        let server = FileServer::start(file(), vec![manner]);
        let message = fetch(&server.url, &partial, 1000, HASTY, &mut |_, _| ()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(server.ranges().len(), 1);
        assert!(!partial.exists());
    }
    let directory = tempfile::tempdir().unwrap();
    let refused = fetch("http://", &directory.path().join("part"), 1000, HASTY, &mut |_, _| ());
    assert!(refused.unwrap_err().to_string().contains("http:// can't be fetched"));
}

#[test]
fn only_one_process_fetches_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let partial = directory.path().join("part");
    let other = fs::File::create(&partial).unwrap();
    other.lock().unwrap();
    let server = FileServer::start(file(), vec![Manner::Good]);
    let message = fetch(&server.url, &partial, 2_000_000, HASTY, &mut |_, _| ()).unwrap_err().to_string();
    assert!(message.contains("another process is downloading it"), "{message}");
}

/// Runs `facerec models` away from the package, with an empty data directory of the user.
fn facerec(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_facerec"))
        .arg("models")
        .args(args)
        .current_dir(directory)
        .env_remove("FACEREC_MODELS")
        .env("XDG_DATA_HOME", directory.join("data"))
        .output()
        .unwrap()
}

#[test]
fn the_command_lists_verifies_and_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let list = facerec(directory.path(), &["list"]);
    assert!(list.status.success());
    for word in ["pnet", "rnet", "onet", "casia", "vggface2", "MIT", "threshold 0.50"] {
        assert!(text(&list.stdout).contains(word), "{word}");
    }

    let wrong = golden("onet.pt");
    let refused = facerec(directory.path(), &["install", "vggface2", "--from", wrong.to_str().unwrap()]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("can't be installed as vggface2: tensor conv2d_1a.conv.weight"));
    assert!(names(&directory.path().join("data/facerec/models")).is_empty());
    let refused = facerec(directory.path(), &["install", "casia"]);
    assert!(
        text(&refused.stderr).contains("casia is shipped with facerec; the models to install are: vggface2")
    );

    assert!(facerec(directory.path(), &["verify"]).status.success());
    fs::write(directory.path().join("pnet.onnx"), "altered").unwrap();
    let verify = facerec(directory.path(), &["verify", "--models", "."]);
    assert_eq!(verify.status.code(), Some(1));
    let verify = text(&verify.stdout);
    assert!(verify.contains("FAILED: ./pnet.onnx is not the pnet model it should be"), "{verify}");
    assert!(verify.contains("facenet-casia-f16.onnx, self-test 1.0000"), "{verify}");
}
