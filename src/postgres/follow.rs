//! Following what others change: notifications, and the revision once a second; connecting again after a failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::connection::{Connection, WORK_LIMIT};
use super::live::Live;
use super::rows::CHANNEL;
use crate::error::{Error, Result};

/// After this time the revision is asked for without a notification.
const INTERVAL: Duration = Duration::from_secs(1);
/// Between the first two attempts to connect again, and at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Starts the thread that follows, which ends soon after the store is dropped.
///
/// # Errors
/// [`Error::Internal`] when it can't be started.
pub(super) fn start(live: &Arc<Live>) -> Result<()> {
    let live = Arc::downgrade(live);
    std::thread::Builder::new().name("facerec-people".to_owned()).spawn(move || follow(&live)).map_err(
        |error| Error::Internal(format!("the thread that follows the database can't be started: {error}")),
    )?;
    Ok(())
}

fn follow(live: &Weak<Live>) {
    let (mut connection, mut pause) = (None, SHORTEST_PAUSE);
    while let Some(live) = live.upgrade() {
        match look_safely(&live, connection.take()) {
            Ok(followed) => {
                live.followed();
                pause = SHORTEST_PAUSE;
                wait(&live, &followed);
                connection = Some(followed);
            }
            Err(error) => {
                live.lost(&error);
                drop(live);
                std::thread::sleep(jittered(pause));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// A panic is an error as others are: without this thread, nobody would learn of changes any more, nor that this is so.
fn look_safely(live: &Live, connection: Option<Connection>) -> Result<Connection> {
    catch_unwind(AssertUnwindSafe(|| look(live, connection)))
        .unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
}

/// Looks for changes, over a new connection where there is none.
fn look(live: &Live, connection: Option<Connection>) -> Result<Connection> {
    let connection = match connection {
        Some(connection) => connection,
        None => listening(live)?,
    };
    // First, and whatever becomes of the rest: a revoked key must not wait for many changed people.
    live.keys.catch_up(&live.database, &connection)?;
    live.catch_up(&connection)?;
    live.roster.catch_up(&live.database, &connection)?;
    Ok(connection)
}

fn listening(live: &Live) -> Result<Connection> {
    let connection = live.database.connect()?;
    let listen = format!("listen {CHANNEL}");
    live.database.within(WORK_LIMIT, async { Ok(connection.client.batch_execute(&listen).await?) })?;
    Ok(connection)
}

/// Until a notification or the end of the connection, at most [`INTERVAL`].
fn wait(live: &Live, connection: &Connection) {
    let told = async {
        // A timeout is as good as a notification.
        let _ = tokio::time::timeout(INTERVAL, connection.told.notified()).await;
        Ok(())
    };
    // Only the limit itself can fail, and it is longer.
    let _ = live.database.within(2 * INTERVAL, told);
}

/// Half of the pause to all of it, so that processes that lost the database together don't come back together.
fn jittered(pause: Duration) -> Duration {
    let share = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    pause.mul_f64(0.5 + share / 2.0)
}
