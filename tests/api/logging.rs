//! The log of the real binary: its file, its lines, request ids, and what clients try to inject.

mod python;
mod whole;

use crate::harness::{App, Response, bailiwick, eventually, read_response, repository, run};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::process::Output;
use tempfile::TempDir;

/// A demo server with this log file.
fn with_log(toml: &str) -> App {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("log.toml"), toml).expect("the file is written");
    App::demo().args(["--log-config", "log.toml"]).spawn_in(folder)
}

/// All lines on standard error, and requests on standard output in this format.
fn with_access_format(format: &str) -> App {
    with_log(&format!(
        r#"
        [loggers.root]
        handlers = ["err"]
        [loggers."bailiwick.access"]
        handlers = ["out"]
        propagate = false
        [handlers.err]
        stream = "stderr"
        [handlers.out]
        stream = "stdout"
        formatter = "access"
        [formatters.access]
        {format}
        "#
    ))
}

/// Sends raw bytes and reads the response; returns the client's port too.
fn raw(app: &App, request: &[u8]) -> (u16, String) {
    let mut stream = app.connect();
    stream.write_all(request).expect("the request is sent");
    let port = stream.local_addr().expect("an address").port();
    (port, read_response(&mut stream))
}

fn request_id(answer: &Response) -> String {
    answer.header("x-request-id").expect("an X-Request-ID").to_owned()
}

#[test]
fn the_example_writes_what_gunicorn_writes() {
    let example = fs::read_to_string(repository("config/logging.toml")).expect("the example");
    // It logs to standard output alone; the harness waits for the address on standard error.
    let too = "[loggers.\"bailiwick.error\"]\nhandlers = [\"err\"]\n[handlers.err]\nstream = \"stderr\"\n";
    let app = with_log(&format!("{example}{too}"));
    app.get("/");
    let (port, _) = raw(&app, b"GET /openapi.json?a=b HTTP/1.1\r\nhost: a\r\n\r\n");
    let line = app.stdout.wait_for("/openapi.json");
    let (time, rest) = line.split_at(23);
    let expected = format!(
        r#" - INFO - bailiwick.access - 127.0.0.1:{port} - "GET /openapi.json?a=b HTTP/1.1" 200"#
    );
    assert_eq!(rest, expected);
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00,000");
    // The example's filter: the front page is not logged.
    assert!(!app.stdout.text().contains("GET / HTTP/1.1"), "{}", app.stdout.text());
    app.stdout.wait_for(" - INFO - bailiwick.error - Listening at: ");
}

#[test]
fn the_atoms_of_gunicorn_are_written() {
    let app = with_access_format(
        r#"format = '%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %(m)s %(U)s %(q)s %(H)s %({x-a}i)s %({content-type}o)s'"#,
    );
    raw(
        &app,
        b"GET /nowhere?a=b HTTP/1.1\r\nhost: a\r\nuser-agent: curl/8\r\nreferer: http://a/?code=hidden\r\nx-a: one\r\n\r\n",
    );
    assert_eq!(
        app.stdout.wait_for("curl/8"),
        r#"127.0.0.1 - - "GET /nowhere?a=b HTTP/1.1" 404 22 "http://a/?code=***" "curl/8" GET /nowhere a=b HTTP/1.1 one application/json"#
    );
    raw(&app, b"GET /status HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(app.stdout.wait_for("/status").contains(r#""-" "-" GET /status  HTTP/1.1 - "#));
}

#[test]
fn times_and_processes_are_written() {
    let app = with_access_format("format = '%(s)s T=%(T)s D=%(D)s M=%(M)s L=%(L)s p=%(p)s %(t)s'");
    app.get("/openapi.json");
    let line = app.stdout.wait_for("200 T=");
    let words: Vec<_> = line.split(' ').collect();
    let number = |at: usize| words[at][2..].parse::<f64>().expect("a number");
    assert!(number(1) <= number(4) && number(3) * 1000.0 <= number(2), "{line}");
    assert!(words[5].starts_with("p=<") && words[5] != format!("p=<{}>", app.pid()), "{line}");
    assert!(words[6].starts_with('[') && words[7].ends_with(']'), "{line}");
}

#[test]
fn json_lines_are_valid() {
    let app = with_log(
        r#"
        [loggers.root]
        handlers = ["err", "file"]
        [handlers.err]
        stream = "stderr"
        [handlers.file]
        file = "all.log"
        formatter = "json"
        [formatters.json]
        json = true
        "#,
    );
    let agent =
        b"GET /a%0Ab?token=hidden&x=%22 HTTP/1.1\r\nhost: a\r\nuser-agent: \"},{\xff\r\n\r\n";
    let (port, answer) = raw(&app, agent);
    let path = app.folder().join("all.log");
    let lines = eventually("the line", || {
        let text = fs::read_to_string(&path).expect("the log");
        text.contains("token=***").then_some(text)
    });
    assert!(!lines.contains("hidden"), "{lines}");
    let lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().any(|line| line["logger"] == "bailiwick.error"));
    let line = lines.iter().find(|line| line["logger"] == "bailiwick.access").expect("a request");
    assert_eq!(line["status"], 404);
    assert_eq!(line["port"], port);
    assert_eq!(line["path"], "/a%0Ab");
    assert_eq!(line["query"], "token=***&x=%22");
    assert_eq!(line["user_agent"], r"\x22},{\xFF");
    assert!(line["duration_ms"].as_f64().is_some());
    let id = line["request_id"].as_str().expect("an id");
    assert!(answer.contains(&format!("x-request-id: {id}\r\n")), "{answer}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o007, 0, "{mode:o}");
}

#[test]
fn every_kind_of_rule_drops_its_lines() {
    for (rule, path, headers) in [
        ("message = '\"GET /status?dropped HTTP/1.1\"'", "/status?dropped", &[][..]),
        ("path = '/dropped/**'", "/dropped/a/b", &[]),
        ("status = '4xx'", "/dropped", &[]),
        ("status = '404'", "/dropped", &[]),
        ("user_agent = 'kube-probe'", "/status", &[("user-agent", "Kube-Probe/1.30")]),
        ("path = '/status'\nslower_than = 0", "/status", &[]),
        ("methods = ['get']\npath = '/dropped'\nkeep = 0.0", "/dropped", &[]),
    ] {
        let app = with_log(&format!(
            r#"
            [loggers.root]
            handlers = ["err"]
            [loggers."bailiwick.access"]
            filters = ["dropped"]
            [handlers.err]
            stream = "stderr"
            [[filters.dropped]]
            path = "/kept"
            keep = true
            [[filters.dropped]]
            {rule}
            "#
        ));
        app.send("GET", path, headers, "");
        app.get("/kept");
        app.stderr.wait_for("/kept");
        let text = app.stderr.text();
        assert!(!text.contains("/dropped") && !text.contains("/status"), "{rule}:\n{text}");
    }
}

#[test]
fn a_request_id_is_generated_or_taken_from_a_trusted_proxy() {
    let app = App::demo()
        .config("[logging]\nformat = \"%(request_id)s %(message)s\"\n")
        .env("BAILIWICK__SERVER__FORWARDED_ALLOW_IPS", "127.0.0.1")
        .spawn();
    let sent = |id: &str| request_id(&app.send("GET", "/status", &[("x-request-id", id)], ""));
    assert_eq!(sent("from-nginx.1"), "from-nginx.1");
    app.stdout.wait_for("from-nginx.1 127.0.0.1:");
    for bad in ["short", "with space", "a\"quote00", &"x".repeat(65)] {
        let made = sent(bad);
        assert!(made.len() == 32 && made.bytes().all(|b| b.is_ascii_hexdigit()), "{made}");
        app.stdout.wait_for(&format!("{made} 127.0.0.1:"));
    }
    let twice = b"GET /status HTTP/1.1\r\nhost: a\r\nx-request-id: 12345678\r\nx-request-id: 87654321\r\n\r\n";
    let (_, answer) = raw(&app, twice);
    assert!(!answer.contains("12345678") && !answer.contains("87654321"), "{answer}");
    // Refusals have one too, and all differ.
    let ids = ["/nowhere", "/users/me", "/status"].map(|path| request_id(&app.get(path)));
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
}

#[test]
fn an_untrusted_peers_request_id_is_ignored() {
    let app = App::demo().env("BAILIWICK__SERVER__FORWARDED_ALLOW_IPS", "10.0.0.1").spawn();
    let answer = app.send("GET", "/status", &[("x-request-id", "from-nginx.1")], "");
    assert_ne!(request_id(&answer), "from-nginx.1");
}

#[test]
fn clients_cannot_forge_a_line_or_leak_a_secret() {
    let app = with_access_format(
        r#"format = '%(levelname)s %(message)s "%(f)s" "%(a)s" "%({x-a}i)s" %(q)s end'"#,
    );
    raw(
        &app,
        b"GET /a\\x22?access_token=hidden&code=hidden;Password=hidden HTTP/1.1\r\nhost: a\r\nreferer: http://b/#access_token=hidden\r\nuser-agent: \" INFO\tforged\r\nx-a: \xe2\x80\xa8\"x\r\n\r\n",
    );
    let line = app.stdout.wait_for(" end");
    assert!(!line.contains("hidden"), "{line}");
    assert!(line.contains(r"\x22 INFO\x09forged"), "{line}");
    assert!(line.contains(r#""\xE2\x80\xA8\x22x""#), "{line}");
    assert!(line.contains("access_token=***&code=***;Password=*** end"), "{line}");
    assert_eq!(app.stdout.text().lines().count(), 1, "{}", app.stdout.text());
}

#[test]
fn values_of_secret_parameters_are_never_logged() {
    let format = r#"'"%(r)s" %(U)s %(q)s "%(f)s" "%({x-a}i)s" "%(a)s" end'"#;
    let app = with_access_format(&format!("format = {format}"));
    for name in [
        "pass",
        "passphrase",
        "otp",
        "pin",
        "ticket",
        "assertion",
        "client_secret",
        "id_token",
        "PASS",
        "p%61ss",
        "user_pass",
        "userPass",
        "login%5Bpin%5D",
    ] {
        let request = format!(
            "GET /{name};{name}=hidden?a=1&{name}=hidden&next=%2Fcb%3F{name}%3Dhidden HTTP/1.1\r\nhost: a\r\n\
             referer: http://b/?{name}=hidden#{name}=hidden\r\nx-a: </c?{name}=hidden>; rel=next\r\n\
             user-agent: probe {name}=hidden\r\n\r\n"
        );
        raw(&app, request.as_bytes());
        let line = app.stdout.wait_for(&format!("GET /{name};"));
        assert!(line.ends_with(" end") && !line.contains("hidden"), "{line}");
        assert_eq!(line.matches("=***").count(), 10, "{line}");
        assert!(line.contains("?a=1&"), "{line}");
    }
}

/// Runs `check-config` with this log file.
fn checked(toml: &str) -> Output {
    checked_as("log.toml", toml)
}

/// The same for a file of this name.
fn checked_as(name: &str, text: &str) -> Output {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join(name), text).expect("the file is written");
    run(bailiwick(folder.path()).args(["--log-config", name, "check-config"]), "")
}

#[test]
fn an_invalid_log_file_is_refused_in_one_line() {
    for (toml, words) in [
        ("[loggers.root\n", &["log.toml:1"][..]),
        (
            "[loggers.root]\nlevel = \"loud\"\n",
            &["log.toml:2", "loggers.root.level", "loud", "info"],
        ),
        ("[loggers.root]\nhandlers = [\"x\"]\n", &["log.toml:2", "loggers.root.handlers", "`x`"]),
        (
            "[loggers.root]\n[formatters.a]\nformat = \"%(message)s %({Authorization}i)s\"\n",
            &["log.toml:3", "formatters.a.format", "%({Authorization}i)", "holds no secret"],
        ),
        (
            "[loggers.root]\n[formatters.a]\nformat = \"%({set-cookie}o)s\"\n",
            &["log.toml:3", "formatters.a.format", "%({set-cookie}o)"],
        ),
        ("[loggers.root]\n[[filters.a]]\nkeep = 2\n", &["log.toml:3", "keep", "2", "0 to 1"]),
        ("[loggers.root]\n[[filters.a]]\nnmae = 2\n", &["log.toml:3", "nmae", "user_agent"]),
    ] {
        let output = checked(toml);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` is missing: {text}");
        }
    }
    assert!(checked("[loggers.root]\n").status.success());
}

#[test]
fn a_server_with_an_invalid_log_file_does_not_start() {
    let folder = TempDir::new().expect("a folder");
    let output = run(bailiwick(folder.path()).args(["--demo", "--log-config", "absent.toml"]), "");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("absent.toml: cannot be read"), "{text}");
}
