//! The networks and the statistics that go with them.

use std::path::Path;

use super::check::Check;
use crate::models::ModelStore;
use crate::models::manifest::Entry;

const NAME: &str = "models";

/// A check for each file, of those that are right one together.
pub(super) fn files(directory: Option<&Path>) -> Vec<Check> {
    let store = match ModelStore::new(directory) {
        Ok(store) => store,
        Err(error) => return vec![Check::fail(NAME, error.to_string(), "build facerec anew")],
    };
    let (mut right, mut checks) = (Vec::new(), Vec::new());
    for entry in &store.manifest().models {
        match store.read(entry) {
            Ok(_) => right.push(entry.name.as_str()),
            Err(_) if store.path(entry).is_none() && entry.install_from.is_some() => {
                right.push("(optional: `facerec models install vggface2`)");
            }
            Err(error) => checks.push(Check::fail(NAME, error.to_string(), put_right(entry))),
        }
    }
    for entry in &store.manifest().strangers {
        if let Err(error) = store.read_strangers(entry) {
            let next = format!("put {} of the package back", entry.file);
            checks.push(Check::fail("statistics", error.to_string(), next));
        }
    }
    checks.insert(0, Check::ok(NAME, format!("present, with the right SHA-256: {}", right.join(", "))));
    checks
}

fn put_right(entry: &Entry) -> String {
    if entry.install_from.is_some() {
        format!("`facerec models install {}`", entry.name)
    } else {
        format!("put {} of the package back, or name its directory with --models", entry.file)
    }
}
