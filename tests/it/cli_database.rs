//! What commands do with the address of a database that they can't use, or that holds nobody.

use std::fs;

use crate::cli::{err, portrait};
use crate::support::postgres::database;
use crate::support::server::{facerec, sample_folder};

#[test]
fn commands_that_know_files_only_refuse_people_in_a_database_and_write_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (photo, made) = (portrait("Joe Biden"), data.path().join("made.tar"));
    let (photo, made) = (photo.to_str().unwrap(), made.to_str().unwrap());
    let commands: [(&[&str], &str); 2] =
        [(&["backup", "--output", made], "`pg_dump`"), (&["restore", photo], "`pg_restore`")];
    for (command, instead) in commands {
        let mut run = facerec();
        run.args(command).env("FACEREC_DATA", data.path());
        let output = run.env("FACEREC_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none").output().unwrap();
        let said = err(&output);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("expected people in files, found --database-url"), "{command:?}: {said}");
        assert!(said.contains(instead) && said.contains("unset FACEREC_DATABASE_URL"), "{command:?}: {said}");
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "{command:?} wrote something");
    }
}

/// A database of something else, perhaps.
#[test]
fn commands_that_read_make_no_tables_where_there_are_none() {
    let Some(database) = database() else { return };
    let photo = portrait("Joe Biden");
    let photo = photo.to_str().unwrap();
    let commands: [&[&str]; 10] = [
        &["audit"],
        &["audit", "--dismiss", "key"],
        &["recognize", photo],
        &["attend", photo, "--title", "Lesson"],
        &["bench", "--seconds", "1"],
        &["people", "list"],
        &["people", "export", "-o", "nowhere.json"],
        &["people", "rename", "id", "Ada"],
        &["people", "remove", "id", "--yes"],
        &["people", "forget", "id"],
    ];
    for command in commands {
        let mut run = facerec();
        run.args(command).env("FACEREC_DATABASE_URL", database.url());
        run.env("FACEREC_ACCESS_LOG", "database");
        let output = run.output().unwrap();
        let said = err(&output);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("expected people in the database, found none"), "{command:?}: {said}");
        let schemas = "select count(*) from pg_namespace where nspname like 'facerec%'";
        assert_eq!(database.sql(schemas), "0", "{command:?} made tables");
    }
}

/// A dry run, and an import that fails, leave a database without tables as it is.
#[test]
fn commands_that_enrol_nobody_make_no_tables() {
    let Some(database) = database() else { return };
    let people = sample_folder().join("people");
    let people = people.to_str().unwrap();
    let commands: [(&[&str], i32); 3] = [
        (&["enroll", people, "--model", "casia", "--dry-run"], 0),
        (&["enroll", people, "--model", "casia", "--add", "--dry-run"], 0),
        (&["import-pickle", "missing.pkl"], 1),
    ];
    for (command, code) in commands {
        let output = facerec().args(command).args(["--database-url", &database.url()]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{command:?}: {}", err(&output));
        let schemas = "select count(*) from pg_namespace where nspname like 'facerec%'";
        assert_eq!(database.sql(schemas), "0", "{command:?} made tables");
    }
}
