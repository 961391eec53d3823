//! `facerec serve --print-config`: the settings in force, as a settings file.

use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::output;
use super::{Arguments, settings};

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
    format!("{long} = {} # {source}", toml_value(setting, &values))
}

fn toml_value(setting: &Arg, values: &[String]) -> String {
    let scalar = |text: &String| match text.parse::<f64>() {
        Ok(number) if number.is_finite() && !text.starts_with('+') => text.clone(),
        _ if !setting.get_action().takes_values() => text.clone(),
        _ => toml::Value::String(text.clone()).to_string(),
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
