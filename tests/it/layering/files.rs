//! The graph of files of `src/`: which file uses items of which other one.
//!
//! An edge is a use of an item: an import or a path in code. A `mod` declaration and a re-export (`pub use`) in a
//! parent are none. A path through a re-export leads to the file that defines the item.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, first_word, is_word};

/// A path of code: its segments from the crate's root.
type Path = Vec<String>;

/// The files, by module path.
pub struct Files {
    imports: BTreeMap<Path, Vec<Path>>,
    /// What each file re-exports: name to path.
    exports: BTreeMap<Path, BTreeMap<String, Path>>,
}

impl Files {
    pub fn new(sources: &[Source]) -> Self {
        let modules: BTreeSet<Path> = sources.iter().map(|source| source.module.clone()).collect();
        let (mut imports, mut exports) = (BTreeMap::new(), BTreeMap::new());
        for source in sources {
            let (used, exported) = paths(source, &modules);
            imports.insert(source.module.clone(), used);
            exports.insert(source.module.clone(), exported);
        }
        Self { imports, exports }
    }

    /// The files that each file uses.
    pub fn edges(&self) -> BTreeMap<String, BTreeSet<String>> {
        let targets = |module: &Path, used: &[Path]| {
            let files = used.iter().filter_map(|path| self.defining_file(path, 8));
            files.filter(|file| file != module).map(|file| file.join("::")).collect()
        };
        self.imports.iter().map(|(module, used)| (module.join("::"), targets(module, used))).collect()
    }

    /// The file of the longest prefix of a path; through re-exports, `depth` at most.
    fn defining_file(&self, path: &[String], depth: usize) -> Option<Path> {
        let len = (1..=path.len()).rev().find(|&len| self.imports.contains_key(&path[..len]))?;
        let (file, rest) = path.split_at(len);
        let export = rest.first().and_then(|name| self.exports.get(file)?.get(name));
        match export {
            Some(target) if depth > 0 => {
                let further = [target.as_slice(), &rest[1..]].concat();
                self.defining_file(&further, depth - 1).or_else(|| Some(file.to_vec()))
            }
            _ => Some(file.to_vec()),
        }
    }
}

/// A circle of files, if there is one, each followed by one that it uses.
pub fn circle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut left = edges.clone();
    // Take away files that use none that is left, until only circles and what leads to them are left.
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|_, used| used.iter().any(|file| names.contains(file)));
        if left.len() == names.len() {
            break;
        }
    }
    let mut path = vec![left.keys().next()?.clone()];
    loop {
        let next = left[path.last()?].iter().find(|file| left.contains_key(*file))?;
        if let Some(start) = path.iter().position(|file| file == next) {
            return Some(path.split_off(start));
        }
        path.push(next.clone());
    }
}

/// The paths that a file uses, and those that it re-exports.
fn paths(source: &Source, modules: &BTreeSet<Path>) -> (Vec<Path>, BTreeMap<String, Path>) {
    let (mut used, mut exported) = (Vec::new(), BTreeMap::new());
    let mut inline = String::new();
    for statement in split_uses(&source.code) {
        match statement {
            Statement::Code(code) => inline.push_str(code),
            Statement::Use { tree, public } => {
                for path in expand(tree).iter().filter_map(|path| absolute(path, source, modules)) {
                    let (path, name) = renamed(path);
                    if public { drop(exported.insert(name, path)) } else { used.push(path) }
                }
            }
        }
    }
    let inline = code_paths(&inline);
    used.extend(inline.iter().filter_map(|path| absolute(path, source, modules)));
    (used, exported)
}

enum Statement<'a> {
    Code(&'a str),
    Use { tree: &'a str, public: bool },
}

/// Splits code at its `use` statements.
fn split_uses(code: &str) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut rest = code;
    while let Some(at) = next_use(rest) {
        let (before, from) = rest.split_at(at);
        let Some((tree, after)) = from["use ".len()..].split_once(';') else { break };
        let before_use = before.trim_end();
        let public = before_use.ends_with("pub") || before_use.ends_with("pub(crate)");
        statements.push(Statement::Code(before));
        statements.push(Statement::Use { tree, public });
        rest = after;
    }
    statements.push(Statement::Code(rest));
    statements
}

fn next_use(code: &str) -> Option<usize> {
    code.match_indices("use ").map(|(at, _)| at).find(|&at| {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
        line.is_empty() || line == "pub" || line == "pub(crate)" || line == "pub(super)"
    })
}

/// The paths of a use tree: `a::{b, c::{d, e}}` is `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str) -> Vec<Path> {
    let tree = tree.trim();
    let Some((head, inner)) = tree.split_once('{') else {
        let words = tree.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
        return vec![words.collect()];
    };
    let head: Path =
        head.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
    let inner = &inner[..inner.rfind('}').unwrap_or(inner.len())];
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for character in inner.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if character != ',' || depth > 0 => part.push(character),
            _ => parts.push(String::new()),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expand(part)).map(|path| [head.clone(), path].concat()).collect()
}

/// The path without `as name` and a final `self`, and the name that it has here.
fn renamed(mut path: Path) -> (Path, String) {
    let last = path.pop().unwrap_or_default();
    let (original, name) = match last.split_once(" as ") {
        Some((original, name)) => (original.trim().to_owned(), name.trim().to_owned()),
        None => (last.clone(), last),
    };
    if original != "self" {
        path.push(original);
    }
    (path, name)
}

/// Paths of code outside `use`: words joined by `::`. That of a visibility (`pub(in super::super)`) uses nothing.
fn code_paths(code: &str) -> Vec<Path> {
    let is_path = |character: char| is_word(character) || character == ':';
    let visible = |part: &'_ str| part.split_once(')').map_or(String::new(), |(_, rest)| rest.to_owned());
    let mut parts = code.split("pub(in ");
    let code = parts.next().unwrap_or_default().to_owned() + &parts.map(visible).collect::<String>();
    let words = code.split(|character| !is_path(character)).filter(|word| word.contains("::"));
    words.map(|word| word.split("::").map(str::to_owned).collect()).collect()
}

/// The path from the crate's root; `None` for one of another crate or of a type.
fn absolute(path: &[String], source: &Source, modules: &BTreeSet<Path>) -> Option<Path> {
    let module = &source.module;
    match first_word(path.first()?) {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module.as_slice(), &path[1..]].concat()),
        "super" => {
            let climbed = path.iter().take_while(|word| *word == "super").count();
            let parent = &module[..module.len().checked_sub(climbed)?];
            Some([parent, &path[climbed..]].concat())
        }
        child => {
            let child = [module.as_slice(), &[child.to_owned()]].concat();
            modules.contains(&child).then(|| [module.as_slice(), path].concat())
        }
    }
}
