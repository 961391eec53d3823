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

    /// Whether the arguments give the flag, or the argument without one.
    pub(super) fn is_given(&self, arg: &Arg, arguments: &[OsString]) -> bool {
        if arg.is_positional() {
            return self.word(arg, arguments).is_some();
        }
        self.tokens(arguments).any(|token| self.given(arg, &token) != Given::No)
    }

    /// The value that the arguments give the flag, or the argument without one.
    pub(super) fn value(&self, arg: &Arg, arguments: &[OsString]) -> Option<OsString> {
        if arg.is_positional() {
            return arguments.get(self.word(arg, arguments)?).cloned();
        }
        self.tokens(arguments).find_map(|token| match self.given(arg, &token) {
            Given::No => None,
            Given::With(value) => Some(value.into()),
            Given::Alone => arguments.get(token.at + 1).cloned(),
        })
    }

    /// The place of the word that is the argument without a flag.
    fn word(&self, arg: &Arg, arguments: &[OsString]) -> Option<usize> {
        let mut positionals = self.commands.last()?.get_positionals();
        let number = positionals.position(|other| other.get_id() == arg.get_id())?;
        let mut words = self.tokens(arguments).filter(|token| !token.is_flag && token.at >= self.end);
        words.nth(number).map(|token| token.at)
    }

    /// Flags and words; what is a flag's value is neither. After `--` there are words only.
    fn tokens(&self, arguments: &[OsString]) -> impl Iterator<Item = Token> {
        let mut at = 1;
        let mut only_words = false;
        std::iter::from_fn(move || {
            if !only_words && arguments.get(at)? == "--" {
                only_words = true;
                at += 1;
            }
            let text = arguments.get(at)?.to_string_lossy().into_owned();
            let token = Token { at, is_flag: !only_words && text.len() > 1 && text.starts_with('-'), text };
            at += if token.is_flag && self.takes_the_next(&token.text) { 2 } else { 1 };
            Some(token)
        })
    }

    /// Whether the argument after this flag is its value.
    fn takes_the_next(&self, flag: &str) -> bool {
        self.args().any(|arg| takes_values(arg) && self.named(arg, flag) == Given::Alone)
    }

    fn given<'t>(&self, arg: &Arg, token: &'t Token) -> Given<'t> {
        if token.is_flag { self.named(arg, &token.text) } else { Given::No }
    }

    /// Whether `flag` is this one, or has it among short ones.
    fn named<'t>(&self, arg: &Arg, flag: &'t str) -> Given<'t> {
        let Some(name) = flag.strip_prefix("--") else { return self.named_short(arg, flag) };
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        if arg.get_long() == Some(name) { value.map_or(Given::Alone, Given::With) } else { Given::No }
    }

    /// Of `-yofile` there is `y`, and `o` with a value.
    fn named_short<'t>(&self, arg: &Arg, flags: &'t str) -> Given<'t> {
        let mut rest = flags.trim_start_matches('-').chars();
        while let Some(flag) = rest.next() {
            let with_value = self.args().any(|other| other.get_short() == Some(flag) && takes_values(other));
            if arg.get_short() == Some(flag) {
                let value = rest.as_str();
                let has_value = with_value && !value.is_empty();
                return if has_value {
                    Given::With(value.strip_prefix('=').unwrap_or(value))
                } else {
                    Given::Alone
                };
            }
            if with_value {
                break;
            }
        }
        Given::No
    }
}

fn takes_values(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// What one of the arguments says of a flag.
#[derive(PartialEq, Eq)]
enum Given<'t> {
    /// Nothing.
    No,
    /// It gives it; the value, if it takes one, is the next argument.
    Alone,
    /// It gives it with this value.
    With(&'t str),
}

/// One of the arguments.
struct Token {
    at: usize,
    text: String,
    is_flag: bool,
}
