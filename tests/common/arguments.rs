//! The arguments of a driver that is run as a test: its own, and those of test runners.

/// What was asked for.
pub(crate) enum Asked {
    /// To run, with these options of the driver and their values.
    Run(Vec<(String, String)>),
    /// To explain itself.
    Help,
    /// Something that is not the driver's: a list of tests, or tests of other names.
    Nothing,
}

/// Options of test runners (libtest) that mean nothing here.
const FLAGS: [&str; 10] = [
    "--nocapture",
    "--no-capture",
    "--show-output",
    "--quiet",
    "-q",
    "--exact",
    "--ignored",
    "--include-ignored",
    "--test",
    "--bench",
];
/// The same, with a value that follows.
const WITH_VALUE: [&str; 5] = ["--test-threads", "--format", "--color", "--skip", "-Z"];

/// Reads what follows the program's name. Each of the driver's `own` options takes a value; what is neither
/// theirs nor a runner's is an error, lest a slip of the pen passes for a short run.
pub(crate) fn read(
    driver: &str,
    own: &[&str],
    mut arguments: impl Iterator<Item = String>,
) -> Result<Asked, String> {
    let (mut options, mut filters) = (Vec::new(), Vec::new());
    while let Some(argument) = arguments.next() {
        let name = argument.as_str();
        if own.contains(&name) {
            let value = arguments.next().ok_or_else(|| format!("{name}: expected a value, found nothing"))?;
            options.push((argument, value));
        } else if matches!(name, "--help" | "-h") {
            return Ok(Asked::Help);
        } else if name == "--list" {
            return Ok(Asked::Nothing);
        } else if WITH_VALUE.contains(&name) {
            arguments.next();
        } else if !name.starts_with('-') {
            filters.push(argument);
        } else if !FLAGS.contains(&name)
            && !WITH_VALUE.iter().any(|flag| name.starts_with(&format!("{flag}=")))
        {
            return Err(format!("expected one of {}, found {name}", own.join(", ")));
        }
    }
    let is_meant = filters.is_empty() || filters.iter().any(|filter| driver.contains(filter.as_str()));
    Ok(if is_meant { Asked::Run(options) } else { Asked::Nothing })
}

/// The value of an option as a number.
pub(crate) fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: expected a number, found {value:?}"))
}
