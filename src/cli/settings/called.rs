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
        self.tokens(arguments).any(|token| token.gives(arg))
    }

    /// The value that the arguments give the flag, or the first one without a flag.
    pub(super) fn value(&self, arg: &Arg, arguments: &[OsString]) -> Option<OsString> {
        if arg.is_positional() {
            let word = self.tokens(arguments).find(|token| !token.is_flag && token.at >= self.end)?;
            return arguments.get(word.at).cloned();
        }
        let flag = self.tokens(arguments).find(|token| token.gives(arg))?;
        match flag.text.split_once('=') {
            Some((_, value)) => Some(value.into()),
            None => arguments.get(flag.at + 1).cloned(),
        }
    }

    /// Flags and words; what is a flag's value is neither.
    fn tokens(&self, arguments: &[OsString]) -> impl Iterator<Item = Token> {
        let mut at = 1;
        std::iter::from_fn(move || {
            let text = arguments.get(at)?.to_string_lossy().into_owned();
            if text == "--" {
                return None;
            }
            let token = Token { at, is_flag: text.starts_with('-'), text };
            at += if self.takes_the_next(&token.text) { 2 } else { 1 };
            Some(token)
        })
    }

    /// Whether the argument after this one is its value.
    fn takes_the_next(&self, flag: &str) -> bool {
        !flag.contains('=') && self.args().any(|arg| arg.get_action().takes_values() && named(arg, flag))
    }
}

/// One of the arguments.
struct Token {
    at: usize,
    text: String,
    is_flag: bool,
}

impl Token {
    fn gives(&self, arg: &Arg) -> bool {
        self.is_flag && named(arg, &self.text)
    }
}

/// Whether `flag`, as `--port` or `--port=80`, is this one.
fn named(arg: &Arg, flag: &str) -> bool {
    let Some(name) = flag.strip_prefix("--") else { return false };
    arg.get_long() == Some(name.split_once('=').map_or(name, |(name, _)| name))
}
