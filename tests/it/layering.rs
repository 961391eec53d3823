//! Which module may know which: what `src/` imports, held against the tables below.
//!
//! Imports point down only: cli, http -> service -> worker, enrolment, pipeline -> stages -> geometry, error. Files
//! of one module form no circle either. A new module goes into the table, with a reason where it is an exception.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use files::{Files, circle};

mod files;

/// A module and the project's own modules that it may import. A submodule's row, where there is one,
/// stands in place of its parent's. `*` is any.
const MODULES: &[(&str, &[&str])] = &[
    // Foundations.
    ("error", &[]),
    ("geometry", &[]),
    ("hex", &[]),
    ("atomic_file", &[]),
    ("pickle", &[]),
    ("student_id", &[]),
    ("photo_id", &[]),
    ("vectorised", &[]),
    ("local_file", &[]),
    ("photo_file", &["local_file"]),
    ("person_name", &["error"]),
    ("file_name", &["person_name"]), // how a text is made one line
    ("reloadable", &["error"]),
    ("access_log", &["atomic_file", "error"]),
    ("clients", &[]),
    ("keys", &["atomic_file", "error", "hex", "local_file", "reloadable"]),
    // The stages, in the order in which a photo passes through them.
    ("imaging", &["error"]),
    ("nn", &["error", "imaging"]),
    ("detect", &["error", "geometry", "imaging", "nn"]),
    ("align", &["geometry", "imaging", "nn"]), // nn: the side of FaceNet's input
    ("embed", &["align", "error", "nn", "vectorised"]),
    ("cohort", &["atomic_file", "embed", "error", "hex", "nn", "vectorised"]), // nn: the length of an embedding
    ("gallery", &["cohort", "embed", "error", "file_name", "nn", "person_name", "photo_id", "student_id"]), // nn: the length of an embedding
    ("gallery::backend", &["error", "reloadable"]), // what a store of people does; how a file is kept up to date
    ("gallery::pickle", &["embed", "error", "nn", "person_name", "pickle"]),
    (
        "gallery::store",
        &[
            "atomic_file",
            "embed",
            "error",
            "file_name",
            "hex",
            "local_file",
            "nn",
            "person_name",
            "student_id",
        ],
    ),
    ("gallery::writer", &["atomic_file", "error", "reloadable"]), // it changes what others read while they do
    ("thumbnails", &["align", "atomic_file", "error", "gallery", "imaging", "local_file", "nn"]), // nn: the side of a crop
    ("roster", &["atomic_file", "error", "reloadable", "person_name", "student_id"]), // live: how its file is kept up to date
    // What is odd about the enrolled people, and how well they are recognised.
    ("audit", &["atomic_file", "cohort", "error", "gallery", "hex", "person_name", "roster"]),
    ("evaluate", &["cohort", "embed", "error", "gallery", "person_name"]),
    // Where the networks' files lie and how they are made. The self-test of a new one runs it on a crop.
    ("models", &["align", "atomic_file", "embed", "error", "hex", "imaging", "nn", "pickle"]),
    // How their work ends early, and the stages joined.
    ("cancel", &["error", "imaging", "nn"]),
    ("pipeline", &["align", "detect", "embed", "error", "gallery", "imaging", "cancel", "nn"]),
    (
        "enroll",
        &[
            "align",
            "detect",
            "embed",
            "error",
            "file_name",
            "gallery",
            "geometry",
            "imaging",
            "nn",
            "person_name",
            "photo_file",
            "pipeline",
        ],
    ),
    // Who was here: knows people and photos by their ids, and recognition not at all.
    ("attendance", &["atomic_file", "error", "person_name", "student_id"]),
    // A data directory as one file: the stores' own ways to copy and to lock.
    (
        "backup",
        &[
            "atomic_file",
            "attendance",
            "audit",
            "error",
            "gallery",
            "hex",
            "local_file",
            "roster",
            "thumbnails",
        ],
    ),
    // The program around them.
    ("config", &["access_log", "attendance", "clients", "enroll"]), // the gate's own bounds, so that their defaults stand in one place; names of events
    ("logging", &["config", "error"]),
    ("allocator", &[]),
    // People in a database, beside the file.
    (
        "postgres",
        &[
            "access_log",
            "allocator",
            "attendance", // its statements, which each database carries out
            "audit",
            "config",
            "embed",
            "error",
            "file_name",
            "gallery",
            "keys",
            "local_file",
            "nn",
            "person_name",
            "reloadable",
            "roster",
            "student_id",
            "thumbnails",
        ],
    ), // nn: the length of an embedding
    ("worker", &["clients", "error", "cancel"]),
    // The product, as methods with domain types.
    (
        "service",
        &[
            "access_log",
            "align",
            "attendance",
            "audit",
            "cancel",
            "clients",
            "cohort",
            "config",
            "detect",
            "embed",
            "enroll",
            "error",
            "file_name",
            "gallery",
            "hex",
            "imaging",
            "local_file",
            "models",
            "nn",
            "person_name",
            "pipeline",
            "reloadable",
            "roster",
            "student_id",
            "thumbnails",
            "worker",
        ],
    ),
    // JSON that HTTP and commands share.
    (
        "presentation",
        &[
            "attendance",
            "audit",
            "config", // ranges in schemas
            "detect",
            "enroll",
            "gallery",
            "geometry",
            "hex",
            "pipeline",
            "roster",
            "service",
            "student_id",
        ],
    ),
    // What arrives, before anybody knows what it is for; who may send it.
    ("upload", &["clients", "config", "error"]),
    ("origin", &["config", "process"]),
    // The transports.
    (
        "http",
        &[
            "attendance", // sessions, entries and reports in JSON
            "clients",
            "config",
            "detect",
            "enroll",
            "error",
            "file_name",
            "gallery",
            "keys",
            "origin",
            "person_name",
            "pipeline", // parameters and results of a recognition
            "presentation",
            "process",
            "reloadable",
            "roster",
            "service",
            "student_id",
            "upload",
            "web",
        ],
    ),
    ("web", &[]),
    ("server", &["clients", "config", "process"]),
    ("server::tls", &["config", "error", "local_file", "reloadable"]),
    ("process", &[]),
    ("cli", &["*"]),
    ("main", &["cli"]),
];

/// A crate and the modules that may name it.
const CRATES: &[(&str, &[&str])] = &[
    // Decoders see hostile bytes: one door. `encode` writes PNG.
    ("image", &["imaging::decode", "imaging::encode"]),
    ("mozjpeg", &["imaging::decode"]),
    ("mozjpeg_sys", &["imaging::decode"]),
    ("png", &["imaging::decode"]),
    ("gif", &["imaging::decode"]),
    ("weezl", &["imaging::decode"]),
    ("flate2", &["imaging::decode"]),
    ("heifer", &["imaging::decode", "imaging::heif"]),
    ("quick_xml", &["roster"]),
    ("encoding_rs", &["roster::text"]),
    // A workbook is an archive, too: its parts are read within limits.
    ("zip", &["models::checkpoint", "roster::package", "roster::text"]),
    ("bincode", &["gallery::store"]),
    // models writes ONNX files with the message types that tract reads them with.
    ("tract_onnx", &["nn", "models::facenet_onnx"]),
    ("ndarray", &["nn"]),
    ("prost", &["nn::native::onnx", "models::facenet_onnx"]),
    ("half", &["nn::native::onnx", "models::checkpoint", "gallery::pickle"]),
    ("safetensors", &["cohort::file"]),
    ("nalgebra", &["cohort"]),
    ("libm", &["cohort::normal"]),
    ("rayon", &["enroll::likeness", "gallery::nearest", "gallery::template", "imaging", "nn", "worker"]),
    ("unicode_normalization", &["person_name"]),
    // What runs the service stays out of the stages.
    ("axum", &["http", "origin", "server", "upload::steady_body", "web"]),
    ("http_body", &["http", "upload::steady_body"]),
    ("memchr", &["roster::package", "roster::text", "upload::multipart"]),
    ("hyper", &["server"]),
    ("hyper_util", &["server"]),
    ("tower", &["http", "server"]),
    ("tokio_rustls", &["postgres::tls", "server"]),
    ("tokio_postgres", &["postgres"]),
    ("tokio_postgres_rustls", &["postgres"]),
    ("libc", &["allocator", "atomic_file", "local_file"]),
    ("rustix", &["atomic_file", "process"]),
    (
        "jiff",
        &[
            "access_log",
            "attendance",
            "backup",
            "cli::attend",
            "cli::command_log",
            "cli::doctor",
            "cli::keys",
            "gallery",
            "http",
            "keys",
            "postgres",
            "presentation",
            "roster",
            "service",
        ],
    ),
    ("tower_http", &["http"]),
    ("utoipa", &["http", "presentation", "upload::base64_json"]),
    ("utoipa_axum", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("prometheus_client", &["http::metrics", "service::metrics"]),
    (
        "tokio",
        &[
            "clients::shares",
            "http",
            "postgres",
            "server",
            "service::blocking",
            "service::caller",
            "upload",
            "worker",
            "cli::bench",
            "cli::serve",
        ],
    ),
    ("clap", &["cli", "config"]),
    ("anyhow", &["cli"]),
    ("indicatif", &["cli"]),
    ("tracing_subscriber", &["logging"]),
    (
        "ureq",
        &[
            "attendance::delivery",
            "models::download",
            "cli::bench::http",
            "cli::client",
            "cli::healthcheck",
            "cli::url",
        ],
    ),
    (
        "ulid",
        &[
            "attendance::sql",
            "gallery",
            "http",
            "presentation",
            "roster::versions",
            "service::photo_keeper",
            "thumbnails",
        ],
    ),
    // Domain types know no wire format; the files of models and of keys are TOML and JSON, messages to other systems JSON.
    (
        "serde",
        &[
            "access_log",
            "audit::dismissals",
            "backup::manifest",
            "http",
            "presentation",
            "upload::base64_json",
            "cli",
            "keys::file",
            "keys::last_use",
            "models",
        ],
    ),
    (
        "serde_json",
        &[
            "access_log",
            "attendance::events",
            "audit::dismissals",
            "backup::manifest",
            "http",
            "presentation",
            "upload::base64_json",
            "cli",
            "models",
        ],
    ),
    // Another database takes the place of one module.
    ("rusqlite", &["attendance::sqlite"]),
    ("csv", &["attendance::export", "roster::text"]),
    ("rust_xlsxwriter", &["attendance::export"]),
    ("hmac", &["attendance::delivery"]),
    ("base64", &["attendance::delivery", "cli::people::file", "upload::base64_json"]),
    ("toml", &["cli::settings", "keys::file", "keys::last_use", "models"]),
    ("tar", &["backup"]),
    ("strsim", &["cli::settings::file"]),
    ("clap_complete", &["cli::completions"]),
    ("clap_mangen", &["cli::man"]),
    ("subtle", &["keys"]),
    ("getrandom", &["keys", "postgres"]),
];

/// A file of `src/`: its module's path and its code without comments and unit tests.
struct Source {
    module: Vec<String>,
    code: String,
}

impl Source {
    fn name(&self) -> String {
        self.module.join("::")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let sources: Vec<Source> = files.iter().filter_map(|path| source(&root, path)).collect();
    assert!(sources.len() > 50, "src/ was not found whole");
    sources
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `None` for `lib.rs`, which only lists the modules, and for files of unit tests.
fn source(root: &Path, path: &Path) -> Option<Source> {
    let relative = path.strip_prefix(root).unwrap().with_extension("");
    let module: Vec<String> =
        relative.iter().map(|part| part.to_str().unwrap().to_owned()).filter(|part| part != "mod").collect();
    if module == ["lib"] || module.last().is_some_and(|last| last == "tests") {
        return None;
    }
    let text = std::fs::read_to_string(path).unwrap();
    // Clippy keeps unit tests at the end of a file.
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let mut code: String =
        code.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect();
    if module == ["main"] {
        code = code.replace("facerec::", "crate::");
    }
    Some(Source { module, code })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// What follows each `word::` in the code that is not itself the tail of a path.
fn after<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let starts = code.match_indices(word).filter(move |(at, _)| {
        let before = code[..*at].chars().next_back();
        before.is_none_or(|before| !is_word(before) && before != ':')
    });
    starts.filter_map(move |(at, _)| code[at + word.len()..].strip_prefix("::"))
}

fn first_word(text: &str) -> &str {
    text.split(|character| !is_word(character)).next().unwrap_or_default()
}

/// The project's own top-level modules that a file names, through `crate::` or up through `super::`.
fn imports(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut from_root = |rest: &str| {
        let name = first_word(rest);
        assert!(
            !name.is_empty(),
            "{}: `crate::{{...}}` hides what is imported: one line each",
            source.name()
        );
        found.insert(name.to_owned());
    };
    after(&source.code, "crate").for_each(&mut from_root);
    for mut rest in after(&source.code, "super") {
        let mut climbed = 1;
        while let Some(further) = rest.strip_prefix("super::") {
            (rest, climbed) = (further, climbed + 1);
        }
        if climbed >= source.module.len() {
            from_root(rest);
        }
    }
    found.remove(&source.module[0]);
    found
}

fn is_inside(module: &str, wall: &str) -> bool {
    module.strip_prefix(wall).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The row of the longest prefix of `module`.
fn row(module: &str) -> Option<&'static [&'static str]> {
    let rows = MODULES.iter().filter(|(name, _)| is_inside(module, name));
    rows.max_by_key(|(name, _)| name.len()).map(|(_, allowed)| *allowed)
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut faults = Vec::new();
    for source in sources() {
        let name = source.name();
        let Some(allowed) = row(&name) else {
            faults.push(format!("{name} is not in the table"));
            continue;
        };
        for import in imports(&source) {
            if !allowed.contains(&"*") && !allowed.contains(&import.as_str()) {
                faults.push(format!("{name} imports {import}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_names_modules_that_are_there_and_points_down_only() {
    let there: BTreeSet<String> = sources().iter().map(Source::name).collect();
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, allowed) in MODULES {
        assert!(there.iter().any(|module| is_inside(module, name)), "there is no module {name}");
        for import in *allowed {
            let known = *import == "*" || MODULES.iter().any(|(module, _)| module == import);
            assert!(known, "{name} may import {import}, which is no module");
        }
        let top = name.split("::").next().unwrap();
        below.entry(top).or_default().extend(*allowed);
    }
    // Take away what imports nothing that is left, until nothing is left.
    while !below.is_empty() {
        let left: BTreeSet<&str> = below.keys().copied().collect();
        let before = left.len();
        below.retain(|_, allowed| allowed.iter().any(|import| left.contains(import)));
        assert!(below.len() < before, "these import each other in a circle: {left:?}");
    }
}

/// Lines of code, comments, blank lines and unit tests apart: handlers only translate, so what decides grows elsewhere.
#[test]
fn http_stays_small() {
    const MAX_LINES: usize = 4500;
    let sources = sources();
    let code =
        sources.iter().filter(|source| source.module[0] == "http").flat_map(|source| source.code.lines());
    let lines = code.filter(|line| !line.trim().is_empty()).count();
    assert!((2000..MAX_LINES).contains(&lines), "{lines}");
}

#[test]
fn files_use_each_other_in_no_circle() {
    let found = circle(&Files::new(&sources()).edges());
    assert_eq!(found, None, "each of these files uses the next one, and the last one the first");
}

#[test]
fn a_circle_of_files_is_found_and_a_re_export_is_none() {
    let graph = |files: &[(&str, &str)]| {
        let sources: Vec<Source> = files.iter().map(|(module, code)| made_up(module, code)).collect();
        circle(&Files::new(&sources).edges())
    };
    let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    // A child that uses what its parent defines, and a parent that uses the child's items.
    let parent = ("a", "mod b;\nuse b::B;\npub struct A(B);");
    assert_eq!(graph(&[parent, ("a::b", "use super::A;\npub struct B;")]), names(&["a", "a::b"]));
    assert_eq!(graph(&[parent, ("a::b", "fn f() -> super::A {}")]), names(&["a", "a::b"]));
    assert_eq!(graph(&[parent, ("a::b", "pub struct B;")]), None);
    assert_eq!(graph(&[parent, ("a::b", "pub(in super::super) struct B;")]), None);
    // Through a path in code, a group, and a third file.
    let three =
        |last| graph(&[("a", "fn f() { crate::b::g() }"), ("b", "use crate::c::{D, e::E};"), ("c", last)]);
    assert_eq!(three("pub(crate) use std::f;\nuse super::a::f;"), names(&["a", "b", "c"]));
    assert_eq!(three("use std::a;"), None);
    // A re-export is no use: its item is where it is defined.
    let parent = ("a", "mod b;\nmod c;\npub use b::B;");
    assert_eq!(graph(&[parent, ("a::b", "pub struct B;"), ("a::c", "use super::B;")]), None);
    assert_eq!(
        graph(&[parent, ("a::b", "use crate::a::c::C;"), ("a::c", "use super::B;")]),
        names(&["a::b", "a::c"])
    );
}

#[test]
fn crates_are_named_only_where_the_table_allows() {
    let mut faults = Vec::new();
    for source in sources() {
        let name = source.name();
        for (dependency, allowed) in CRATES {
            let named = after(&source.code, dependency).next().is_some()
                || source.code.contains(&format!("use {dependency};"));
            if named && !allowed.iter().any(|wall| is_inside(&name, wall)) {
                faults.push(format!("{name} names the crate {dependency}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn made_up(module: &str, code: &str) -> Source {
    Source { module: module.split("::").map(str::to_owned).collect(), code: code.to_owned() }
}

#[test]
fn what_is_imported_is_seen_however_it_is_written() {
    let found = |module: &str, code: &str| imports(&made_up(module, code)).into_iter().collect::<Vec<_>>();
    assert_eq!(found("align", "use crate::nn::{A, B};\nfn f() -> crate::error::Result {}"), ["error", "nn"]);
    assert_eq!(found("align", "pub use super::detect::Detection;"), ["detect"]);
    assert_eq!(
        found("nn::native::conv", "use super::super::tract::A;\nuse super::graph;"),
        Vec::<String>::new()
    );
    assert_eq!(found("nn::native::conv", "use super::super::super::http::A;"), ["http"]);
    assert_eq!(found("nn", "use crate::nn::A; let a = other::crate_name::B;"), Vec::<String>::new());
    assert_eq!(after("use tokio::net; mytokio::x; a::tokio::y; tokio::spawn()", "tokio").count(), 2);
}
