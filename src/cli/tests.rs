//! What holds for every command and every flag.

use std::collections::BTreeSet;

use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// What a flag's value is called where it is no number.
const NO_NUMBERS: [&str; 15] = [
    "ADDRESS", "DIR", "EVENT", "FILE", "FILE|URL", "FORMAT", "KEY", "NAME", "ORIGIN", "OUT.png", "SCOPE",
    "SERVICE", "TIME", "TITLE", "URL",
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

/// The rows of settings in `docs/configuration.md`: flag, variable and default.
fn documented_settings() -> Vec<[String; 3]> {
    let text = include_str!("../../docs/configuration.md");
    let rows = text.lines().filter(|line| line.starts_with("| `--"));
    let cells = rows.map(|row| row.split('|').skip(1).take(4).map(|cell| cell.trim().to_owned()).collect());
    let setting = |cells: Vec<String>| {
        let [flag, variable, default, meaning] = cells.try_into().expect("four cells");
        assert!(!meaning.is_empty(), "{flag} has no meaning");
        [flag, variable, default]
    };
    cells.map(setting).collect()
}

#[test]
fn the_documentation_lists_every_setting_of_the_service_with_its_variable_and_default() {
    let flags = arguments().into_iter().filter(|(words, _)| words.last().is_some_and(|word| word == "serve"));
    let documented = documented_settings();
    let mut count = 0;
    for (_, flag) in flags {
        count += 1;
        let name = format!("`--{}`", flag.get_long().unwrap());
        let rows: Vec<_> = documented.iter().filter(|row| row[0] == name).collect();
        let [[_, variable_cell, default]] = rows[..] else {
            panic!("docs/configuration.md: expected one row for {name}, found {}", rows.len());
        };
        assert_eq!(*variable_cell, format!("`{}`", variable(&flag).unwrap()), "{name}");
        match flag.get_default_values() {
            [value] => assert_eq!(*default, format!("`{}`", value.to_str().unwrap()), "default of {name}"),
            _ => {
                assert!(!default.is_empty() && !default.starts_with('`'), "{name} has no default: {default}");
            }
        }
    }
    assert!(count > 20, "only {count} flags were found");
    assert_eq!(documented.len(), count, "docs/configuration.md has flags that `facerec serve` does not have");
}
