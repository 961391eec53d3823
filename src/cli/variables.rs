//! Empty environment variables count as unset, as a compose file's `${X:-}` makes them, except
//! `FACEREC_API_KEYS_FILE`, where startup fails.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::{Arg, Command};

/// Startup fails if it is empty: counted as unset, it would open the service to everybody.
const NEVER_IGNORED: &str = "FACEREC_API_KEYS_FILE";

/// Whether a variable with this value counts as set.
pub(super) fn counts(name: &OsStr, value: &OsStr) -> bool {
    name == NEVER_IGNORED || !value.is_empty()
}

/// The command without the environment variables whose `value` is empty.
pub(super) fn without_empty(command: Command, value: fn(&OsStr) -> Option<OsString>) -> Command {
    let ignored = move |arg: &Arg| {
        let Some(name) = arg.get_env() else { return false };
        value(name).is_some_and(|value| !counts(name, &value))
    };
    command
        .mut_args(move |arg| if ignored(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(move |command| without_empty(command, value))
}

/// The command without the variable `name`: a flag that was given says the opposite.
pub(super) fn without(command: Command, name: &'static str) -> Command {
    let is_it = move |arg: &Arg| arg.get_env().is_some_and(|env| env == name);
    command
        .mut_args(move |arg| if is_it(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(move |command| without(command, name))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    fn variables(command: &Command) -> Vec<&OsStr> {
        let own = command.get_arguments().filter_map(Arg::get_env);
        own.chain(command.get_subcommands().flat_map(variables)).collect()
    }

    #[test]
    fn all_empty_ones_are_ignored_but_the_one_that_locks_the_service() {
        let all = Cli::command();
        let set = without_empty(all.clone(), |_| Some("1".into()));
        assert_eq!(variables(&set), variables(&all));
        let left = without_empty(all.clone(), |_| Some(OsString::new()));
        let left = variables(&left);
        let locking = variables(&all).into_iter().filter(|name| *name == NEVER_IGNORED);
        assert_eq!(left, locking.collect::<Vec<_>>());
        assert!(!left.is_empty());
        assert_eq!(variables(&without_empty(all.clone(), |_| None)), variables(&all));
    }
}
