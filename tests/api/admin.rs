//! Health and metrics at their own address.

#![expect(clippy::float_cmp, reason = "what is compared are whole numbers")]

use crate::harness::{
    App, Builder, FORM, Watched, connect, eventually, read_response, read_until, run_tool,
};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A login that lasts until the server is killed.
fn endless_login(app: &App) -> TcpStream {
    let mut stream = connect(&app.address);
    let body = "username=nobody&password=x";
    write!(
        stream,
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    stream
}

/// An administrator's change of a user, sent without waiting for the response.
fn begun_change(app: &App, token: &str) -> TcpStream {
    let mut stream = app.connect();
    let body = "{\"full_name\": \"John\"}";
    write!(
        stream,
        "PATCH /users/johndoe HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    stream
}

/// A demo server on which hashing at the configured cost never ends.
fn endless() -> Builder {
    App::demo().env("BAILIWICK__PASSWORDS__BCRYPT_COST", "31")
}

#[test]
fn by_default_health_and_metrics_are_not_served() {
    let app = App::demo().spawn();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(app.get(path).status, 404, "{path}");
    }
    assert!(!app.stderr.text().contains("Health and metrics"), "{}", app.stderr.text());
}

#[test]
fn the_admin_address_serves_them_and_the_public_one_does_not() {
    let watched = Watched::start(App::demo());
    for (path, status) in [("/healthz", "alive"), ("/readyz", "ready")] {
        let answer = watched.get(path);
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some(status)));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let metrics = watched.get("/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(watched.app.get(path).status, 404, "{path}");
        let head = watched.head(path);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
    for path in ["/users/me", "/token", "/docs"] {
        assert_eq!(watched.get(path).status, 404, "{path}");
    }
}

#[test]
fn if_configured_the_public_address_serves_them_too() {
    let app = App::demo().config("[admin]\npublic = true\n").spawn();
    assert_eq!(app.get("/healthz").json()["status"], "alive");
    assert_eq!(app.get("/readyz").json()["status"], "ready");
    assert!(app.get("/metrics").body.contains("route=\"/healthz\""));
    let wrong = app.send("POST", "/metrics", &[], "");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn requests_are_counted_by_route_method_and_status() {
    let watched = Watched::start(App::demo());
    let app = &watched.app;
    let token = app.login("johndoe", "1234", "me");
    for path in ["/users/me", "/users/me/", "/users/me?a=b"] {
        assert_eq!(app.get_as(path, &token).status, 200);
    }
    assert_eq!(app.get("/users/me").status, 401);
    for path in ["/users/a", "/users/b", "/nowhere/1", "/nowhere/2"] {
        app.get(path);
    }
    // No client would send it.
    let mut stream = app.connect();
    stream.write_all(b"BREW /users/me HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 405 "));

    assert_eq!(watched.requests("/token", "POST", 200), 1.0);
    assert_eq!(watched.requests("/users/me", "GET", 200), 3.0);
    assert_eq!(watched.requests("/users/me", "GET", 401), 1.0);
    assert_eq!(watched.requests("/users/{username}", "GET", 401), 2.0);
    assert_eq!(watched.requests("unmatched", "GET", 404), 2.0);
    assert_eq!(watched.requests("/users/me", "other", 405), 1.0);
    let metrics = watched.metrics();
    let seconds = "bailiwick_http_request_duration_seconds";
    let labels = "method=\"GET\",route=\"/users/me\"";
    assert_eq!(metrics[&format!("{seconds}_count{{{labels}}}")], 4.0);
    assert_eq!(metrics[&format!("{seconds}_bucket{{{labels},le=\"+Inf\"}}")], 4.0);
    assert!(metrics[&format!("{seconds}_sum{{{labels}}}")] > 0.0);
    assert_eq!(metrics["bailiwick_http_requests_in_flight"], 0.0);
}

#[test]
fn passwords_users_and_the_process_are_measured() {
    let watched = Watched::start(App::demo());
    let before = watched.metrics();
    let token = watched.app.login("johndoe", "1234", "me");
    for _ in 0..5 {
        watched.app.get_as("/users/me", &token);
    }
    let after = watched.metrics();
    let grown = |name: &str| after[name] - before[name];
    assert_eq!(grown("bailiwick_password_hash_operations_total"), 1.0);
    assert_eq!(after["bailiwick_password_hash_queue"], 0.0);
    let lookups =
        grown("bailiwick_user_cache_hits_total") + grown("bailiwick_user_cache_misses_total");
    // A login reads the user before and after the hash.
    assert_eq!(lookups, 7.0);
    assert!(grown("bailiwick_user_cache_misses_total") >= 1.0);
    assert!(grown("process_cpu_seconds_total") > 0.0);
    assert!(after["process_resident_memory_bytes"] > 1_000_000.0);
    assert!(after["process_open_fds"] > 5.0);
    assert!(after["process_max_fds"] >= after["process_open_fds"]);
}

#[test]
fn logins_and_refused_tokens_are_counted_by_outcome() {
    let watched = Watched::start(App::demo().config("[security]\nprofile = \"strict\"\n"));
    let app = &watched.app;
    let token = app.login("johndoe", "1234", "me");
    for (user, password, scope) in [
        ("johndoe", "4321", ""),
        ("nobody", "1234", ""),
        ("alice", "secretalice", ""),
        ("johndoe", "1234", "users:read"),
    ] {
        let form = format!("grant_type=password&username={user}&password={password}&scope={scope}");
        assert_eq!(app.send("POST", "/token", &[("content-type", FORM)], &form).status, 400);
    }
    for (login, status) in [("johndoe:1234", 200), ("johndoe:4321", 401)] {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", login]);
        assert_eq!(run_tool(curl.arg(app.url("/basic/users/me"))), status.to_string());
    }
    assert_eq!(app.get_as("/users/me/items", &token).status, 403);
    let (message, _) = token.rsplit_once('.').expect("a signature");
    let forged = format!("{message}.{}", "A".repeat(43));
    for bad in ["nonsense", "a.b.c", &forged, &"a".repeat(20_000)] {
        assert_eq!(app.get_as("/users/me", bad).status, 401);
    }
    let metrics = watched.metrics();
    let by = |name: &str, label: &str, value: &str| {
        metrics[&format!("bailiwick_{name}_total{{{label}=\"{value}\"}}")]
    };
    let logins = |outcome: &str| by("logins", "outcome", outcome);
    let all =
        ["accepted", "rejected", "disabled", "invalid_scope", "busy", "unavailable", "failed"];
    assert_eq!(all.map(logins), [2.0, 3.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(logins("abandoned"), 0.0);
    let refused = |reason: &str| by("tokens_refused", "reason", reason);
    let all = ["no_scope", "malformed", "signature", "too_large", "expired", "no_user"];
    assert_eq!(all.map(refused), [1.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn operations_waiting_for_the_database_are_counted() {
    let watched = Watched::start(App::demo());
    let add = ["users", "add", "admin", "--scope", "users:write", "--password-stdin"];
    assert!(watched.app.command(&add, "correct horse battery").status.success());
    let token = watched.app.login("admin", "correct horse battery", "users:write");
    let pool = |what: &str, name: &str| {
        watched.metric(&format!("bailiwick_database_pool_{what}{{pool=\"{name}\"}}"))
    };
    assert_eq!((pool("max", "writers"), pool("waiting", "writers")), (1.0, 0.0));
    assert!(pool("max", "readers") >= 1.0);
    assert_eq!(watched.metric("bailiwick_database_up"), 1.0);
    let code = "import sqlite3, sys\n\
        held = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        held.execute('BEGIN IMMEDIATE')\n\
        print('held', flush=True)\n\
        sys.stdin.read()";
    let mut holder = Command::new("python3")
        .args(["-c", code])
        .arg(watched.app.data_dir().join("bailiwick.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut line = String::new();
    BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let changes: Vec<_> = (0..3).map(|_| begun_change(&watched.app, &token)).collect();
    eventually("one who writes and two who wait", || {
        (pool("in_use", "writers") == 1.0 && pool("waiting", "writers") == 2.0).then_some(())
    });
    drop(holder.stdin.take());
    assert!(holder.wait().expect("a child").success());
    for mut change in changes {
        assert!(read_response(&mut change).starts_with("HTTP/1.1 20"));
    }
    assert_eq!((pool("in_use", "writers"), pool("waiting", "writers")), (0.0, 0.0));
}

#[test]
fn evicted_users_are_counted() {
    let watched = Watched::start(App::demo().config("[cache]\nsize = 1\n"));
    let entries = || watched.metric("bailiwick_user_cache_entries");
    eventually("both users, one after the other", || {
        watched.app.login("johndoe", "1234", "");
        watched.app.login("alice", "secretalice", "");
        (watched.metric("bailiwick_user_cache_evictions_total") > 0.0).then_some(())
    });
    assert_eq!(entries(), 1.0);
}

/// Requests are logged to a full disk.
const FULL: &str = r#"
    [loggers.root]
    handlers = ["err"]
    [loggers."bailiwick.access"]
    handlers = ["full"]
    propagate = false
    [handlers.err]
    stream = "stderr"
    [handlers.full]
    file = "/dev/full"
"#;

#[test]
fn lost_log_lines_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.toml");
    std::fs::write(&file, FULL).expect("written");
    let watched = Watched::start(App::demo().args([Path::new("--log-config"), &file]));
    let lost = || watched.metric("bailiwick_log_lines_dropped_total");
    assert_eq!(lost(), 0.0);
    for _ in 0..3 {
        watched.app.get("/users/me");
    }
    eventually("three lost lines", || (lost() == 3.0).then_some(()));
}

/// Checks names, units and help with Prometheus's own tool, once everything has been counted.
#[test]
fn prometheus_finds_no_fault() {
    let watched = Watched::start(App::demo());
    let token = watched.app.login("johndoe", "1234", "me");
    assert_eq!(watched.app.get_as("/users/me", &token).status, 200);
    watched.check_by_prometheus();
    assert_eq!(
        watched
            .metric(&format!("bailiwick_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))),
        1.0
    );
}

#[test]
fn requests_in_flight_and_abandoned_ones_are_counted() {
    let config = "[passwords]\nhash_threads = 1\n";
    let watched = Watched::start(endless().config(config));
    // A thread works on four.
    let logins: Vec<_> = (0..6).map(|_| endless_login(&watched.app)).collect();
    eventually("six logins, two of them waiting", || {
        let metrics = watched.metrics();
        let now = ["bailiwick_http_requests_in_flight", "bailiwick_password_hash_queue"]
            .map(|name| metrics[name]);
        (now == [6.0, 2.0]).then_some(())
    });
    for login in logins {
        // A reset, which cannot be taken for a half-close.
        socket2::SockRef::from(&login).set_linger(Some(Duration::ZERO)).expect("an option");
    }
    eventually("no login", || {
        let gone = watched.metrics()["bailiwick_http_requests_in_flight"] == 0.0;
        (gone && watched.requests("/token", "POST", 499) == 6.0).then_some(())
    });
}

#[test]
fn a_draining_server_is_alive_but_not_ready() {
    let mut watched = Watched::start(endless());
    let _login = endless_login(&watched.app);
    eventually("the login", || {
        (watched.metrics()["bailiwick_http_requests_in_flight"] == 1.0).then_some(())
    });
    watched.app.signal("TERM");
    let refused = eventually("the end of readiness", || {
        Some(watched.get("/readyz")).filter(|answer| answer.status != 200)
    });
    assert_eq!((refused.status, refused.json()["detail"].as_str()), (503, Some("Draining")));
    assert_eq!(watched.get("/healthz").status, 200);
    assert_eq!(watched.metrics()["bailiwick_http_requests_in_flight"], 1.0);
    watched.app.signal("TERM");
    assert_eq!(watched.app.wait().code(), Some(0));
}

#[test]
fn a_server_whose_database_fails_is_alive_but_not_ready() {
    let watched = Watched::start(App::demo());
    let rename = |from: &str, to: &str| {
        let code = "import sqlite3, sys\n\
            sqlite3.connect(sys.argv[1]).execute(f'ALTER TABLE {sys.argv[2]} RENAME TO {sys.argv[3]}')";
        let database = watched.app.data_dir().join("bailiwick.db");
        run_tool(Command::new("python3").args(["-c", code]).arg(database).args([from, to]));
    };
    rename("changed_users", "gone");
    // The watcher checks several times a second.
    let refused = eventually("the end of readiness", || {
        Some(watched.get("/readyz")).filter(|answer| answer.status != 200)
    });
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["detail"], "The database does not answer");
    assert_eq!(watched.get("/healthz").status, 200);
    watched.app.stderr.wait_for("database: does not answer: ");
    let up = || watched.metric("bailiwick_database_up");
    eventually("the watcher's look", || (up() == 0.0).then_some(()));
    rename("gone", "changed_users");
    assert_eq!(watched.get("/readyz").status, 200);
    eventually("the watcher's next look", || (up() == 1.0).then_some(()));
}

#[test]
fn a_unix_socket_can_serve_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("admin.sock");
    let config = format!("[admin]\nbind = [\"unix:{}\"]\n", socket.display());
    let mut app = App::demo().config(&config).spawn();
    let mut stream = UnixStream::connect(&socket).expect("a socket");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let answer = read_until(&mut stream, "\"alive\"}");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    app.signal("TERM");
    app.wait();
    assert!(!socket.exists());
}

#[test]
fn an_unavailable_address_stops_the_start() {
    let app = App::demo().spawn();
    let config = format!("[admin]\nbind = [\"{}\"]\n", app.address);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.toml"), config).expect("written");
    let mut command = crate::harness::bailiwick(folder.path());
    command.args(["--demo", "-b", "127.0.0.1:0", "--config", "config.toml"]);
    let output = crate::harness::run(&mut command, "");
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("{}: address already in use (admin.bind)", app.address);
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(printed.contains(&expected), "{printed}");
}
