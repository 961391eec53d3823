//! `facerec serve --print-config`: the settings in force, as a settings file.

use std::path::{Path, absolute};

use clap::builder::ValueHint;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::output;
use super::{Arguments, file, settings};

/// Prints each setting with where its value is from.
///
/// # Errors
/// When standard output can't be written to.
pub(crate) fn print(root: &Command, serve: &ArgMatches, arguments: &Arguments) -> anyhow::Result<()> {
    for setting in settings(root) {
        output::line(line(setting, serve, arguments))?;
    }
    Ok(())
}

fn line(setting: &Arg, serve: &ArgMatches, arguments: &Arguments) -> String {
    let long = setting.get_long().unwrap_or_default();
    let Some(values) = serve.get_raw(setting.get_id().as_str()) else {
        return format!("# {long} is not set");
    };
    let values: Vec<String> = values.map(|value| value.to_string_lossy().into_owned()).collect();
    let from_file = arguments.of_file.iter().any(|flag| flag == long);
    let source = match serve.value_source(setting.get_id().as_str()) {
        Some(ValueSource::EnvVariable) => {
            setting.get_env().unwrap_or_default().to_string_lossy().into_owned()
        }
        Some(ValueSource::CommandLine) if from_file => {
            arguments.file.as_deref().unwrap_or(Path::new("")).display().to_string()
        }
        Some(ValueSource::CommandLine) => format!("--{long}"),
        _ => "default".to_owned(),
    };
    if setting.is_hide_env_values_set() {
        return format!("# {long} is set, and not printed, since it may hold a password # {source}");
    }
    format!("{long} = {} # {source}", toml_value(setting, &values))
}

fn toml_value(setting: &Arg, values: &[String]) -> String {
    let is_path = setting.get_value_hint() == ValueHint::AnyPath;
    let scalar = |text: &String| {
        if !setting.get_action().takes_values() || is_number(text) {
            return text.clone();
        }
        // Another directory than this one reads it, too.
        let path = if is_path { absolute(text).ok() } else { None };
        let text = path.map_or_else(|| text.clone(), |path| path.to_string_lossy().into_owned());
        toml::Value::String(text).to_string()
    };
    match (setting.get_action(), values) {
        (ArgAction::Append, _) => {
            let values: Vec<String> =
                values.iter().flat_map(|value| value.split(',')).map(str::to_owned).collect();
            format!("[{}]", values.iter().map(scalar).collect::<Vec<_>>().join(", "))
        }
        (_, [value]) => scalar(value),
        _ => toml::Value::String(values.join(",")).to_string(),
    }
}

/// Whether TOML reads it as a number that is written as it is: `.5`, `007` and `1e5` are not.
fn is_number(text: &str) -> bool {
    let read = text.parse::<toml::Value>();
    read.is_ok_and(|value| !value.is_str() && file::scalar(&value).as_deref() == Some(text))
}

#[cfg(test)]
mod tests {
    use super::is_number;

    #[test]
    fn what_toml_reads_otherwise_is_no_number() {
        for text in ["0", "5000", "-1", "0.005", "1.5"] {
            assert!(is_number(text), "{text}");
        }
        for text in [".5", "007", "1e5", "+1", "5.", "nan", "", "x", "1 # x", "true", "\"1\"", "1_000"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
