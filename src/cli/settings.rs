//! The settings file, `facerec.toml`: values of flags that are neither given nor set as variables.
//!
//! The settings are the flags of `facerec serve`, without another list of them; other commands take those that they
//! share, told by the variable. A value enters as the flag that it stands for, so that it is checked in one place.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, Command};

use called::Called;
use file::SettingsFile;

mod called;
mod file;
pub(super) mod print;

/// Name of the file in the data directory.
pub(super) const FILE_NAME: &str = "facerec.toml";
/// The variable of `--config`.
const CONFIG: &str = "FACEREC_CONFIG";
/// The variable of `--data`.
const DATA: &str = "FACEREC_DATA";
/// Flags of `facerec serve` that are no settings.
const NO_SETTINGS: [&str; 2] = ["config", "print-config"];

/// The arguments with those of the file, and which these are.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// To be parsed.
    pub(super) all: Vec<OsString>,
    /// The file, if there is one.
    pub(super) file: Option<PathBuf>,
    /// Flags that the file gave, without the dashes.
    pub(super) of_file: Vec<String>,
}

/// Adds what the settings file says to the arguments of this process. `variable` has the value of a variable, where it
/// is not empty.
///
/// # Errors
/// What is wrong with the file: it can't be read, or a key or the type of a value is not one that is expected.
pub(super) fn with_file(
    root: &Command,
    arguments: Vec<OsString>,
    variable: &dyn Fn(&OsStr) -> Option<OsString>,
) -> Result<Arguments, String> {
    let called = Called::of(root, &arguments);
    let settings = settings(root);
    let Some(path) = path(&called, &settings, &arguments, variable) else {
        return Ok(Arguments { all: arguments, ..Arguments::default() });
    };
    let file = SettingsFile::read(&path, &settings)?;
    let is_given = |arg: &Arg| called.is_given(arg, &arguments) || arg.get_env().and_then(variable).is_some();
    let mut from_file = Vec::new();
    let mut of_file = Vec::new();
    for (setting, value) in file.values() {
        let Some(arg) = called.arg_of_variable(setting.get_env()) else { continue };
        // An argument without a flag can't be given by the file: the command line has it, or is refused.
        if arg.is_positional() || is_given(arg) || called.conflicts(arg).any(is_given) {
            continue;
        }
        from_file.extend(file.arguments(arg, value)?);
        of_file.extend(arg.get_long().map(str::to_owned));
    }
    let mut all = arguments.clone();
    all.splice(called.end()..called.end(), from_file);
    Ok(Arguments { all, file: Some(path), of_file })
}

/// Whether the arguments themselves name a data directory.
pub(super) fn name_data(root: &Command, arguments: &[OsString]) -> bool {
    let called = Called::of(root, arguments);
    called.arg_of_variable(Some(OsStr::new(DATA))).is_some_and(|arg| called.is_given(arg, arguments))
}

/// The flags of `facerec serve` that are settings.
fn settings(root: &Command) -> Vec<&Arg> {
    let serve = root.find_subcommand("serve");
    let args = serve.into_iter().flat_map(Command::get_arguments);
    args.filter(|arg| arg.get_long().is_some_and(|long| !NO_SETTINGS.contains(&long))).collect()
}

/// `--config`, else `facerec.toml` in the data directory if it is there and the command shares a setting. The directory may be
/// that of the variable alone: a command need not have a flag for it.
fn path(
    called: &Called<'_>,
    settings: &[&Arg],
    arguments: &[OsString],
    variable: &dyn Fn(&OsStr) -> Option<OsString>,
) -> Option<PathBuf> {
    let value = |name: &str| {
        let arg = called.arg_of_variable(Some(OsStr::new(name)));
        let given = arg.and_then(|arg| called.value(arg, arguments));
        given.or_else(|| variable(OsStr::new(name)))
    };
    let in_data = || {
        let mut settings = settings.iter();
        let is_shared = settings.any(|setting| called.arg_of_variable(setting.get_env()).is_some());
        let path = PathBuf::from(value(DATA).filter(|_| is_shared)?).join(FILE_NAME);
        path.exists().then_some(path)
    };
    value(CONFIG).map(PathBuf::from).or_else(in_data)
}

#[cfg(test)]
mod tests;
