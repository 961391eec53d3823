//! The way to the database: its address, TLS, time limits, and connections.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::tls::{TlsMode, connector};
use crate::config::DatabaseParams;
use crate::error::{DataError, Error, Operation, Result};

/// For a connection to one server; also how long a silent server is believed to be there.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For what is done at once with a connection.
pub(super) const WORK_LIMIT: Duration = Duration::from_secs(20);
/// For reading all people.
pub(super) const LOAD_LIMIT: Duration = Duration::from_mins(10);

/// Before the first query. The server's own limits end what a process that hangs has locked. A commit that others could lose
/// after a crash of the server would not be durable; a stricter setting of the database stays.
const SESSION: &str = "
    set search_path to facerec, pg_catalog;
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

impl Database {
    /// The database at the address; nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Data`] for an address that can't be used; it is not in the message, since it may hold a password.
    pub fn new(params: &DatabaseParams) -> Result<Self> {
        let (mut config, mode) = parse(params.url.secret())?;
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
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts: Vec<String> = self.config.get_hosts().iter().map(host).collect();
        format!("{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }

    /// A new connection to the server that takes changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none; [`Error::Data`] when the file of the password can't be read.
    pub(super) fn connect(&self) -> Result<Connection> {
        let mut config = self.config.clone();
        if let Some(path) = &self.password_file {
            let file = format!("the password of the database {}", path.display());
            let text = std::fs::read_to_string(path).map_err(DataError::io(&file, Operation::Read))?;
            config.password(text.trim_end_matches(['\r', '\n']));
        }
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(1).max(1);
        self.within(WORK_LIMIT * hosts, async {
            let (client, mut connection) = config.connect(self.tls.clone()).await?;
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
        })
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

/// The address in parts. `sslmode` is read here: the driver does not know `verify-full`.
fn parse(url: &str) -> Result<(Config, TlsMode)> {
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
    if config.get_hosts().is_empty() {
        return Err(invalid("one without a host"));
    }
    // What leaves the machine is encrypted unless somebody says otherwise.
    let mode = mode.unwrap_or(if config.get_hosts().iter().all(is_local) {
        TlsMode::Disable
    } else {
        TlsMode::Require
    });
    config.ssl_mode(if mode == TlsMode::Disable { SslMode::Disable } else { SslMode::Require });
    Ok((config, mode))
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        parse(url).expect_err("it was taken").to_string()
    }

    #[test]
    fn addresses_are_read_with_their_tls_mode() {
        let mode = |url: &str| parse(url).unwrap().1;
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
        let (config, _) = parse("postgres://facerec:p%40ss@a,b:5433/facerec?sslmode=require").unwrap();
        assert_eq!((config.get_hosts().len(), config.get_password()), (2, Some(&b"p@ss"[..])));
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
        ] {
            let message = refused(url);
            assert!(message.contains(found), "{message}");
            assert!(!message.contains("u:secret") && !message.contains("secret@"), "{message}");
        }
    }
}
