//! A real PostgreSQL for tests: in a temporary folder, on a free port of this machine.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The password of the superuser `postgres`: every test goes through a login, by md5, since SCRAM
/// takes long in a debug build. A role whose password is stored for SCRAM logs in by that.
pub(crate) const PASSWORD: &str = "swordfish";

/// How long the server may take to start or stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server of PostgreSQL; it ends with the value.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

/// One server for all tests of this process that leave it running.
///
/// A static is never dropped, so a shell waits for this process to end and then ends the server and
/// removes its folder.
pub(crate) fn shared() -> &'static Server {
    static SHARED: OnceLock<(Server, Child)> = OnceLock::new();
    let (server, _guard) = SHARED.get_or_init(|| {
        let server = Server::start();
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -QUIT \"$1\"; rm -rf \"$2\"", "sh"])
            .arg(server.child.as_ref().expect("running").id().to_string())
            .arg(server.folder.path())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        (server, guard)
    });
    server
}

impl Server {
    /// Makes a new server and waits until it answers.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some((user, group)) = unprivileged() {
            chown(folder.path(), Some(user), Some(group)).expect("root may");
        }
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).expect("the password is written");
        let mut initdb = command("initdb", folder.path());
        initdb.arg("--pgdata").arg(folder.path().join("data")).arg("--pwfile").arg(&password);
        initdb.args(["--username=postgres", "--auth=md5", "--encoding=UTF8"]);
        initdb.args(["--locale=C", "--no-sync"]);
        if let Some((user, group)) = unprivileged() {
            chown(&password, Some(user), Some(group)).expect("root may");
        }
        run(&mut initdb);
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let mut server = Self { folder, port: port.expect("a free port").port(), child: None };
        server.start_again();
        server
    }

    /// Starts it after a stop, at the same port with the same data.
    pub(crate) fn start_again(&mut self) {
        let folder = self.folder.path();
        let mut postgres = command("postgres", folder);
        postgres.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
        postgres.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        // What survives the end of the server need not survive a power failure.
        postgres.args(["-c", "fsync=off", "-c", "max_connections=200"]);
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
        postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log"));
        self.child = Some(postgres.spawn().expect("postgres starts"));
        let start = Instant::now();
        while !command("pg_isready", folder)
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .expect("pg_isready runs")
            .success()
        {
            let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "PostgreSQL does not start:\n{}", log());
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Ends it as a crash would (`pg_ctl stop -m immediate`).
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let id = child.id().to_string();
        // A test that fails may leave it stopped, with all that it has started.
        let _ = Command::new("pkill").args(["-CONT", "-P", &id]).status();
        for signal in ["-QUIT", "-CONT"] {
            let _ = Command::new("kill").args([signal, &id]).status();
        }
        drop(child.wait());
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// A new database; its name.
    pub(crate) fn database(&self) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test{}", COUNT.fetch_add(1, Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// What a statement prints, without headers and alignment.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        run(&mut self.psql(database, statement)).trim().to_owned()
    }

    /// The program that runs a statement, not started yet.
    pub(crate) fn psql(&self, database: &str, statement: &str) -> Command {
        let mut psql = command("psql", self.folder.path());
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]);
        psql.arg(self.url(database));
        psql
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A program of PostgreSQL, as an unprivileged user if this one is root: it insists.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs().join(program));
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder);
    command
}

/// Where Debian puts the programs of the newest version.
pub(crate) fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| Path::new(&format!("/usr/lib/postgresql/{version}/bin/initdb")).is_file())
        .max();
    let newest = newest.expect("PostgreSQL is missing: run `make tools`");
    format!("/usr/lib/postgresql/{newest}/bin").into()
}

/// The ids of `postgres`, or else of `nobody`, if this process is root's.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").expect("Linux").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}
