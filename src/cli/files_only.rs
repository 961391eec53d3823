//! Commands that know files only refuse people in a database: the files of the directory would be old ones, or written in vain.

use anyhow::ensure;
use clap::Args;

use crate::config::DatabaseUrl;

/// Where `serve` would keep people instead of in files.
#[derive(Debug, Args)]
pub(super) struct FilesOnlyArgs {
    /// Refused: the command knows files only
    #[arg(long, env = "FACEREC_DATABASE_URL", value_name = "URL", hide = true, hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
}

impl FilesOnlyArgs {
    /// Refuses a database; `instead` says what to do with one.
    ///
    /// # Errors
    /// When one is named.
    pub(super) fn ensure(&self, instead: &str) -> anyhow::Result<()> {
        ensure!(
            self.database_url.is_none(),
            "expected people in files, found --database-url: {instead}. For files that are not in use by a service with that \
             database, unset FACEREC_DATABASE_URL"
        );
        Ok(())
    }
}
