//! Arguments of the database of people and attendance.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// Where people and attendance are kept instead of in files.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DatabaseArgs {
    /// Keep people, roster and attendance in PostgreSQL 15 or newer, which several processes may share: `postgres://USER@HOST/NAME`;
    /// behind it `?sslmode=` with disable, require or verify-full [default: none: in files]
    #[arg(long, env = "FACEREC_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<DatabaseUrl>,
    /// File with the password of the database, reread for each new connection
    #[arg(long, env = "FACEREC_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    pub database_password_file: Option<PathBuf>,
    /// Certificates of the authorities that vouch for the database server with sslmode=verify-full, PEM
    #[arg(long, env = "FACEREC_DATABASE_CA_FILE", value_name = "FILE")]
    pub database_ca_file: Option<PathBuf>,
}

impl DatabaseArgs {
    /// How the database is reached; `None` to use none.
    #[must_use]
    pub fn params(&self) -> Option<DatabaseParams> {
        Some(DatabaseParams {
            url: self.database_url.clone()?,
            password_file: self.database_password_file.clone(),
            ca_file: self.database_ca_file.clone(),
        })
    }
}

/// How a database is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseParams {
    /// Its address.
    pub url: DatabaseUrl,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// Certificates of the authorities that vouch for the server.
    pub ca_file: Option<PathBuf>,
}

/// The address of a database, which may hold a password: it is not printed. Parsed where it is used, since clap would
/// print a wrong one.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole of it, the password included.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = std::convert::Infallible;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Ok(Self(url.trim().to_owned()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a database")
    }
}
