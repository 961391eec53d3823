//! What holds for every command and every flag.

use std::collections::BTreeSet;

use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// What a flag's value is called where it is no number.
const NO_NUMBERS: [&str; 12] = [
    "ADDRESS", "DIR", "FILE", "FILE|URL", "FORMAT", "KEY", "NAME", "ORIGIN", "OUT.png", "SCOPE", "SERVICE",
    "URL",
];

/// Every command with the words that call it, subcommands included.
fn commands() -> Vec<(Vec<String>, Command)> {
    fn collect(words: &[String], command: &Command, found: &mut Vec<(Vec<String>, Command)>) {
        let words: Vec<String> = words.iter().cloned().chain([command.get_name().to_owned()]).collect();
        for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
            collect(&words, subcommand, found);
        }
        found.push((words, command.clone()));
    }
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    collect(&[], &root, &mut found);
    found
}

/// Every argument but `--help` and `--version`, with the words that call its command.
fn arguments() -> Vec<(Vec<String>, Arg)> {
    let of = |(words, command): (Vec<String>, Command)| {
        let own = command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
        own.map(|arg| (words.clone(), arg.clone())).collect::<Vec<_>>()
    };
    commands().into_iter().flat_map(of).collect()
}

fn variable(flag: &Arg) -> Option<&str> {
    flag.get_env().and_then(|variable| variable.to_str())
}

#[test]
fn every_argument_has_a_help_text_and_every_flag_a_variable() {
    let arguments = arguments();
    assert!(arguments.len() > 60, "only {} arguments were found", arguments.len());
    for (words, arg) in &arguments {
        let name = format!("{} {}", words.join(" "), arg.get_id());
        assert!(arg.get_help().is_some_and(|help| !help.to_string().is_empty()), "{name} has no help");
        if !arg.is_positional() {
            assert!(variable(arg).is_some_and(|name| name.starts_with("FACEREC_")), "{name} has no variable");
        }
    }
}

#[test]
fn no_two_flags_of_a_command_share_a_variable() {
    let mut seen = BTreeSet::new();
    for (words, flag) in arguments().iter().filter(|(_, arg)| !arg.is_positional()) {
        let variable = variable(flag).unwrap();
        assert!(seen.insert((words.clone(), variable.to_owned())), "{}: {variable} twice", words.join(" "));
    }
}

#[test]
fn every_number_has_a_range_and_a_message_that_names_it() {
    let is_number = |arg: &Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        arg.get_action().takes_values() && !names.iter().any(|name| NO_NUMBERS.contains(&name.as_str()))
    };
    let numbers: Vec<_> =
        arguments().into_iter().filter(|(_, arg)| !arg.is_positional() && is_number(arg)).collect();
    assert!(numbers.len() > 30, "only {} numbers were found", numbers.len());
    for (words, flag) in numbers {
        for value in ["NaN", "inf", "-inf", "-1", "1e99", "99999999999999999999", "", "many"] {
            let asked = format!("--{}={value}", flag.get_long().unwrap());
            let error = Cli::command().try_get_matches_from(words.iter().chain([&asked])).unwrap_err();
            let message = error.to_string();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{words:?} {asked}: {message}");
            assert!(message.contains("number from "), "{words:?} {asked}: {message}");
            assert!(message.contains(&format!("found {value:?}")), "{words:?} {asked}: {message}");
        }
    }
}

#[test]
fn the_readme_lists_every_flag_of_the_service() {
    let readme = include_str!("../../README.md");
    let flags = arguments().into_iter().filter(|(words, _)| words.last().is_some_and(|word| word == "serve"));
    let mut count = 0;
    for (_, flag) in flags {
        count += 1;
        let name = format!("`--{}`", flag.get_long().unwrap());
        assert!(readme.contains(&name), "{name} is missing");
        let variable = variable(&flag).unwrap();
        // The gate's own are in a table without variables, which are said to be alike.
        let told = variable.starts_with("FACEREC_ENROLL_") || readme.contains(&format!("`{variable}`"));
        assert!(told, "{variable} is missing");
    }
    assert!(count > 20, "only {count} flags were found");
}
