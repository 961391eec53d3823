//! Which command the arguments call, and which flags they give it, before they are parsed.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// A command as the arguments call it.
pub(super) struct Called<'a> {
    /// From the root down.
    commands: Vec<&'a Command>,
    /// How many arguments are the program and the words up to the command's name.
    end: usize,
}

impl<'a> Called<'a> {
    /// The command that the arguments, the program's name first, call below `root`.
    pub(super) fn of(root: &'a Command, arguments: &[OsString]) -> Self {
        let mut called = Self { commands: vec![root], end: arguments.len().min(1) };
        let mut at = called.end;
        while let Some(argument) = arguments.get(at) {
            let text = argument.to_string_lossy();
            if text.starts_with('-') {
                if text == "--" {
                    break;
                }
                at += if called.takes_the_next(&text) { 2 } else { 1 };
                continue;
            }
            let below = called.commands.last().and_then(|command| command.find_subcommand(argument));
            let Some(command) = below else { break };
            called.commands.push(command);
            at += 1;
            called.end = at;
        }
        called
    }

    /// How many arguments are the program and the words up to the command's name.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Its own flags and arguments, and those of the commands above that hold for all below.
    fn args(&self) -> impl Iterator<Item = &'a Arg> {
        let own = self.commands.last().into_iter().flat_map(|command| command.get_arguments());
        let above = self.commands.iter().rev().skip(1).flat_map(|command| command.get_arguments());
        own.chain(above.filter(|arg| arg.is_global_set()))
    }

    /// Its flag with this variable.
    pub(super) fn arg_of_variable(&self, variable: Option<&OsStr>) -> Option<&'a Arg> {
        variable?;
        self.args().find(|arg| arg.get_env() == variable)
    }

    /// Its flags that can't be given together with `arg`.
    pub(super) fn conflicts(&self, arg: &'a Arg) -> impl Iterator<Item = &'a Arg> {
        let command = self.commands.last().copied();
        let excludes = move |a: &Arg, b: &Arg| {
            command.is_some_and(|command| {
                command.get_arg_conflicts_with(a).iter().any(|other| other.get_id() == b.get_id())
            })
        };
        let own = command.into_iter().flat_map(Command::get_arguments);
        own.filter(move |other| excludes(arg, other) || excludes(other, arg))
    }

    /// Whether the arguments give the flag.
    pub(super) fn is_given(&self, arg: &Arg, arguments: &[OsString]) -> bool {
        self.flags(arguments).any(|(_, flag)| named(arg, &flag))
    }

    /// The value that the arguments give the flag.
    pub(super) fn value(&self, arg: &Arg, arguments: &[OsString]) -> Option<OsString> {
        let (at, flag) = self.flags(arguments).find(|(_, flag)| named(arg, flag))?;
        match flag.split_once('=') {
            Some((_, value)) => Some(value.into()),
            None => arguments.get(at + 1).cloned(),
        }
    }

    /// What looks like a flag, with its place; values of flags don't count.
    fn flags<'b>(&self, arguments: &'b [OsString]) -> impl Iterator<Item = (usize, String)> + use<'a, 'b> {
        let takes_next: Vec<&'a Arg> = self.args().filter(|arg| arg.get_action().takes_values()).collect();
        let mut at = 1;
        std::iter::from_fn(move || {
            loop {
                let argument = arguments.get(at)?.to_string_lossy().into_owned();
                let here = at;
                at += 1;
                match argument.as_str() {
                    "--" => return None,
                    text if text.starts_with('-') => {
                        if takes_next.iter().any(|arg| named(arg, text) && !text.contains('=')) {
                            at += 1;
                        }
                        return Some((here, argument));
                    }
                    _ => {}
                }
            }
        })
    }

    fn takes_the_next(&self, flag: &str) -> bool {
        !flag.contains('=') && self.args().any(|arg| arg.get_action().takes_values() && named(arg, flag))
    }
}

/// Whether `flag`, as `--port` or `--port=80`, is this one.
fn named(arg: &Arg, flag: &str) -> bool {
    let Some(name) = flag.strip_prefix("--") else { return false };
    arg.get_long() == Some(name.split_once('=').map_or(name, |(name, _)| name))
}
