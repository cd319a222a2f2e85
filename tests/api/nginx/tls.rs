//! `bailiwick-tls.conf`: TLS, HTTP/2, and what happens to requests in the clear.

use super::{Nginx, free_address};
use crate::harness::{App, connect, read_response, run_tool};
use std::io::Write as _;
use std::process::Command;
use tempfile::TempDir;

pub(super) const NAME: &str = "auth.example.com";

/// nginx with TLS and its own certificate, in front of the demo server.
pub(super) struct Tls {
    pub(super) nginx: Nginx,
    pub(super) app: App,
    /// The address of the plain HTTP port.
    clear: String,
    certificates: TempDir,
}

impl Tls {
    fn start() -> Self {
        Self::before(App::demo().spawn())
    }

    pub(super) fn before(app: App) -> Self {
        Self::at(&free_address(), app, |text| text)
    }

    /// The same at an address, with files that are edited.
    pub(super) fn at(address: &str, app: App, edit: impl Fn(String) -> String) -> Self {
        let certificates = TempDir::new().expect("a folder");
        let path = |name: &str| certificates.path().join(name).display().to_string();
        let (certificate, key) = (path("bailiwick.pem"), path("bailiwick.key"));
        run_tool(Command::new("openssl").args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "1",
            "-subj",
            &format!("/CN={NAME}"),
            "-addext",
            &format!("subjectAltName=DNS:{NAME}"),
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]));
        let clear = free_address();
        let edit = |text: String| {
            edit(text)
                .replace("listen 443 ssl", &format!("listen {address} ssl"))
                .replace("listen 80;", &format!("listen {clear};"))
                .replace("/etc/ssl/certs/bailiwick.pem", &certificate)
                .replace("/etc/ssl/private/bailiwick.key", &key)
        };
        let nginx = Nginx::start(address.to_owned(), "bailiwick-tls.conf", &app.address, edit);
        Self { nginx, app, clear, certificates }
    }

    /// curl's output: the response's head and body, then `version status`.
    fn curl(&self, path: &str, args: &[&str]) -> String {
        run_tool(
            self.curl_command(path)
                .args(["-i", "--max-time", "20", "-w", "\n%{http_version} %{http_code}"])
                .args(args),
        )
    }

    /// A curl command for the path.
    pub(super) fn curl_command(&self, path: &str) -> Command {
        let (_, port) = self.nginx.address.rsplit_once(':').expect("a port");
        let mut command = Command::new("curl");
        command.arg("-s").args(self.trust()).arg(format!("https://{NAME}:{port}{path}"));
        command
    }

    /// What tells curl where the name leads, and whose certificate it has.
    pub(super) fn trust(&self) -> [String; 4] {
        let (_, port) = self.nginx.address.rsplit_once(':').expect("a port");
        let [certificate, _] = self.certificate();
        let resolve = format!("{NAME}:{port}:127.0.0.1");
        ["--resolve".to_owned(), resolve, "--cacert".to_owned(), certificate]
    }

    /// The files of the certificate and its key.
    pub(super) fn certificate(&self) -> [String; 2] {
        let path = |name: &str| self.certificates.path().join(name).display().to_string();
        ["bailiwick.pem", "bailiwick.key"].map(path)
    }

    /// A response of the plain HTTP port.
    fn in_the_clear(&self, request: &str) -> String {
        let mut stream = connect(&self.clear);
        stream.write_all(request.as_bytes()).expect("sent");
        read_response(&mut stream)
    }
}

#[test]
fn tls_and_http_2_lead_to_the_server() {
    let tls = Tls::start();
    let login = tls.curl("/token", &["--http2", "-d", "username=johndoe&password=1234&scope=me"]);
    assert!(login.ends_with("\n2 200"), "{login}");
    assert!(login.contains("strict-transport-security: max-age="), "{login}");
    let (_, token) = login.split_once("\"access_token\":\"").expect("a token");
    let (token, _) = token.split_once('"').expect("its end");
    let bearer = format!("Authorization: Bearer {token}");
    for version in ["--http2", "--http1.1"] {
        let me = tls.curl("/users/me", &[version, "-H", &bearer]);
        assert!(me.ends_with(" 200") && me.contains("\"johndoe\""), "{me}");
    }
    // Old protocols are refused, whatever curl's defaults.
    let (_, port) = tls.nginx.address.rsplit_once(':').expect("a port");
    let old = Command::new("curl")
        .args(["-sk", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"])
        .arg(format!("https://127.0.0.1:{port}/"))
        .output()
        .expect("curl");
    assert_eq!(old.status.code(), Some(35), "{old:?}");
    assert!(tls.app.stdout.text().contains(" - 127.0.0.1:0 - "), "the address came in a header");
}

#[test]
fn oversized_requests_are_refused_in_json_over_http_2_too() {
    let tls = Tls::start();
    let (body, field) = ("a".repeat(20_000), format!("X: {}", "a".repeat(40_000)));
    for (args, status) in [(["-d", &*body], 413), (["-H", &*field], 431)] {
        let answer = tls.curl("/token", &["--http2", args[0], args[1]]);
        assert!(answer.ends_with(&format!("\n2 {status}")), "{answer}");
        assert!(answer.contains("{\"detail\":\""), "{answer}");
    }
}

#[test]
fn in_the_clear_pages_are_redirected_to_tls_and_logins_are_refused() {
    let tls = Tls::start();
    let page = tls.in_the_clear("GET /docs?a=b HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 308 "), "{page}");
    assert!(page.contains(&format!("\r\nLocation: https://{NAME}/docs?a=b\r\n")), "{page}");
    for request in [
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET /users/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n",
        "GET /users/me HTTP/1.1\r\nHost: a\r\nX-API-Key: x\r\n\r\n",
    ] {
        let answer = tls.in_the_clear(request);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.ends_with("{\"detail\":\"Forbidden\"}"), "{answer}");
        assert!(!answer.contains("Strict-Transport-Security"), "{answer}");
    }
    let mut stream = connect(&tls.nginx.address);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let answer = read_response(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("{\"detail\":\""), "{answer}");
}
