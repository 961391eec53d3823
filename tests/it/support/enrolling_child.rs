//! A process that enrols people and says whom, until it is killed.

use std::io::{BufRead, BufReader};
use std::process::Child;

/// Kills the child when it has said `count` names, and returns all that it said.
pub fn kill_after(process: &mut Child, count: usize) -> Vec<String> {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The test harness of the child may put words of its own before a line.
    let name = |line: String| line.split_once("enrolled ").map(|(_, name)| name.to_owned());
    let mut said: Vec<String> = lines.by_ref().filter_map(name).take(count).collect();
    process.kill().unwrap();
    process.wait().unwrap();
    said.extend(lines.filter_map(name));
    assert!(said.len() >= count, "the child came to an end by itself");
    said
}
