//! The dismissed findings of the database.

use std::sync::Arc;

use tokio_postgres::GenericClient;

use super::connection::{Connection, WORK_LIMIT};
use super::fault::Fault;
use super::live::Live;
use super::rows::broken;
use crate::audit::dismissals::{Change, DismissalStore, Dismissals};
use crate::error::Result;

/// The dismissed findings in a database. They are read anew for each audit.
pub struct PostgresDismissals(pub(super) Arc<Live>);

impl PostgresDismissals {
    /// A connection of its own: this is rare. Where the database is known to be away, nobody waits for it.
    fn connect(&self) -> Result<Connection> {
        self.0.ensure_there()?;
        self.0.database.connect()
    }
}

impl DismissalStore for PostgresDismissals {
    fn read(&self) -> Result<Dismissals> {
        let connection = self.connect()?;
        self.0.database.within(WORK_LIMIT, stored(&connection.client, "select findings from dismissals"))
    }

    fn change(&self, change: Change<'_>) -> Result<()> {
        let connection = self.connect()?;
        let client = &connection.client;
        let mut dismissals = self.0.database.within(WORK_LIMIT, async {
            client.batch_execute("begin").await?;
            stored(client, "select findings from dismissals for update").await
        })?;
        change(&mut dismissals)?;
        let findings = dismissals.to_json()?;
        self.0.database.within(WORK_LIMIT, async {
            client.execute("update dismissals set findings = $1", &[&findings]).await?;
            Ok(client.batch_execute("commit").await?)
        })
    }
}

async fn stored(client: &(impl GenericClient + Sync), select: &str) -> Result<Dismissals, Fault> {
    let row = client.query_one(select, &[]).await?;
    Dismissals::from_json(row.try_get::<_, &str>(0)?.as_bytes()).map_err(broken)
}
