//! The real binary, started for a test: its own folder, its own port, its output kept.

mod http;
mod lines;
mod watched;

pub(crate) use http::{FORM, Response, connect, read_response, read_until};
pub(crate) use lines::Lines;
pub(crate) use watched::Watched;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test fails; nothing takes this long if all is well.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A signing secret that is not published.
const SECRET: &str = "a-secret-of-the-tests-that-is-long-enough";

/// The demo server, ready.
pub(crate) fn spawn_app() -> App {
    App::demo().spawn()
}

/// One demo server for all tests that leave it unchanged.
///
/// A static is never dropped, so a shell waits for this process to end, then stops the server and
/// removes its folder.
pub(crate) fn shared_app() -> &'static App {
    static SHARED: OnceLock<(App, Child)> = OnceLock::new();
    let (app, _guard) = SHARED.get_or_init(|| {
        let app = spawn_app();
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -9 \"$1\"; rm -rf \"$2\"", "sh", &app.pid().to_string()])
            .arg(app.folder())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        (app, guard)
    });
    app
}

/// Variables without our prefix that are read as well.
const OF_OTHER_SERVERS: [&str; 5] =
    ["PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "RUST_LOG", "GUNICORN_CMD_ARGS"];

/// How to start a server.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    args: Vec<OsString>,
    envs: Vec<(String, String)>,
    config: String,
    says_so_on_stdout: bool,
}

impl Builder {
    /// Differences from the defaults, as the file of `--config`.
    pub(crate) fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// More arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Listens on a port that is known beforehand, so that the demo knows its own URL.
    pub(crate) fn at_a_known_port(self) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it");
        self.args(["-b", &free.to_string()])
    }

    /// Sends the whole log to standard output, including where it listens.
    pub(crate) fn says_so_on_stdout(mut self) -> Self {
        self.says_so_on_stdout = true;
        self
    }

    /// Starts it and waits until it serves; fails with the server's output.
    pub(crate) fn spawn(self) -> App {
        self.spawn_in(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The same in an existing folder.
    pub(crate) fn spawn_in(self, folder: TempDir) -> App {
        let config = folder.path().join("config.toml");
        fs::write(&config, &self.config).expect("the configuration is written");
        let mut command = bailiwick(folder.path());
        command.arg("--config").arg(&config).args(&self.args);
        let is_placed = |arg: &OsString| arg == "-b" || arg == "--host" || arg == "--port";
        if !self.args.iter().any(is_placed) && !self.envs.iter().any(|(name, _)| name == "PORT") {
            command.args(["-b", "127.0.0.1:0"]);
        }
        command.envs(self.envs.iter().map(|(name, value)| (name, value)));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = Lines::of(child.stdout.take().expect("piped"));
        let stderr = Lines::of(child.stderr.take().expect("piped"));
        let mut app = App { child, stdout, stderr, address: String::new(), folder };
        let log = if self.says_so_on_stdout { &app.stdout } else { &app.stderr };
        let line = log.wait_for("Listening at: ");
        let (_, address) = line.split_once("Listening at: ").expect("an address");
        address.trim_start_matches("http://").clone_into(&mut app.address);
        app
    }
}

/// A running server; ends on drop.
#[derive(Debug)]
pub(crate) struct App {
    child: Child,
    /// The access log.
    pub(crate) stdout: Lines,
    /// Every other line of the log.
    pub(crate) stderr: Lines,
    /// `HOST:PORT`, or `unix:PATH`.
    pub(crate) address: String,
    folder: TempDir,
}

impl App {
    /// A server with johndoe and alice, whose passwords many tests guess.
    pub(crate) fn demo() -> Builder {
        Self::bare().args(["--demo"]).env("BAILIWICK__LOGINS__THROTTLE", "false")
    }

    /// A server without users.
    pub(crate) fn bare() -> Builder {
        Builder::default().env("BAILIWICK__TOKENS__SECRET", SECRET)
    }

    /// The full address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its working folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, for example `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(status.expect("kill runs").success(), "kill -s {name}");
    }

    /// Waits for the process to end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the server to end", || self.child.try_wait().expect("a child"))
    }

    /// Runs another command of the binary on the same data, for example `users list`.
    pub(crate) fn command(&self, args: &[&str], stdin: &str) -> Output {
        let mut command = bailiwick(self.folder());
        command.arg("--config").arg(self.folder().join("config.toml")).args(args);
        run(command.env("BAILIWICK__TOKENS__SECRET", SECRET), stdin)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], "")
    }

    /// GET with a bearer token.
    pub(crate) fn get_as(&self, path: &str, token: &str) -> Response {
        self.send("GET", path, &[("authorization", &format!("Bearer {token}"))], "")
    }

    /// Any request; an empty body is not sent.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        Response::of(method, &self.url(path), headers, body)
    }

    /// An access token from `POST /token`.
    pub(crate) fn login(&self, username: &str, password: &str, scope: &str) -> String {
        let form = format!("username={username}&password={password}&scope={scope}");
        let answer = self.send("POST", "/token", &[("content-type", FORM)], &form);
        assert_eq!(answer.status, 200, "login of {username}: {}", answer.body);
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// A connection for raw requests.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(&self.address)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The binary built beside the tests, or the one in `PROGRAM`: `make soak` names a release build.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("PROGRAM").map_or(env!("CARGO_BIN_EXE_bailiwick").into(), PathBuf::from)
}

/// A command of the binary in a folder, without the caller's bailiwick variables.
pub(crate) fn bailiwick(folder: &Path) -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("BAILIWICK") || OF_OTHER_SERVERS.contains(&&*text) {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).env("BAILIWICK__DATA_DIR", folder.join("data"));
    command
}

/// Runs a command to its end with this standard input.
pub(crate) fn run(command: &mut Command, stdin: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A command that does not read its input closes it, which is not tested here.
    drop(child.stdin.take().expect("piped").write_all(stdin.as_bytes()));
    child.wait_with_output().expect("its output")
}

/// Runs a tool of the tests; fails with its output.
pub(crate) fn run_tool(command: &mut Command) -> String {
    let program = command.get_program().to_owned();
    assert!(is_installed(&program), "{} is missing: run `make tools`", program.to_string_lossy());
    let output = run(command, "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    format!("{stdout}{stderr}")
}

fn is_installed(program: &OsStr) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.any(|folder| folder.join(program).is_file())
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Tries again until there is a result.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}
