//! The way to the database: its address, TLS, time limits, and connections.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::hosts;
use super::schema;
use super::tls::{TlsMode, connector};
use crate::config::DatabaseParams;
use crate::error::{DataError, Error, Operation, Result};
use crate::local_file;

/// Longest file of a password, bytes.
const MAX_PASSWORD_BYTES: u64 = 4096;
/// For a connection to one server; also how long a silent server is believed to be there.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For a query to which a healthy server responds at once: one that takes longer hangs.
pub(super) const RESPONSE_LIMIT: Duration = Duration::from_secs(3);
/// For what is done at once with a connection.
pub(super) const WORK_LIMIT: Duration = Duration::from_secs(20);
/// For reading all people.
pub(super) const LOAD_LIMIT: Duration = Duration::from_mins(10);

/// Before the first query. The server's own limits end what a process that hangs has locked. A commit that others could lose
/// after a crash of the server would not be durable; a stricter setting of the database stays. Whoever waited for the newest
/// revision must see it, which a stricter isolation forbids.
const SESSION: &str = "
    set search_path to facerec, pg_catalog;
    set default_transaction_isolation to 'read committed';
    set statement_timeout to '15s';
    set lock_timeout to '10s';
    set idle_in_transaction_session_timeout to '15s';
    select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";

/// A database, and what its connections run on.
pub struct Database {
    config: Config,
    tls: MakeRustlsConnect,
    password_file: Option<PathBuf>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// A connection. It ends with this.
pub(super) struct Connection {
    pub(super) client: Client,
    /// Told of notifications, and of the end of the connection.
    pub(super) told: Arc<Notify>,
}

impl Connection {
    /// Begins a transaction that sees one state.
    pub(super) async fn begin_reading(&self) -> std::result::Result<(), Fault> {
        Ok(self.client.batch_execute("begin isolation level repeatable read read only").await?)
    }
}

impl Database {
    /// The database at the address; nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Data`] for an address that can't be used; it is not in the message, since it may hold a password.
    pub fn new(params: &DatabaseParams) -> Result<Self> {
        let (mut config, mode) = parse(params.url.secret(), params.ca_file.is_some())?;
        config.connect_timeout(CONNECT_LIMIT).tcp_user_timeout(CONNECT_LIMIT);
        config.keepalives_idle(CONNECT_LIMIT).keepalives_interval(CONNECT_LIMIT / 5).keepalives_retries(3);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("facerec");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("facerec-database")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::Internal(format!("the threads of the database can't be started: {error}"))
            })?;
        Ok(Self {
            config,
            tls: connector(mode, params.ca_file.as_deref())?,
            password_file: params.password_file.clone(),
            runtime: Some(runtime),
        })
    }

    /// Where it is, for the log: without user and password.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}/{}", hosts::shown(&self.config), self.config.get_dbname().unwrap_or_default())
    }

    /// A new connection to the server that takes changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none; [`Error::Data`] when the file of the password can't be read, and for tables of a
    /// newer facerec, to which this one must not write.
    pub(super) fn connect(&self) -> Result<Connection> {
        let hosts = self.hosts()?;
        // Each of them has its own limit.
        self.within(CONNECT_LIMIT * hosts.len() as u32 + WORK_LIMIT, self.connect_to_one(&hosts))
    }

    /// The servers of the address, in its order, with the password of now.
    ///
    /// # Errors
    /// [`Error::Data`] when the file of the password can't be read.
    pub(super) fn hosts(&self) -> Result<Vec<Config>> {
        let mut config = self.config.clone();
        if let Some(path) = &self.password_file {
            let file = format!("the password of the database {}", path.display());
            let text = local_file::read_text(path, MAX_PASSWORD_BYTES)
                .map_err(DataError::io(&file, Operation::Read))?;
            config.password(text.trim_end_matches(['\r', '\n']));
        }
        Ok(hosts::apart(&config))
    }

    /// A connection to the first of the servers that takes changes. One that is silent does not keep from trying the next.
    pub(super) async fn connect_to_one(&self, hosts: &[Config]) -> std::result::Result<Connection, Fault> {
        let mut failed = Fault::TimedOut;
        for host in hosts {
            match tokio::time::timeout(CONNECT_LIMIT, self.connect_to(host)).await {
                Ok(Ok(connection)) => {
                    schema::check_version(&connection.client).await?;
                    return Ok(connection);
                }
                Ok(Err(fault)) => failed = fault,
                Err(_) => failed = Fault::TimedOut,
            }
        }
        Err(failed)
    }

    async fn connect_to(&self, host: &Config) -> std::result::Result<Connection, Fault> {
        let (client, mut connection) = host.connect(self.tls.clone()).await?;
        let told = Arc::new(Notify::new());
        let teller = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if matches!(message, AsyncMessage::Notification(_)) {
                    teller.notify_one();
                }
            }
            teller.notify_one();
        });
        client.batch_execute(SESSION).await?;
        Ok(Connection { client, told })
    }

    /// Waits for `work`, for at most `limit`. Not to be called from an async task.
    pub(super) fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = std::result::Result<T, Fault>>,
    ) -> Result<T> {
        let Some(runtime) = &self.runtime else {
            return Err(Error::Internal("the database is closed".to_owned()));
        };
        let limited = async { tokio::time::timeout(limit, work).await.unwrap_or(Err(Fault::TimedOut)) };
        Ok(runtime.block_on(limited)?)
    }
}

impl Drop for Database {
    /// Without waiting, which an async task, where this may happen, must not.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The address in parts. `sslmode` is read here: the driver does not know `verify-full`, which authorities ask for, too.
fn parse(url: &str, has_authorities: bool) -> Result<(Config, TlsMode)> {
    let invalid = |reason: &str| -> Error {
        DataError::Invalid(format!("--database-url: expected postgres://USER@HOST/NAME, found {reason}"))
            .into()
    };
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(invalid("something that starts otherwise"));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut kept, mut mode) = (Vec::new(), None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", "disable")) => mode = Some(TlsMode::Disable),
            Some(("sslmode", "require")) => mode = Some(TlsMode::Require),
            Some(("sslmode", "verify-full")) => mode = Some(TlsMode::VerifyFull),
            Some(("sslmode", _)) => {
                return Err(invalid("an sslmode other than disable, require and verify-full"));
            }
            Some(("sslrootcert", _)) => return Err(invalid("sslrootcert, in place of --database-ca-file")),
            _ => kept.push(pair),
        }
    }
    let rest = if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) };
    let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        invalid(&format!("one that can't be read: {reason}"))
    })?;
    hosts::check(&config).map_err(invalid)?;
    let mode = match mode {
        Some(TlsMode::Disable | TlsMode::Require) if has_authorities => {
            return Err(invalid("--database-ca-file with an sslmode that does not look at certificates"));
        }
        Some(mode) => mode,
        None if has_authorities => TlsMode::VerifyFull,
        // What leaves the machine is encrypted unless somebody says otherwise.
        None if hosts::are_local(&config) => TlsMode::Disable,
        None => TlsMode::Require,
    };
    config.ssl_mode(if mode == TlsMode::Disable { SslMode::Disable } else { SslMode::Require });
    Ok((config, mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        parse(url, false).expect_err("it was taken").to_string()
    }

    #[test]
    fn addresses_are_read_with_their_tls_mode() {
        let mode = |url: &str| parse(url, false).unwrap().1;
        assert_eq!(mode("postgres://facerec@db.example/facerec?sslmode=verify-full"), TlsMode::VerifyFull);
        assert_eq!(
            mode("postgresql://facerec@db.example/facerec?sslmode=disable&application_name=x"),
            TlsMode::Disable
        );
        assert_eq!(mode("postgres://facerec@db.example/facerec"), TlsMode::Require);
        assert_eq!(mode("postgres://facerec@localhost,db.example/facerec"), TlsMode::Require);
        for local in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert_eq!(mode(&format!("postgres://facerec@{local}/facerec")), TlsMode::Disable, "{local}");
        }
        let (config, _) = parse("postgres://facerec:p%40ss@a,b:5433/facerec?sslmode=require", false).unwrap();
        assert_eq!((config.get_hosts().len(), config.get_password()), (2, Some(&b"p@ss"[..])));
    }

    #[test]
    fn another_machine_s_address_behind_a_local_name_is_encrypted() {
        let mode = |url: &str| parse(url, false).unwrap().1;
        assert_eq!(mode("postgres://u@localhost/d?hostaddr=192.0.2.1"), TlsMode::Require);
        assert_eq!(mode("postgres://u@localhost/d?hostaddr=127.0.0.1"), TlsMode::Disable);
    }

    #[test]
    fn authorities_are_not_given_for_nothing() {
        assert_eq!(parse("postgres://u@db.example/d", true).unwrap().1, TlsMode::VerifyFull);
        assert_eq!(
            parse("postgres://u@localhost/d?sslmode=verify-full", true).unwrap().1,
            TlsMode::VerifyFull
        );
        for mode in ["disable", "require"] {
            let refused = parse(&format!("postgres://u@db.example/d?sslmode={mode}"), true).unwrap_err();
            assert!(refused.to_string().contains("found --database-ca-file with an sslmode"), "{refused}");
        }
    }

    #[test]
    fn wrong_addresses_are_refused_without_their_password() {
        for (url, found) in [
            ("mysql://u:secret@h/d", "something that starts otherwise"),
            ("host=h password=secret", "something that starts otherwise"),
            ("postgres://u:secret@h/d?sslmode=prefer", "an sslmode other than"),
            ("postgres://u:secret@h/d?sslrootcert=ca.pem", "--database-ca-file"),
            ("postgres://u:secret@h:port/d", "one that can't be read"),
            ("postgres://u:secret@h/d?secret=secret2", "one that can't be read"),
            ("postgres:///d", "one without a host"),
            (
                "postgres://u:secret@a:1,b:2,c:3/d?hostaddr=127.0.0.1",
                "another number of hostaddr than of hosts",
            ),
        ] {
            let message = refused(url);
            assert!(message.contains(found), "{message}");
            assert!(!message.contains("u:secret") && !message.contains("secret@"), "{message}");
        }
    }
}
