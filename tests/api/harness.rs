//! The real binary, started for a test: own folder, own port, its output kept.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test gives up; nothing waits this long when all is well.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A signing secret that is none of the published ones.
const SECRET: &str = "a-secret-of-the-tests-that-is-long-enough";

/// The demo server, ready to answer.
pub(crate) fn spawn_app() -> App {
    App::demo().spawn()
}

/// One demo server for all tests that leave it as they found it.
///
/// A static is never dropped, so a shell waits for this process to end and then ends the server.
pub(crate) fn shared_app() -> &'static App {
    static SHARED: OnceLock<(App, Child)> = OnceLock::new();
    let (app, _guard) = SHARED.get_or_init(|| {
        let app = spawn_app();
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -9 \"$1\"", "sh", &app.pid().to_string()])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        (app, guard)
    });
    app
}

/// What a server is to be started with.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    args: Vec<OsString>,
    envs: Vec<(String, String)>,
    config: String,
}

impl Builder {
    /// Differences from the defaults, as the file of `--config`.
    pub(crate) fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self
    }

    /// A variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// More arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Starts it and waits until it serves; a test fails here with what the server said.
    pub(crate) fn spawn(self) -> App {
        self.spawn_in(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The same in a folder that is there already.
    pub(crate) fn spawn_in(self, folder: TempDir) -> App {
        let config = folder.path().join("config.toml");
        fs::write(&config, &self.config).expect("the configuration is written");
        let mut command = bailiwick(folder.path());
        command.arg("--config").arg(&config).args(&self.args);
        if !self.args.iter().any(|arg| arg == "-b") {
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
        let line = app.stderr.wait_for("Listening at: ");
        let (_, address) = line.split_once("Listening at: ").expect("an address");
        app.address = address.trim_start_matches("http://").to_owned();
        app
    }
}

/// A running server; ends with the value.
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
    /// A server with johndoe and alice.
    pub(crate) fn demo() -> Builder {
        Self::bare().args(["--demo"])
    }

    /// A server without users.
    pub(crate) fn bare() -> Builder {
        Builder::default().env("BAILIWICK__TOKENS__SECRET", SECRET)
    }

    /// The full address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The folder that it was started in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder for everything that it keeps.
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

    /// Any request; the body goes along when it is not empty.
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

    /// A connection for requests written by hand.
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

/// The media type of HTML forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// Sends the request and takes every status for an answer.
    pub(crate) fn of(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(DEADLINE))
            .build();
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = ureq::Agent::new_with_config(config);
        let sent = if body.is_empty() {
            agent.run(request.body(()).expect("a request"))
        } else {
            agent.run(request.body(body).expect("a request"))
        };
        let mut answer = sent.unwrap_or_else(|error| panic!("{method} {url}: {error}"));
        let headers = answer.headers().iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            status: answer.status().as_u16(),
            headers: headers.collect(),
            body: answer.body_mut().read_to_string().expect("a text"),
        }
    }

    /// The first header of this name, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; a test fails here with the body when it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.body))
    }
}

/// Lines as they come, from a pipe.
#[derive(Debug)]
pub(crate) struct Lines(Arc<(Mutex<Collected>, Condvar)>);

#[derive(Debug, Default)]
struct Collected {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Collected::default()), Condvar::new()));
        let writer = Arc::clone(&shared);
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                writer.0.lock().unwrap().lines.push(text);
                writer.1.notify_all();
                line.clear();
            }
            writer.0.lock().unwrap().ended = true;
            writer.1.notify_all();
        });
        Self(shared)
    }

    /// The first line that holds the text, once it has come.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let found =
            |state: &Collected| state.lines.iter().find(|line| line.contains(text)).cloned();
        let (state, _) = self
            .0
            .1
            .wait_timeout_while(self.0.0.lock().unwrap(), DEADLINE, |state| {
                found(state).is_none() && !state.ended
            })
            .unwrap();
        found(&state)
            .unwrap_or_else(|| panic!("no line with `{text}` in:\n{}", state.lines.join("\n")))
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.0.0.lock().unwrap().lines.join("\n")
    }
}

/// A command of the binary, in a folder, without what the caller's environment says of bailiwick.
pub(crate) fn bailiwick(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bailiwick"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BAILIWICK__") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).env("BAILIWICK__DATA_DIR", folder.join("data"));
    command
}

/// Runs a command to its end with this on its standard input.
pub(crate) fn run(command: &mut Command, stdin: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A command that does not read its input closes it: not this test's concern.
    drop(child.stdin.take().expect("piped").write_all(stdin.as_bytes()));
    child.wait_with_output().expect("its output")
}

/// Runs one of the tools that the tests use; fails with what it printed.
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

/// A connection with the deadline on everything read from it.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

/// Reads until the text has come.
pub(crate) fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(end.as_bytes()) {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            other => panic!("{other:?} before {end:?}: {:?}", String::from_utf8_lossy(&text)),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads a head and the body that its Content-Length tells.
pub(crate) fn read_answer(stream: &mut impl Read) -> String {
    let head = read_until(stream, "\r\n\r\n");
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
    });
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    stream.read_exact(&mut body).expect("the body");
    head + &String::from_utf8_lossy(&body)
}

/// Asks again until there is an answer.
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
