//! The fuzz targets (`fuzz/`), each with the repository's files of its kind and damaged ones.
//!
//! `FACEREC_FUZZ_ROUNDS=10000` damages each file that often. `FACEREC_FUZZ_CORPUS=fuzz/corpus` also writes
//! the files to folders named as the targets, for `cargo fuzz` to begin with.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use facerec::gallery::pickle::import_file;
use facerec::gallery::store::encode;
use zip::ZipArchive;

use crate::damage::{WAYS, damaged};
use crate::fuzz::{checkpoint, decode_orient, gallery_store, multipart, pickle, workbook};
use crate::support::faces::Random;
use crate::support::golden_path;
use crate::support::server::sample_folder;

/// How often each file is damaged, where [`ROUNDS_VARIABLE`] does not say.
const ROUNDS: usize = 200;
const ROUNDS_VARIABLE: &str = "FACEREC_FUZZ_ROUNDS";
const CORPUS_VARIABLE: &str = "FACEREC_FUZZ_CORPUS";
/// Longer inputs would slow each execution down and find nothing more.
const MAX_LEN: usize = 128 * 1024;

/// What a target begins with: names and inputs.
type Seeds = Vec<(String, Vec<u8>)>;

/// Hands all seeds, then damaged ones, to a target.
fn hold(target: &str, mut seeds: Seeds, run: impl Fn(&[u8])) {
    seeds.retain(|(_, input)| input.len() <= MAX_LEN);
    assert!(seeds.len() > 2, "expected some files for {target}, found {}", seeds.len());
    if let Some(corpus) = std::env::var_os(CORPUS_VARIABLE) {
        write(&PathBuf::from(corpus).join(target), &seeds);
    }
    let rounds = std::env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut random = Random::new(1);
    for (name, input) in &seeds {
        run(input);
        for round in 0..rounds {
            let (way, other) = (random.below(WAYS), &seeds[random.below(seeds.len())].1);
            let (how, input) = damaged(&mut |end| random.below(end.max(1)), way, input, other);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&input)));
            assert!(outcome.is_ok(), "{target}: {name}, round {round}, {how}");
        }
    }
}

fn write(folder: &Path, seeds: &Seeds) {
    fs::create_dir_all(folder).unwrap();
    for (name, input) in seeds {
        fs::write(folder.join(name), input).unwrap();
    }
}

/// The files with one of these endings, below `folder`, in the order of their paths.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let is_wanted =
        |path: &Path| path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted));
    let below = |path: PathBuf| {
        if path.is_dir() { files(&path, endings) } else { Vec::from_iter(is_wanted(&path).then_some(path)) }
    };
    entries.into_iter().flat_map(below).collect()
}

fn read_all(paths: &[PathBuf]) -> Seeds {
    let seed = |path: &PathBuf| (seed_name(path), fs::read(path).unwrap());
    paths.iter().map(seed).collect()
}

fn seed_name(path: &Path) -> String {
    let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
    path.to_string_lossy().replace(|letter: char| !letter.is_alphanumeric(), "_")
}

/// A file within an archive, if it is there.
fn member(archive: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).ok()?;
    let mut content = Vec::new();
    archive.by_name(name).ok()?.read_to_end(&mut content).unwrap();
    Some(content)
}

#[test]
fn photos_are_decoded_and_turned_or_refused() {
    let endings = ["jpg", "png", "webp", "gif", "bmp", "tif", "heic"];
    let mut seeds = read_all(&files(&sample_folder(), &endings));
    seeds.extend(read_all(&files(&golden_path(""), &endings)));
    hold("decode_orient", seeds, |input| decode_orient::run(input, decode_orient::LOOSE_BUDGET));
}

#[test]
fn galleries_are_read_as_they_were_written_or_refused() {
    let pickles = files(&golden_path("legacy"), &["pkl"]);
    let gallery = |path: &PathBuf| Some((seed_name(path), encode(&import_file(path).ok()?).unwrap()));
    hold("gallery_store", pickles.iter().filter_map(gallery).collect(), gallery_store::run);
}

#[test]
fn pickles_are_read_or_refused() {
    hold("pickle", read_all(&files(&golden_path(""), &["pkl"])), pickle::run);
}

#[test]
fn checkpoints_are_read_or_refused() {
    let paths = files(&golden_path("checkpoints"), &["pt"]);
    let mut seeds = read_all(&paths);
    for path in &paths {
        let folder = path.file_stem().unwrap().to_str().unwrap();
        let pickle = member(&fs::read(path).unwrap(), &format!("{folder}/data.pkl"));
        seeds.extend(pickle.map(|pickle| (format!("{folder}_data_pkl"), pickle)));
    }
    hold("checkpoint", seeds, checkpoint::run);
}

#[test]
fn rosters_are_read_or_refused() {
    let mut paths = files(&sample_folder(), &["xlsx"]);
    paths.extend(files(&golden_path(""), &["xlsx"]));
    let mut seeds = read_all(&paths);
    for (number, path) in paths.iter().enumerate() {
        let archive = fs::read(path).unwrap();
        let part = |name: &str| member(&archive, &format!("xl/{name}.xml")).unwrap_or_default();
        let parts = ["worksheets/sheet1", "sharedStrings", "styles"].map(part);
        seeds.push((format!("xml_{number}"), parts.join(&0xff)));
    }
    seeds.push(("ods".to_owned(), ODS.as_bytes().to_vec()));
    let texts = ["Name,ID,Until\nAda,0046,2027-07-31\n", "sep=;\nClass;Name;ID\n7A;\"Ada\";=\"7\"\n"];
    seeds.extend(texts.iter().enumerate().map(|(at, text)| (format!("text_{at}"), text.as_bytes().to_vec())));
    let utf_16 = texts[0].encode_utf16().flat_map(u16::to_le_bytes).collect();
    seeds.push(("text_utf_16".to_owned(), utf_16));
    hold("workbook", seeds, workbook::run);
}

/// The content of a workbook of `LibreOffice`: repeated, merged and hidden, with formats, a formula and an error.
const ODS: &str = r#"<office:document-content><style:style style:name="h"><style:table-properties table:display="false"/></style:style>
<table:table table:style-name="h"><table:table-row/></table:table><table:table><table:table-row table:number-rows-repeated="3"/>
<table:table-row><table:table-cell office:value-type="string"><text:p>Name</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>ID</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>Until</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell><text:p>Ada<text:s text:c="2"/>L</text:p></table:table-cell>
<table:table-cell office:value-type="float" office:value="44" table:number-rows-spanned="2"><text:p>0044</text:p></table:table-cell>
<table:table-cell office:value-type="date" office:date-value="2027-07-31"/></table:table-row>
<table:table-row><table:table-cell table:number-columns-repeated="9" table:formula="of:=1"/><table:covered-table-cell/>
<table:table-cell calcext:value-type="error"/></table:table-row></table:table></office:document-content>"#;

#[test]
fn forms_are_answered() {
    let service = multipart::Service::start();
    hold("multipart", forms(), |input| {
        service.run(input);
    });
}

/// Requests as `fuzz/src/multipart.rs` takes them.
fn forms() -> Seeds {
    let photo = &fs::read(golden_path("imaging/decoders/3x2.png")).unwrap()[..];
    let file = |name: &str| (format!("name=\"{name}\"; filename=\"a.png\""), photo);
    let text = |name: &str, value: &'static str| (format!("name=\"{name}\""), value.as_bytes());
    let person = [text("name", "Ada"), text("student_id", "7"), file("photos"), file("photos")];
    let anyway = [&[text("force", "true")][..], &person].concat();
    let raw = [&[1, 20][..], b"image/png\n", photo].concat();
    [
        ("old", form(0, 3, &[file("file")])),
        ("recognize", form(1, 255, &[file("file")])),
        ("raw", raw),
        ("verify", form(2, 0, &[file("a"), file("b")])),
        ("enrol", form(3, 16, &person)),
        ("enrol_anyway", form(3, 40, &anyway)),
    ]
    .map(|(name, input)| (name.to_owned(), input))
    .into()
}

fn form(path: u8, piece: u8, parts: &[(String, &[u8])]) -> Vec<u8> {
    let mut input = vec![path, piece];
    input.extend(b"multipart/form-data; boundary=b\n");
    for (disposition, content) in parts {
        let head = format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        input.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    input.extend(b"--b--\r\n");
    input
}
