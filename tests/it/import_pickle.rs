//! The old service's `face_model.pkl`, in every form it may have, and what a hostile one does: nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use facerec::gallery::Gallery;
use facerec::gallery::pickle::{import, import_file, read};
use proptest::prelude::*;

use crate::support::outcome::done;
use crate::support::place::Place;

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

/// What the command says in each kind of place, which is the same, with DATA for the place.
fn import_command(file: &Path) -> String {
    let of = |place: &Place| {
        let log = place.folder().join("access.jsonl");
        let said = done(&place.run(&[
            "import-pickle",
            file.to_str().unwrap(),
            "--access-log",
            log.to_str().unwrap(),
        ]));
        let entry: serde_json::Value = serde_json::from_str(&fs::read_to_string(&log).unwrap()).unwrap();
        assert_eq!((&entry["action"], &entry["people"][0].is_string()), (&"enroll".into(), &true));
        let folder = place.folder().display().to_string();
        let said = said
            .replace("--database-url URL", "--data DATA")
            .replace("people to the database", "DATA/gallery.bin");
        (said.replace(&folder, "DATA"), place.gallery())
    };
    let mut places = Place::each_new().iter().map(of).collect::<Vec<_>>().into_iter();
    let (said, gallery) = places.next().unwrap();
    for (other, stored) in places {
        assert_eq!(other, said);
        let photos = |gallery: &Gallery| {
            gallery
                .people()
                .iter()
                .map(|person| (person.name.clone(), person.photos.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!((stored.recipe(), photos(&stored)), (gallery.recipe(), photos(&gallery)));
    }
    said
}

#[test]
fn the_import_audits_what_it_imported_and_says_whose_photos_are_set_aside() {
    let findings = "findings; `facerec audit --data DATA` lists them\n";
    // One of his three photos is unlike the other two; in the other file Eileen Collins's lies among them.
    for (file, aside) in [("legacy/face_model.pkl", "1 of 3"), ("pickle/misfiled.pkl", "2 of 4")] {
        let said = import_command(&golden(file));
        let line = format!(
            "\nBarack Obama: {aside} photos are unlike the others: kept, and not used to recognise anybody\n"
        );
        assert!(said.contains(&line), "{said}");
        assert!(!said.contains("Eileen Collins:") && said.ends_with(findings), "{said}");
    }
}

type Numbers = BTreeMap<String, Vec<Vec<f32>>>;

fn expected() -> Numbers {
    serde_json::from_slice(&fs::read(golden("legacy/face_model.json")).unwrap()).unwrap()
}

fn imported(file: &str) -> Numbers {
    let gallery = import_file(&golden(file)).unwrap();
    assert_eq!(gallery.recipe().model, "vggface2");
    assert_eq!(gallery.recipe().model_sha256, None);
    assert_eq!(gallery.recipe().margin_px, 0);
    let photos = |person: &facerec::gallery::Person| {
        person.photos.iter().map(|photo| photo.embedding.values().to_vec()).collect()
    };
    gallery.people().iter().map(|person| (person.name.to_string(), photos(person))).collect()
}

#[test]
fn every_form_of_the_old_file_gives_the_same_numbers() {
    let expected = expected();
    assert_eq!(expected.len(), 5);
    for file in [
        "legacy/face_model.pkl",
        "legacy/face_model_float64_flat.pkl",
        "legacy/face_model_numpy2.pkl",
        "legacy/face_model_protocol2.pkl",
        "legacy/face_model_protocol3.pkl",
        "legacy/face_model_protocol5.pkl",
        "legacy/face_model_views.pkl",
        "pickle/protocol0.pkl",
        "pickle/protocol1.pkl",
        "pickle/fortran.pkl",
        "pickle/fortran_protocol5.pkl",
        "pickle/big_endian.pkl",
        "pickle/no_photo.pkl",
    ] {
        assert!(imported(file) == expected, "{file} gives other numbers");
    }
}

#[test]
fn float16_numbers_are_read_as_near_as_they_are() {
    for (name, rows) in imported("pickle/float16.pkl") {
        for (value, exact) in rows.iter().flatten().zip(expected()[&name].iter().flatten()) {
            // Half a step of float16, and half its smallest number.
            assert!((value - exact).abs() <= exact.abs() / 2048.0 + 3e-8, "{name}: {value} for {exact}");
        }
    }
}

#[test]
fn the_hostile_file_is_refused_by_name_and_nothing_runs() {
    let message = import_file(&golden("legacy/hostile.pkl")).unwrap_err().to_string();
    assert!(message.contains("hostile.pkl can't be imported"), "{message}");
    assert!(
        message.contains("names the global posix.system; expected only numpy's array constructors"),
        "{message}"
    );
    for folder in [Path::new("."), Path::new(env!("CARGO_MANIFEST_DIR")), &golden("legacy")] {
        assert!(!folder.join("pwned").exists(), "{} has a file `pwned`", folder.display());
    }
}

#[test]
fn what_is_no_gallery_is_refused_with_what_was_found() {
    let cases: [(&[u8], &str); 10] = [
        (b"].", "expected a dict from name to arrays, found list"),
        (b"}.", "expected at least one enrolled face, found none"),
        (b"(I1\nNd.", "expected a name as the dict's key, found int"),
        (b"(V\nNd.", "expected a name as the dict's key, found str"),
        (b"(VAda\n]VAda\n]d.", "the name \"Ada\" stands twice"),
        (b"(VAda\nI5\nd.", "\"Ada\": expected a numpy array, found int"),
        (b"(VAda\n(NlI5\nd.", "a key without a value"),
        (b"(VAda\n((lld.", "\"Ada\": array 1: expected a numpy array, found list"),
        (b"(VAda\ncnumpy\nndarray\n)Rd.", "\"Ada\": expected a numpy array, found object"),
        (b"(VAda\ncnumpy.core.multiarray\n_reconstruct\n)Rd.", "expected an array with its content"),
    ];
    for (bytes, expected) in cases {
        let message = import(bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{}: {message}", bytes.escape_ascii());
    }
}

/// A pickle with one photo of each of these names, in the escapes of protocol 0.
fn people(names: &[&str]) -> Vec<u8> {
    let mut bytes = b"(".to_vec();
    for (at, name) in names.iter().enumerate() {
        let mut numbers = [0.0_f32; 512];
        numbers[at] = 1.0;
        bytes.extend(format!("V{name}\n(cnumpy.core.numeric\n_frombuffer\n(B").bytes());
        bytes.extend(2048_u32.to_le_bytes());
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(b"cnumpy\ndtype\n(Vf4\ntR(I1\nI512\ntVC\ntRl");
    }
    bytes.extend(b"d.");
    bytes
}

#[test]
fn names_that_nobody_could_be_enrolled_under_are_imported_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("names.pkl");
    fs::write(&file, people(&["Ada", "Zo\\u202e", "\\u3164", "ADA", "ada_", "Grace"])).unwrap();
    let said = import_command(&file);
    assert!(said.contains("6 people, 6 photos"), "{said}");
    let rename = "imported all the same: rename the person, on the page or by PATCH /v1/people/PERSON_ID\n";
    let control = "character 3 of the name is U+202E, which changes the direction of text: none is allowed";
    assert!(said.contains(&format!("\n\"Zo\\u{{202e}}\": {control}; {rename}")), "{said}");
    assert!(
        said.contains(&format!(": nothing of the name is visible: expected a letter; {rename}")),
        "{said}"
    );
    let alike = "\n\"Ada\" and \"ADA\" and \"ada_\": one name in several spellings, to which the roster gives one ID; \
                 imported as 3 people: merge them";
    assert!(said.contains(alike), "{said}");
    assert_eq!(said.matches("Grace").count(), 0, "{said}");
}

#[test]
fn a_name_that_nobody_can_have_is_refused_and_named() {
    let message = |name: &str| import(&people(&["Ada", name])).unwrap_err().to_string();
    assert!(message("a\\u0007").contains("\"a\\u{7}\": character 2 of the name is a control character"));
    let long = message(&"x".repeat(201));
    assert!(long.contains(&format!("\"{}\": the name has 201 characters", "x".repeat(60))), "{long}");
}

/// A pickle of `{"Ada": [array, ...]}` with one array by `_frombuffer`, used `uses` times.
fn frombuffer(content: &[u8], dtype: &str, shape: &str, uses: usize) -> Vec<u8> {
    let mut bytes = b"(VAda\n(cnumpy.core.numeric\n_frombuffer\n(B".to_vec();
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content);
    bytes.extend(format!("cnumpy\ndtype\n(V{dtype}\ntR({shape}tVC\ntRp0\n").bytes());
    bytes.extend(b"h\x00".repeat(uses - 1));
    bytes.extend(b"ld.");
    bytes
}

#[test]
fn odd_arrays_are_refused_with_what_was_found() {
    let one = 1.0f32.to_le_bytes();
    let good = [&one[..], &[0; 511 * 4]].concat();
    assert_eq!(read(&frombuffer(&good, "f4", "I1\nI512\n", 1)).unwrap()[0].1.len(), 1);
    let cases = [
        (good.clone(), "f4", "I512\nI1\n", "expected an array of 512 or n x 512 numbers, found [512, 1]"),
        (good.clone(), "f4", "I-1\nI512\n", "a tuple of sizes"),
        (good.clone(), "f4", "I2\nI512\n", "expected 4096 bytes for the shape [2, 512], found 2048"),
        (
            good.clone(),
            "f4",
            "I9223372036854775807\nI512\n",
            "more embeddings than a file of this size can hold",
        ),
        (good.clone(), "i4", "I1\nI512\n", "expected numbers of type f2, f4 or f8, found \"i4\""),
        (good[..2047].to_vec(), "f4", "I1\nI512\n", "expected 2048 bytes for the shape [1, 512], found 2047"),
        (vec![0; 2048], "f4", "I1\nI512\n", "expected a vector of norm 1, found norm 0"),
        (vec![0xff; 2048], "f4", "I1\nI512\n", "expected a vector of norm 1, found norm NaN"),
    ];
    for (content, dtype, shape, expected) in cases {
        let message = read(&frombuffer(&content, dtype, shape, 1)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    // Numbers that were never normalised are scaled, as scipy's cosine distance did.
    let long = [&3.0f32.to_le_bytes()[..], &4.0f32.to_le_bytes(), &[0; 510 * 4]].concat();
    assert_eq!(read(&frombuffer(&long, "f4", "I512\n", 1)).unwrap()[0].1[0].values()[..2], [0.6, 0.8]);
}

#[test]
fn one_array_used_a_million_times_is_refused_before_it_is_copied() {
    let one = [&1.0f32.to_le_bytes()[..], &[0; 511 * 4]].concat();
    assert_eq!(read(&frombuffer(&one, "f4", "I512\n", 3)).unwrap()[0].1.len(), 3);
    let message = read(&frombuffer(&one, "f4", "I512\n", 1_000_000)).unwrap_err().to_string();
    assert!(message.contains("more embeddings than a file of this size can hold"), "{message}");
}

#[test]
fn no_truncation_is_taken_for_the_whole() {
    for file in ["legacy/face_model.pkl", "legacy/face_model_protocol2.pkl", "pickle/protocol0.pkl"] {
        let bytes = fs::read(golden(file)).unwrap();
        for len in (0..bytes.len()).step_by(97).chain(bytes.len() - 50..bytes.len()) {
            assert!(import(&bytes[..len]).is_err(), "{file} cut to {len} bytes");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn altered_files_are_read_or_refused(
        which in 0usize..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let file = ["legacy/face_model.pkl", "legacy/face_model_protocol2.pkl", "legacy/face_model_protocol5.pkl",
            "pickle/protocol0.pkl"][which];
        let mut bytes = fs::read(golden(file)).unwrap();
        for (index, byte) in edits {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(people) = read(&bytes) {
            for embedding in people.iter().flat_map(|(_, embeddings)| embeddings) {
                let norm: f32 = embedding.values().iter().map(|v| v * v).sum();
                prop_assert!((norm - 1.0).abs() < 3e-3);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(import(&bytes).is_err());
    }
}
