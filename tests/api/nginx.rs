//! The shipped nginx configuration, running in front of the real binary.

mod cluster;
mod edge;
mod gone;
mod prefix;
mod refused_pages;
mod sign_in;
mod single_page;
mod tls;
mod upstream;

use crate::harness::{
    App, FORM, Lines, Response, connect, eventually, read_response, repository, run_tool,
};
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// nginx in front of an address; ends on drop.
struct Nginx {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Nginx {
    fn before(upstream: &str) -> Self {
        Self::with(upstream, &[])
    }

    /// The shipped files with these texts replaced, each of which must occur.
    fn with(upstream: &str, replaced: &[(&str, &str)]) -> Self {
        Self::at(&free_address(), upstream, replaced)
    }

    /// The same at an address.
    fn at(address: &str, upstream: &str, replaced: &[(&str, &str)]) -> Self {
        Self::start(address.to_owned(), "bailiwick.conf", upstream, |text| {
            replaced
                .iter()
                .fold(text, |text, (from, to)| text.replace(from, to))
                .replace("listen 80;", &format!("listen {address};"))
        })
    }

    /// Starts it with the shipped files after `edit`; its log and the upstream are always replaced.
    fn start(address: String, main: &str, upstream: &str, edit: impl Fn(String) -> String) -> Self {
        let folder = TempDir::new().expect("a folder");
        install(&folder, main, |text| {
            edit(text)
                .replace("/var/log/nginx/access.log", "access.log")
                .replace("\nserver 127.0.0.1:8000;", &format!("\nserver {upstream};"))
        });
        run_tool(nginx(&folder).arg("-t"));
        let mut child = nginx(&folder)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx starts");
        let _stderr = Lines::of(child.stderr.take().expect("piped"));
        eventually("nginx to listen", || TcpStream::connect(&address).ok());
        Self { child, address, folder }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        Response::of(method, &format!("http://{}{path}", self.address), headers, body)
    }

    fn access_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).expect("a log")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A killed master would leave its workers behind.
        drop(Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status());
        drop(self.child.wait());
    }
}

/// The shipped files under a minimal `nginx.conf` that compresses everything.
fn install(folder: &TempDir, main: &str, edit: impl Fn(String) -> String) {
    let target = folder.path().join("bailiwick");
    fs::create_dir(&target).expect("a folder");
    for entry in fs::read_dir(repository("config/nginx")).expect("the shipped files") {
        let entry = entry.expect("an entry");
        let text = fs::read_to_string(entry.path()).expect("UTF-8");
        fs::write(target.join(entry.file_name()), edit(text)).expect("written");
    }
    let conf = format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log info;\n\
        events {{}}\nhttp {{\n    client_body_temp_path body;\n    proxy_temp_path proxy;\n\
        fastcgi_temp_path fastcgi;\n    uwsgi_temp_path uwsgi;\n    scgi_temp_path scgi;\n\
        gzip on;\n    gzip_types application/json;\n    gzip_min_length 1;\n    gzip_proxied any;\n\
        include bailiwick/{main};\n}}\n"
    );
    fs::write(folder.path().join("nginx.conf"), conf).expect("written");
}

fn nginx(folder: &TempDir) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nginx");
    // Debian installs it where only root's PATH leads.
    command.env("PATH", format!("{path}:/usr/sbin"));
    command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
    command.args(["-e", "error.log"]);
    command
}

/// An address that was free a moment ago: nginx cannot report a port chosen by the system.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn nginx_decides_the_clients_address() {
    let app = App::demo().spawn();
    let nginx = Nginx::before(&app.address);
    let forged = [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.8"),
        ("x-real-ip", "203.0.113.9"),
    ];
    nginx.send("GET", "/through?token=hidden", &forged, "");
    let line = app.stdout.wait_for("/through");
    // 127.0.0.1 is both nginx and the client here; port 0 shows that the address came in a header.
    assert!(line.contains(" - 127.0.0.1:0 - \"GET /through"), "{line}");
    assert!(!line.contains("203.0.113."), "{line}");

    let log = eventually("nginx's own line", || {
        Some(nginx.access_log()).filter(|log| log.contains("\"path\":\"/through\""))
    });
    assert!(!log.contains("hidden"), "{log}");
}

#[test]
fn a_login_and_a_guarded_route_work_through_nginx() {
    let app = App::demo().spawn();
    let nginx = Nginx::before(&app.address);
    for path in ["/token", "/token/"] {
        let form = [("content-type", FORM), ("accept-encoding", "gzip")];
        let body = "username=johndoe&password=1234&scope=me";
        let answer = nginx.send("POST", path, &form, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-encoding"), None, "a token is not compressed");
        let bearer = format!("Bearer {}", answer.json()["access_token"].as_str().expect("a token"));
        let me = nginx.send("GET", "/users/me", &[("authorization", &bearer)], "");
        assert_eq!((me.status, me.json()["username"].as_str()), (200, Some("johndoe")));
    }
}

/// The document's server is a path, so a browser keeps the scheme, host and port it used:
/// `X-Forwarded-Proto` changes nothing, and a client's Host cannot lead elsewhere.
#[test]
fn generated_urls_keep_the_scheme_that_the_browser_used() {
    let app = App::demo().config("[server]\nroot_path = \"/auth\"\n").spawn();
    let nginx = Nginx::before(&app.address);
    let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example")];
    let document = nginx.send("GET", "/openapi.json", &headers, "");
    assert_eq!(document.json()["servers"][0]["url"], "/auth", "{}", document.json()["servers"]);
    assert!(!document.body.contains("evil.example"), "{}", document.body);
    assert!(!document.body.contains("http://127.0.0.1"), "{}", document.body);
}

#[test]
fn a_body_over_the_limit_is_refused_in_json() {
    let app = App::demo().spawn();
    let nginx = Nginx::before(&app.address);
    for (path, length) in [("/users", 2_000_000), ("/token", 20_000)] {
        let mut stream = connect(&nginx.address);
        write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
            .expect("sent");
        let answer = read_response(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("Content-Type: application/json"), "{answer}");
        assert!(answer.ends_with("{\"detail\":\"Content Too Large\"}"), "{answer}");
    }
}

#[test]
fn nginxs_refusals_are_json() {
    let nginx = Nginx::before(&free_address());
    let long = "a".repeat(40_000);
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
    ] {
        let mut stream = connect(&nginx.address);
        stream.write_all(request.as_bytes()).expect("sent");
        let answer = read_response(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
        assert!(answer.contains("{\"detail\":\""), "{status}: {answer}");
    }
}

#[test]
fn without_a_server_nginx_responds_in_json() {
    let nginx = Nginx::before(&free_address());
    for (method, path) in [("GET", "/users/me"), ("POST", "/token")] {
        let answer = nginx.send(method, path, &[], "");
        assert!(matches!(answer.status, 502 | 503), "{}", answer.status);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.json()["detail"].is_string(), "{}", answer.body);
    }
}

#[test]
fn connections_to_the_server_are_reused() {
    let app = App::demo().config("[server]\nforwarded_allow_ips = []\n").spawn();
    let nginx = Nginx::before(&app.address);
    for number in 0..3 {
        nginx.send("GET", &format!("/kept/{number}"), &[], "");
    }
    let peers: Vec<_> = (0..3)
        .map(|number| {
            let line = app.stdout.wait_for(&format!("/kept/{number}"));
            line.split(" - ").nth(3).expect("a client").to_owned()
        })
        .collect();
    assert!(peers.iter().all(|peer| *peer == peers[0]), "{peers:?}");
}
