//! PostgreSQL of the tests' own: real servers in temporary directories, not those of the machine.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use facerec::config::{DatabaseParams, DatabaseUrl};
use facerec::postgres::Database;

use super::say;
use super::server::PATIENCE;

/// Where Debian has the programs, below a version.
const INSTALLED: &str = "/usr/lib/postgresql";
/// Runs the server until its input ends, which it does with the process that holds the other end, and then removes it all.
const SUPERVISE: &str = r#"
    remove=$1; shift
    trap "" INT TERM
    "$@" & server=$!
    read -r _
    kill -INT $server 2> /dev/null
    wait $server
    rm -rf "$remove""#;

/// A server. It ends with this, or with this process.
pub struct Cluster {
    directory: PathBuf,
    pub port: u16,
    supervisor: Option<Child>,
}

/// An empty database on a server.
pub struct TestDatabase {
    cluster: &'static Cluster,
    pub name: String,
}

/// A new database on a server that all tests share; `None`, with a word in the output, where PostgreSQL is not installed.
pub fn database() -> Option<TestDatabase> {
    static SHARED: LazyLock<Option<Cluster>> = LazyLock::new(Cluster::start);
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let cluster = SHARED.as_ref()?;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    cluster.sql("postgres", &format!("create database {name}"));
    Some(TestDatabase { cluster, name })
}

impl TestDatabase {
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    pub fn open(&self) -> Database {
        open(&self.url())
    }

    /// What a statement returns, a line a row.
    pub fn sql(&self, statement: &str) -> String {
        self.cluster.sql(&self.name, statement)
    }

    /// Statements that go on beside the test.
    pub fn session(&self, statements: &str) -> Child {
        self.cluster.psql(&self.name, statements).spawn().unwrap()
    }
}

/// The database at the address.
pub fn open(url: &str) -> Database {
    Database::new(&params(url)).unwrap()
}

pub fn params(url: &str) -> DatabaseParams {
    let url: DatabaseUrl = url.parse().unwrap();
    DatabaseParams { url, password_file: None, ca_file: None }
}

impl Cluster {
    /// A server with nothing in it; `None`, with a word in the output, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(|cluster| {
            let data = cluster.data();
            let made = [
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-instructions",
                "--no-sync",
                "-D",
            ];
            run(program("initdb")?.args(made).arg(data));
            Some(())
        })
    }

    /// A standby of this server, which it follows.
    pub fn standby(&self) -> Self {
        let copied = Self::start_with(|standby| {
            let (socket, port) = (self.directory.as_os_str(), self.port.to_string());
            let copy = program("pg_basebackup")?
                .args([OsStr::new("-h"), socket, OsStr::new("-p"), OsStr::new(&port)])
                .args(["-U", "postgres", "-R", "-c", "fast", "--no-sync", "-D"])
                .arg(standby.data())
                .output();
            assert!(copy.unwrap().status.success());
            Some(())
        });
        copied.expect("it is installed")
    }

    fn start_with(fill: impl FnOnce(&Self) -> Option<()>) -> Option<Self> {
        if programs().is_none() {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "there is no PostgreSQL: apt-get install postgresql"
            );
            say("NOTE: there is no PostgreSQL here; people in a database are NOT tested.");
            return None;
        }
        let directory = tempfile::tempdir().unwrap().keep();
        if let Some((user, group)) = other_user() {
            chown(&directory, Some(user), Some(group)).unwrap();
        }
        // Its socket is in it.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711)).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut cluster = Self { directory, port, supervisor: None };
        fill(&cluster)?;
        cluster.resume();
        Some(cluster)
    }

    /// The directory of its files.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Starts it, again after [`Cluster::kill`].
    pub fn resume(&mut self) {
        let log =
            File::options().create(true).append(true).open(self.directory.with_extension("log")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISE, "sh"]).arg(&self.directory).arg(programs().unwrap().join("postgres"));
        command.args([
            "-p",
            &self.port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "max_connections=200",
        ]);
        command.arg("-k").arg(&self.directory).arg("-D").arg(self.data());
        as_other_user(&mut command).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        // A killed server has left them, and its number may still be that of a process that nobody has waited for.
        let locks =
            [self.data().join("postmaster.pid"), self.directory.join(format!(".s.PGSQL.{}.lock", self.port))];
        for lock in locks {
            let _ = fs::remove_file(lock);
        }
        self.supervisor = Some(command.spawn().unwrap());
        self.wait();
    }

    fn wait(&self) {
        let end = Instant::now() + PATIENCE;
        while !self.psql("postgres", "select 1").status().is_ok_and(|status| status.success()) {
            let log = || fs::read_to_string(self.directory.with_extension("log")).unwrap_or_default();
            assert!(Instant::now() < end, "PostgreSQL does not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        // It is of interest only where the start fails.
        let _ = fs::remove_file(self.directory.with_extension("log"));
    }

    /// Kills all of it as a crash does; its files stay.
    pub fn kill(&mut self) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        // Its children first, or they would end in order.
        let kill = "kill -STOP $1; kill -KILL $(cat /proc/$1/task/$1/children) $1; sleep 0.1";
        assert!(Command::new("sh").args(["-c", kill, "sh", &pid]).status().unwrap().success());
        // The supervisor would remove the files: it goes without a word.
        if let Some(mut supervisor) = self.supervisor.take() {
            supervisor.kill().unwrap();
            supervisor.wait().unwrap();
        }
    }

    /// Stops all of it where it is: the system still takes connections, nobody answers. `CONT` goes on.
    pub fn signal(&self, name: &str) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        // A child may end by itself meanwhile, as workers of autovacuum do; a stopped parent makes no new one.
        let kill = "kill -$2 $1 && { kill -$2 $(cat /proc/$1/task/$1/children) 2> /dev/null || true; }";
        assert!(Command::new("sh").args(["-c", kill, "sh", &pid, name]).status().unwrap().success());
    }

    /// Makes a standby the server that takes changes.
    pub fn promote(&self) {
        self.sql("postgres", "select pg_promote()");
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.host())
    }

    /// Its socket's directory and port, as an address has them.
    pub fn host(&self) -> String {
        format!("{}:{}", self.directory.display().to_string().replace('/', "%2F"), self.port)
    }

    pub fn sql(&self, database: &str, statement: &str) -> String {
        let output = self.psql(database, statement).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn psql(&self, database: &str, statement: &str) -> Command {
        let mut psql = Command::new(programs().unwrap().join("psql"));
        psql.arg("-h").arg(&self.directory).args([
            "-p",
            &self.port.to_string(),
            "-U",
            "postgres",
            "-d",
            database,
        ]);
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .stderr(Stdio::null())
            .stdout(Stdio::piped());
        psql
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut supervisor) = self.supervisor.take() {
            drop(supervisor.stdin.take());
            // Nothing depends on how it ends.
            let _ = supervisor.wait();
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(INSTALLED).ok()?.filter_map(Result::ok);
    let programs =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    programs.max_by_key(|bin| version(bin))
}

fn version(bin: &Path) -> u32 {
    let version = bin.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn program(name: &str) -> Option<Command> {
    let mut command = Command::new(programs()?.join(name));
    as_other_user(&mut command);
    Some(command)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The server refuses to run as root.
fn as_other_user(command: &mut Command) -> &mut Command {
    match other_user() {
        // A directory that the other user may not enter, as root's, would be refused.
        Some((user, group)) => command.uid(user).gid(group).current_dir("/"),
        None => command,
    }
}

/// For root, the user of the Debian package.
fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = users
        .lines()
        .find_map(|line| line.strip_prefix("postgres:"))
        .expect("the package makes the user postgres");
    let mut ids = user.split(':').skip(1).map(|id| id.parse().unwrap());
    Some((ids.next().unwrap(), ids.next().unwrap()))
}
