//! `gallery.bin`: what is written is read again, and nothing else is.

use std::fs;
use std::path::Path;

use facerec::file_name::FileName;
use facerec::gallery::store::{FILE_NAMES_VERSION, read, write};
use facerec::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
use facerec::student_id::StudentId;
use sha2::{Digest, Sha256};

use crate::support::faces::{embedding, named, person, recipe};

fn small() -> Gallery {
    let ids =
        [None, Some(StudentId::Integer(-7)), Some(StudentId::Number(12.5)), StudentId::from_text("0046")];
    let names = ["Barack Obama", "عمر خالد", "Jos\u{e9}", "李雷"];
    let people = names.iter().zip(ids).enumerate().map(|(at, (name, student_id))| {
        let photos = (0..=at as u64 % 2).map(|photo| {
            let sha = (photo == 0).then_some([at as u8; 32]);
            EnrolledPhoto::new(embedding(at as u64 * 10 + photo), sha)
        });
        Person { student_id, ..Person::new(named(name), None, photos.collect()) }
    });
    Gallery::new(recipe(), people.collect()).unwrap()
}

fn error_of(path: &Path) -> String {
    let message = read(path).expect_err("it was read").to_string();
    let (start, what) = message.split_once("can't be read: ").expect("the message names the file");
    assert!(start.contains(path.to_str().unwrap()));
    what.to_owned()
}

/// Bytes with the checksum (and the length of the body) that belongs to them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body_len = (bytes.len() - 20) as u64;
    bytes[12..20].copy_from_slice(&body_len.to_le_bytes());
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

#[test]
fn a_gallery_comes_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    for gallery in [small(), Gallery::empty(recipe())] {
        write(&path, &gallery).unwrap();
        assert_eq!(read(&path).unwrap(), gallery);
    }
    let imported = Recipe { model: "vggface2".to_owned(), model_sha256: None, margin_px: 0 };
    write(&path, &Gallery::empty(imported.clone())).unwrap();
    assert_eq!(*read(&path).unwrap().recipe(), imported);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn weak_photos_are_marked_in_version_2_and_a_gallery_without_any_stays_version_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    let version = || fs::read(&path).unwrap()[8];
    write(&path, &small()).unwrap();
    assert_eq!(version(), 1);
    let mut people: Vec<Person> = small().people().iter().map(|person| (**person).clone()).collect();
    people[0].photos[0].weak = true;
    let gallery = Gallery::new(small().recipe().clone(), people).unwrap();
    write(&path, &gallery).unwrap();
    assert_eq!(version(), 2);
    let again = read(&path).unwrap();
    assert_eq!(again, gallery);
    assert!(
        again.people()[0].photos[0].weak
            && again.people().iter().map(|p| p.weak_photos()).sum::<usize>() == 1
    );
}

#[test]
fn last_days_are_kept_in_version_3_beside_weak_photos() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    let mut people: Vec<Person> = small().people().iter().map(|person| (**person).clone()).collect();
    people[1].expires = Some("2027-07-31".parse().unwrap());
    people[2].photos[0].weak = true;
    let gallery = Gallery::new(small().recipe().clone(), people).unwrap();
    write(&path, &gallery).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[8], 3);
    let again = read(&path).unwrap();
    assert_eq!(again, gallery);
    let days: Vec<_> =
        again.people().iter().map(|person| person.expires.map(|day| day.to_string())).collect();
    assert_eq!(days, [None, Some("2027-07-31".to_owned()), None, None]);
    // The 31st of July as the 31st of June: some 1, year, month, day.
    let day = [&[1][..], &2027_i16.to_le_bytes(), &[7, 31]].concat();
    let at = bytes.windows(day.len()).position(|window| window == day).unwrap();
    let mut wrong = bytes[..bytes.len() - 32].to_vec();
    wrong[at + 3] = 6;
    fs::write(&path, sealed(wrong)).unwrap();
    assert_eq!(error_of(&path), "expected a day, found 2027-6-31");
}

#[test]
fn file_names_are_kept_in_version_4_and_files_without_any_are_read_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    let mut people: Vec<Person> = small().people().iter().map(|person| (**person).clone()).collect();
    for (version, change) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
        match change {
            1 => people[0].photos[0].weak = true,
            2 => people[1].expires = Some("2027-07-31".parse().unwrap()),
            3 => people[1].photos[1].file_name = FileName::of("photos/IMG 0044 عمر.jpg"),
            _ => {}
        }
        let gallery = Gallery::new(small().recipe().clone(), people.clone()).unwrap();
        write(&path, &gallery).unwrap();
        assert_eq!(fs::read(&path).unwrap()[8], version);
        let again = read(&path).unwrap();
        assert_eq!(again, gallery, "version {version}");
        let photos = again.people().iter().flat_map(|person| &person.photos);
        let names: Vec<&str> = photos.filter_map(|photo| Some(photo.file_name.as_ref()?.as_str())).collect();
        let expected: &[&str] = if version == 4 { &["IMG 0044 عمر.jpg"] } else { &[] };
        assert_eq!(names, expected);
    }
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    let one = Gallery::new(recipe(), vec![person("Ada", &[embedding(1)])]).unwrap();
    write(&path, &one).unwrap();
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let error = error_of(&path);
        assert!(error.contains(&format!("found {len}")) || len == 0, "cut at {len}: {error}");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    let expected = format!("it is too long: expected {} bytes, found {}", whole.len(), whole.len() + 1);
    assert_eq!(error_of(&path), expected);
}

#[test]
fn any_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    let one = Gallery::new(recipe(), vec![person("Ada", &[embedding(1)])]).unwrap();
    write(&path, &one).unwrap();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1 << (at % 8);
        fs::write(&path, &altered).unwrap();
        let error = error_of(&path);
        if at >= 20 {
            assert!(error.starts_with("it was altered: expected checksum "), "byte {at}: {error}");
        }
    }
}

#[test]
fn foreign_files_and_other_versions_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        error_of(&path)
    };
    let start = "expected a gallery, which starts with \"FACEREC\", found ";
    assert_eq!(error(b"PK\x03\x04 a workbook"), format!("{start}a file of 15 bytes that starts otherwise"));
    assert_eq!(
        error(b"\x80\x04\x95 pickle"),
        format!("{start}a Python pickle (facerec import-pickle takes those)")
    );
    assert_eq!(error(b"hi"), format!("{start}a file of 2 bytes that starts otherwise"));
    assert_eq!(error(b""), "it is truncated: expected 20 bytes, found 0");

    let other = FILE_NAMES_VERSION + 1;
    let newer = sealed([&b"FACEREC\0"[..], &other.to_le_bytes(), &[0; 8], &[1; 100]].concat());
    assert_eq!(error(&newer), "expected a format version from 1 to 4, found 5: another facerec wrote it");
    assert!(
        read(folder.path())
            .unwrap_err()
            .to_string()
            .ends_with("expected a file, found a directory or a device")
    );
    assert!(read(&folder.path().join("none")).unwrap_err().to_string().contains("No such file"));
}

/// Files with a right checksum and a wrong body: nothing is allocated for what they claim.
#[test]
fn sealed_nonsense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.bin");
    let error = |bytes: Vec<u8>| {
        fs::write(&path, sealed(bytes)).unwrap();
        error_of(&path)
    };
    write(&path, &Gallery::new(recipe(), vec![person("Ada", &[embedding(1)])]).unwrap()).unwrap();
    let whole = fs::read(&path).unwrap();
    let body = whole[..whole.len() - 32].to_vec();
    // The recipe: 8 + 5 bytes of the model's name, 1 + 32 of the hash, 4 of the margin, 4 of the standardisation.
    let people_at = 20 + 13 + 33 + 4 + 4;
    assert_eq!(body[people_at..people_at + 8], 1_u64.to_le_bytes());

    let patched = |at: usize, value: u64| {
        let mut bytes = body.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    for claim in [2, u64::from(u32::MAX), u64::MAX] {
        assert!(error(patched(people_at, claim)).starts_with("a record is broken: "));
        assert!(
            error(patched(20, claim.saturating_mul(1000))).starts_with("a record is broken: "),
            "model's name"
        );
    }
    assert!(error(patched(people_at, 0)).ends_with("bytes are left over after the last person"));
    let mut unknown = body.clone();
    unknown[people_at - 4] = 9;
    assert!(error(unknown).starts_with("a record is broken: "), "a standardisation that is not known");
    let mut longer = body.clone();
    let end = longer.len();
    longer[end - 4..].copy_from_slice(&1e3_f32.to_le_bytes());
    assert!(error(longer).starts_with("expected embeddings of norm 1, found 1000"));
    let mut not_a_number = body.clone();
    not_a_number[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(error(not_a_number), "expected embeddings of norm 1, found NaN");
    assert!(error(body[..20].to_vec()).starts_with("a record is broken: "));
}

#[test]
fn a_write_that_fails_says_so_and_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("gallery.bin");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("x"), "a folder that is not empty can't be replaced").unwrap();
    let error = write(&taken, &small()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("the gallery {} can't be written: ", taken.display())), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    // A file system that takes no files, for root neither.
    assert!(write(Path::new("/proc/gallery.bin"), &small()).is_err());
    assert!(write(&folder.path().join("no/such/folder/gallery.bin"), &small()).is_err());
}
