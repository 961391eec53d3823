//! What a newcomer reads first, held against the tree and the program: links, paths, commands, `docs/openapi.json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use facerec::cli::Cli;
use serde_json::Value;

use crate::support::app::Service;
use crate::support::repository_file as read;

/// Set, it has the test write `docs/openapi.json` instead of comparing it.
const UPDATE: &str = "UPDATE_OPENAPI";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documentation: Markdown files at the top, in `docs/` and `examples/`, and some beside what they describe.
fn documents() -> Vec<PathBuf> {
    let mut found = vec!["models/README.md".into(), "data/sample/README.md".into()];
    for directory in ["", "docs", "examples"] {
        for entry in std::fs::read_dir(root().join(directory)).unwrap() {
            let name = entry.unwrap().file_name();
            let name = Path::new(directory).join(name);
            if name.extension().is_some_and(|extension| extension == "md") {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// The targets of a document's links, `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// What stands between backticks outside of indented blocks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| !line.starts_with("    "));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a code span names a file or directory of the tree; `/metrics` and `gallery.bin` do not.
fn looks_like_a_path(span: &str) -> bool {
    const DIRECTORIES: [&str; 11] =
        ["src", "tests", "docs", "benches", "models", "data", "fuzz", "examples", ".ci", ".github", "target"];
    const EXTENSIONS: [&str; 8] = ["rs", "md", "toml", "json", "yaml", "yml", "js", "css"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let path = Path::new(span);
    let in_the_tree = span.split_once('/').is_some_and(|(first, _)| DIRECTORIES.contains(&first));
    let is_a_file = path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found == *known));
    span.chars().all(plain) && !span.starts_with('/') && (in_the_tree || is_a_file)
}

/// The `facerec` command lines of indented blocks, without comments and what the shell adds.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    const PREFIXES: [&str; 3] =
        ["    facerec ", "#     /opt/facerec/facerec ", "ExecStart=/opt/facerec/facerec "];
    let command = |line: &str| {
        let arguments = PREFIXES.iter().find_map(|prefix| line.strip_prefix(prefix))?;
        let arguments = arguments.split("  #").next().unwrap_or_default();
        let words = arguments.split_whitespace().take_while(|word| *word != "&" && !word.starts_with('#'));
        Some(words.map(str::to_owned).collect())
    };
    text.lines().filter_map(command).collect()
}

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let mut faults = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = read(document.to_str().unwrap());
        for link in links(&text).filter(|link| !link.contains("://")) {
            count += 1;
            let (path, anchor) =
                link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let full = root().join(&target);
            let anchored = |anchor| anchors(&std::fs::read_to_string(&full).unwrap()).contains(anchor);
            if !full.exists() || !anchor.is_none_or(anchored) {
                faults.push(format!("{}: {link} leads nowhere", document.display()));
            }
        }
    }
    assert!(count > 40, "only {count} links were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn paths_in_the_architecture_exist_and_every_module_is_in_it() {
    let text = read("docs/ARCHITECTURE.md");
    let paths: BTreeSet<&str> = code_spans(&text).filter(|span| looks_like_a_path(span)).collect();
    assert!(paths.len() > 60, "only {} paths were found", paths.len());
    let missing: Vec<_> = paths.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "docs/ARCHITECTURE.md names what is not in the tree: {missing:?}");
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let named =
            [format!("`src/{name}.rs`"), format!("`src/{name}`")].iter().any(|span| text.contains(span));
        assert!(named, "docs/ARCHITECTURE.md: the table of modules lacks src/{name}");
    }
}

#[test]
fn the_architecture_answers_where_to_change_things_and_what_terms_mean() {
    let text = read("docs/ARCHITECTURE.md");
    let rows = |heading: &str| {
        let section =
            text.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
        let section = section.split("\n## ").next().unwrap().to_owned();
        section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|-")).count() - 1
    };
    assert!(rows("Where would I change X?") >= 20);
    assert!(rows("Glossary") >= 25);
}

#[test]
fn the_readme_is_short_and_begins_with_the_commands_that_are_tested() {
    let text = read("README.md");
    assert!(text.lines().count() <= 120, "{} lines", text.lines().count());
    let blocks: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).take(4).collect();
    let expected = [
        "cargo run --release -- serve --data data/sample",
        "curl -F file=@data/sample/group.jpg http://localhost:5000/recognize_faces",
        r#"[{"Student Name":"Barack Obama","ID":20090044},{"Student Name":"Joe Biden","ID":"0046"},{"Student Name":"Eileen Collins","ID":"STS-93"}]"#,
        "cargo test --release",
    ];
    assert_eq!(blocks, expected);
}

#[test]
fn every_command_in_the_documentation_is_understood_by_the_program() {
    let examples = ["examples/facerec.service"].map(PathBuf::from);
    let mut count = 0;
    for document in documents().into_iter().chain(examples) {
        for words in command_lines(&read(document.to_str().unwrap())) {
            count += 1;
            let parsed = Cli::command().try_get_matches_from(["facerec".to_owned()].iter().chain(&words));
            assert!(
                parsed.is_ok(),
                "{}: facerec {}: {}",
                document.display(),
                words.join(" "),
                parsed.unwrap_err()
            );
        }
    }
    assert!(count > 12, "only {count} commands were found");
}

#[test]
fn openapi_json_is_that_of_the_code() {
    let path = root().join("docs/openapi.json");
    let found = Service::empty(&[]).get("/openapi.json").expect(200);
    if std::env::var_os(UPDATE).is_some_and(|value| !value.is_empty()) {
        std::fs::write(&path, format!("{found:#}\n")).unwrap();
    }
    let committed: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let update = format!("{UPDATE}=1 cargo test --release --test it -- front_door::openapi");
    let place = first_difference(&committed, &found, String::new());
    assert!(place.is_none(), "docs/openapi.json is not that of the code at {}: {update}", place.unwrap());
}

/// Where two JSON values differ first, as a path.
fn first_difference(left: &Value, right: &Value, at: String) -> Option<String> {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let pair =
                |key: &String| (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
            keys.into_iter().find_map(|key| {
                let (left, right) = pair(key);
                first_difference(left, right, format!("{at}/{key}"))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs
                .into_iter()
                .find_map(|(i, (left, right))| first_difference(left, right, format!("{at}/{i}")))
        }
        _ => (left != right).then_some(at),
    }
}

#[test]
fn the_toolchain_is_the_same_everywhere() {
    let manifest = read("Cargo.toml");
    let version =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(read("Dockerfile").contains(&format!("/rust:{version}-")), "Dockerfile: expected rust:{version}");
    let workflow = read(".github/workflows/ci.yml");
    assert!(workflow.contains(&format!("RUSTUP_TOOLCHAIN: {version}.0 ")), "ci.yml: expected {version}.0");
    assert!(
        workflow.contains(&format!("image: rust:{version}.0-")),
        "ci.yml: expected the image rust:{version}.0"
    );
    for document in ["README.md", "CONTRIBUTING.md", "docs/building.md"] {
        assert!(read(document).contains(version), "{document}: expected Rust {version}");
    }
    // The image has a toolchain under another name, which the file would have rustup replace.
    assert!(
        !read(".dockerignore").contains("rust-toolchain"),
        ".dockerignore: rust-toolchain.toml stays out"
    );
}

#[test]
fn the_workflow_runs_the_checks_with_pinned_actions() {
    let workflow = read(".github/workflows/ci.yml");
    assert!(workflow.contains("- run: .ci/run\n"), "expected a step that runs .ci/run");
    let actions: Vec<&str> =
        workflow.lines().filter_map(|line| line.trim().strip_prefix("- uses: ")).collect();
    assert!(!actions.is_empty());
    for action in actions {
        let version = action.split_once("@v").map_or("", |(_, version)| version);
        let pinned = version.split('.').filter(|part| part.parse::<u32>().is_ok()).count() == 3;
        assert!(pinned, "{action}: expected a full version like @v1.2.3");
    }
}

#[test]
fn recipes_call_scripts_and_tests_that_are_there() {
    let recipes = read("justfile");
    let scripts = recipes.split_whitespace().filter(|word| word.starts_with(".ci/"));
    let scripts: BTreeSet<&str> = scripts.collect();
    assert!(scripts.len() >= 4, "{scripts:?}");
    let manifest = read("Cargo.toml");
    for script in scripts {
        assert!(root().join(script).is_file(), "justfile: {script} is not there");
    }
    for kind in ["--test ", "--bench "] {
        for rest in recipes.split(kind).skip(1) {
            let name = rest.split_whitespace().next().unwrap();
            assert!(manifest.contains(&format!("name = \"{name}\"")), "justfile: {kind}{name} is not there");
        }
    }
}

#[test]
fn paths_links_and_commands_are_told_from_other_text() {
    for path in ["src/http/mod.rs", "docs/openapi.json", "Cargo.toml", ".ci/run", "src/gallery"] {
        assert!(looks_like_a_path(path), "{path}");
    }
    for other in ["/metrics", "gallery.bin", "Result<T, E>", "GET /healthz", "a/b", "--test it"] {
        assert!(!looks_like_a_path(other), "{other}");
    }
    assert_eq!(code_spans("a `b` c `d`\n    `e`").collect::<Vec<_>>(), ["b", "d"]);
    assert_eq!(links("[a](b.md#c) and ![d](e.png)").collect::<Vec<_>>(), ["b.md#c", "e.png"]);
    assert_eq!(
        anchors("# Phone photos: HEIC and AVIF\n"),
        BTreeSet::from(["phone-photos-heic-and-avif".to_owned()])
    );
    let commands =
        command_lines("    facerec serve --data d &\n    facerec keys list --file f    # why\ntext\n");
    assert_eq!(commands, [vec!["serve", "--data", "d"], vec!["keys", "list", "--file", "f"]]);
    let (left, right) = (serde_json::json!({"a": [1, 2]}), serde_json::json!({"a": [1, 3]}));
    assert_eq!(first_difference(&left, &right, String::new()), Some("/a/1".to_owned()));
    assert_eq!(first_difference(&left, &left, String::new()), None);
}
