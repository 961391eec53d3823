//! Networks whose files are missing or altered.

use std::path::Path;
use std::process::Output;

use crate::support::server::{facerec, sample_data};
use crate::support::{models, say};

/// `facerec serve` with networks that it must not take: it ends by itself.
fn serve(more: &[&str], models: &Path) -> Output {
    let data = sample_data();
    let gallery = || std::fs::read(data.path().join("gallery.bin")).unwrap();
    let before = gallery();
    let mut program = facerec();
    program.args(["serve", "--port", "0", "--models"]).arg(models).arg("--data").arg(data.path()).args(more);
    let output = program.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("ready"), "it never listened");
    assert!(gallery() == before);
    output
}

#[test]
fn an_altered_network_is_refused_at_the_start() {
    let store = models::store();
    for name in ["pnet", "rnet", "onet", "casia"] {
        let entry = store.manifest().entry(name).unwrap();
        let whole = store.read(entry).unwrap().bytes;
        let mut one_bit = whole.clone();
        one_bit[whole.len() / 2] ^= 1;
        for altered in [&one_bit, &whole[..whole.len() - 1], &[][..]] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(&entry.file);
            std::fs::write(&path, altered).unwrap();
            let message = String::from_utf8(serve(&[], folder.path()).stderr).unwrap();
            let expected = format!(
                "facerec: {} is not the {name} model it should be: expected SHA-256 {}, found ",
                path.display(),
                entry.sha256.join(" or ")
            );
            assert!(message.contains(&expected), "{message}");
        }
    }
}

#[test]
fn a_missing_network_is_an_error_that_says_how_to_get_it() {
    if models::store().installed("vggface2") {
        say(
            "NOTE: vggface2 is installed, the others are shipped: the start without a network is NOT tested.",
        );
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let output =
        facerec().args(["serve", "--port", "0", "--model", "vggface2", "--data"]).arg(data.path()).output();
    let output = output.unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("the vggface2 model is not installed: expected facenet-vggface2.onnx"),
        "{message}"
    );
    assert!(message.contains("`facerec models install vggface2` fetches it"), "{message}");
}
