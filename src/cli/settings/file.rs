//! The file: TOML, a line a setting, named as the flag.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::ValueHint;
use clap::{Arg, ArgAction};
use toml::Value;

use super::super::output::printable;
use crate::local_file::{self, Forbidden};

/// Largest file that is read, bytes.
const MAX_BYTES: u64 = 1 << 20;
/// How alike a key must be to a known one for it to be meant, 0 to 1.
const LIKENESS: f64 = 0.75;

/// A settings file that was read.
pub(super) struct SettingsFile<'a> {
    path: PathBuf,
    values: Vec<(&'a Arg, Value)>,
}

impl<'a> SettingsFile<'a> {
    /// Reads the file. `settings` are the flags that it may name.
    ///
    /// # Errors
    /// When it can't be read, others may write it, it is no TOML, or names what is no setting.
    pub(super) fn read(path: &Path, settings: &[&'a Arg]) -> Result<Self, String> {
        let text = text(path).map_err(|reason| format!("{}: {reason}", printable(path)))?;
        let values = values(&text, settings).map_err(|reason| format!("{}: {reason}", printable(path)))?;
        Ok(Self { path: path.to_path_buf(), values })
    }

    /// Each setting with its value.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'a Arg, &Value)> {
        self.values.iter().map(|(arg, value)| (*arg, value))
    }

    /// The arguments that give `value` to the flag `arg`.
    ///
    /// # Errors
    /// For a value of another type.
    pub(super) fn arguments(&self, arg: &Arg, value: &Value) -> Result<Vec<OsString>, String> {
        let long = arg.get_long().unwrap_or_default();
        let wrong = |expected: &str| {
            format!("{}: {long}: expected {expected}, found {}", printable(&self.path), value.type_str())
        };
        if !arg.get_action().takes_values() {
            return match value {
                Value::Boolean(true) => Ok(vec![format!("--{long}").into()]),
                Value::Boolean(false) => Ok(Vec::new()),
                _ => Err(wrong("true or false")),
            };
        }
        let several = matches!(arg.get_action(), ArgAction::Append);
        let values = match value {
            Value::Array(values) if several => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let expected = if several { "text, a number or a list of them" } else { "text or a number" };
        let one = |value| {
            let text = scalar(value).ok_or_else(|| wrong(expected))?;
            let mut argument = OsString::from(format!("--{long}="));
            argument.push(self.resolved(arg, text));
            Ok(argument)
        };
        values.iter().map(one).collect()
    }

    /// Paths are relative to the file's directory, wherever the program is started.
    fn resolved(&self, arg: &Arg, text: String) -> OsString {
        let is_path = arg.get_value_hint() == ValueHint::AnyPath;
        match self.path.parent() {
            Some(directory) if is_path && !text.is_empty() => directory.join(text).into(),
            _ => text.into(),
        }
    }
}

/// A text or a number as it is written on the command line.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The file's text. It can switch keys off, so only those who may do that may write it.
fn text(path: &Path) -> Result<String, String> {
    let text =
        local_file::check_mode(path, Forbidden::Write).and_then(|()| local_file::read_text(path, MAX_BYTES));
    text.map_err(|error| format!("the settings file can't be read: {error}"))
}

fn values<'a>(text: &str, settings: &[&'a Arg]) -> Result<Vec<(&'a Arg, Value)>, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message())
    })?;
    let mut values: Vec<(&'a Arg, Value)> = Vec::new();
    for (key, value) in table {
        let long = key.replace('_', "-");
        let arg = settings.iter().find(|arg| arg.get_long() == Some(long.as_str()));
        let arg = *arg.ok_or_else(|| unknown(&key, settings))?;
        if values.iter().any(|(other, _)| other.get_id() == arg.get_id()) {
            return Err(format!("expected {long} once, found it with - and with _"));
        }
        values.push((arg, value));
    }
    Ok(values)
}

fn unknown(key: &str, settings: &[&Arg]) -> String {
    let known = settings.iter().filter_map(|arg| arg.get_long());
    let likeness = known.map(|long| (strsim::jaro_winkler(&key.replace('_', "-"), long), long));
    let nearest = likeness.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness >= LIKENESS);
    let hint = match nearest {
        Some((_, long)) => format!("did you mean {long}?"),
        None => "the flags of `facerec serve` are the settings, without the dashes".to_owned(),
    };
    format!("unknown setting {key:?}: {hint}")
}
