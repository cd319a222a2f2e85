//! The effect of each key of `[server]` on the real process; those of the master have their own
//! files.

use crate::harness::{App, DEADLINE, FORM, eventually, read_response, read_until};
use crate::server::{SHORT, kill, quick, serving, status};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const GET: &[u8] = b"GET /users/me HTTP/1.1\r\nHost: a\r\n\r\n";

fn served(server: &str) -> App {
    quick().config(&format!("[server]\n{server}\n")).spawn()
}

/// The response's status and headers, in lower case.
fn exchange(app: &App, request: &str) -> String {
    let mut stream = app.connect();
    stream.write_all(request.as_bytes()).expect("sent");
    read_response(&mut stream).to_ascii_lowercase()
}

/// Whether the other end closes the connection, sooner or later.
pub(crate) fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn workers_and_processes_are_started_as_told() {
    let app = App::demo().config("[server]\nworkers = 3\nprocesses = 2\n").spawn();
    eventually("both processes", || (serving(&app).len() == 2).then_some(()));
    let status = status(&app);
    for process in status["processes"].as_array().expect("a list") {
        assert_eq!(process["threads"], 3, "{status}");
        // Actix names its workers' threads; the kernel keeps 15 bytes of a name.
        let tasks = fs::read_dir(format!("/proc/{}/task", process["pid"])).expect("threads");
        let names =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        assert_eq!(names.filter(|name| name.starts_with("actix-rt|system")).count(), 3);
    }
}

/// How many connections can wait at a socket where no process accepts.
pub(crate) fn queue_at(path: &Path) -> usize {
    let address = SockAddr::unix(path).expect("a path");
    let mut queue = Vec::new();
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        socket.set_nonblocking(true).expect("an option");
        match socket.connect(&address) {
            Ok(()) => queue.push(socket),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                return queue.len();
            }
        }
    }
}

/// No process accepts while the workers rest, so the queue fills.
#[test]
fn backlog_bounds_the_queue_of_each_listener() {
    let waiting = |backlog: u32| {
        let config =
            format!("{SHORT}backlog = {backlog}\nbind = [\"127.0.0.1:0\", \"unix:b.sock\"]\n");
        let folder = tempfile::tempdir().expect("a folder");
        let app = quick().config(&config).args(["-b", "unix:b.sock"]).spawn_in(folder);
        let worker = serving(&app)[0];
        assert!(app.command(&["ctl", "rest"], "").status.success());
        crate::server::gone(worker);
        queue_at(&app.folder().join("b.sock"))
    };
    // Linux queues one more.
    assert_eq!((waiting(1), waiting(7)), (2, 8));
}

#[test]
fn worker_connections_bound_what_a_thread_serves() {
    let app = served("worker_connections = 1");
    let mut first = app.connect();
    first.write_all(GET).expect("sent");
    read_response(&mut first);
    let mut second = app.connect();
    second.write_all(GET).expect("sent");
    second.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let error = second.read(&mut [0]).expect_err("it waits");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    drop(first);
    second.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    assert!(read_response(&mut second).starts_with("HTTP/1.1 401"));
}

#[test]
fn keepalive_is_the_life_of_an_idle_connection() {
    let app = served("keepalive = 1");
    let mut stream = app.connect();
    stream.write_all(GET).expect("sent");
    assert!(!read_response(&mut stream).to_ascii_lowercase().contains("connection: close"));
    assert!(is_closed(&mut stream));

    let app = served("keepalive = 0");
    let mut stream = app.connect();
    stream.write_all(GET).expect("sent");
    assert!(read_response(&mut stream).to_ascii_lowercase().contains("connection: close"));
    assert!(is_closed(&mut stream));
}

#[test]
fn graceful_timeout_bounds_what_is_in_flight_at_the_end() {
    let mut app = served("graceful_timeout = 1");
    let mut stream = app.connect();
    write!(
        stream,
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\
         Expect: 100-continue\r\n\r\n"
    )
    .expect("sent");
    read_until(&mut stream, "\r\n\r\n");
    app.signal("TERM");
    // Its body never arrives.
    assert_eq!(app.wait().code(), Some(0), "{}", app.stderr.text());
    assert!(is_closed(&mut stream));
}

#[test]
fn limits_of_requests_are_kept() {
    let app = served(
        "limit_request_line = 30\nlimit_request_fields = 4\nlimit_request_field_size = 40\n\
         limit_request_body = 20",
    );
    let long = "a".repeat(40);
    for (request, status) in [
        ("GET /users/me HTTP/1.1\r\nHost: a\r\nA: 1\r\n\r\n".to_owned(), 401),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n".to_owned(), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nA: {long}\r\n\r\n"), 431),
        ("POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\n\r\n".to_owned(), 413),
    ] {
        let answer = exchange(&app, &request);
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{request}: {answer}");
        assert!(answer.contains("{\"detail\":\""), "{answer}");
    }
}

#[test]
fn a_body_has_client_body_timeout() {
    let app = served("client_body_timeout = 1");
    let head = format!("POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n");
    let answer = exchange(&app, &format!("{head}Content-Length: 99\r\n\r\nusername="));
    assert!(answer.starts_with("http/1.1 408"), "{answer}");
}

#[test]
fn root_path_is_in_the_document() {
    let app = quick().args(["--root-path", "/auth"]).spawn();
    assert_eq!(app.get("/openapi.json").json()["servers"][0]["url"], "/auth");
}

#[test]
fn forwarded_allow_ips_are_addresses_networks_and_unix_peers() {
    for (trusted, by_tcp, by_unix) in [
        ("127.0.0.0/8", true, false),
        ("10.0.0.0/8,::/0", false, false),
        ("unix", false, true),
        ("", false, false),
    ] {
        let app = quick()
            .args(["-b", "unix:b.sock", "-b", "127.0.0.1:0", "--forwarded-allow-ips", trusted])
            .spawn();
        let http = app.stderr.wait_for("Listening at: http://");
        let tcp = TcpStream::connect(http.rsplit('/').next().expect("an address"));
        let mut tcp = tcp.expect("a connection");
        let mut unix = UnixStream::connect(app.folder().join("b.sock")).expect("a connection");
        let ask = |way: &str| {
            format!("GET /{way} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
        };
        tcp.write_all(ask("tcp").as_bytes()).expect("sent");
        unix.write_all(ask("unix").as_bytes()).expect("sent");
        for (way, believed) in [("tcp", by_tcp), ("unix", by_unix)] {
            let line = app.stdout.wait_for(&format!("GET /{way} "));
            assert_eq!(line.contains(" - 203.0.113.7:0 - "), believed, "{trusted}: {line}");
        }
    }
}

#[test]
fn unix_sockets_have_their_mode_and_owner_and_go_with_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    // The socket's folder is root's alone, the data folder the workers' user's.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("changed");
    fs::create_dir(folder.path().join("data")).expect("made");
    std::os::unix::fs::chown(folder.path().join("data"), Some(65_534), None).expect("given away");
    let config = format!(
        "{SHORT}socket_mode = \"600\"\nuser = \"nobody\"\ngroup = \"nogroup\"\numask = \"077\"\n"
    );
    let args = ["-b", "unix:b.sock", "-b", "127.0.0.1:0"];
    let mut app = quick().config(&config).args(args).spawn_in(folder);
    let path = app.folder().join("b.sock");
    let file = fs::metadata(&path).expect("a socket");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let worker = format!("/proc/{}", serving(&app)[0]);
    let process = fs::metadata(worker).expect("a process");
    assert_ne!(process.uid(), 0);
    assert_eq!((file.uid(), file.gid()), (process.uid(), process.gid()));
    app.signal("TERM");
    app.wait();
    assert!(!path.exists());
}

#[test]
fn the_control_socket_is_at_the_configured_path() {
    let app = quick().config(&format!("{SHORT}control_socket = \"c.sock\"\n")).spawn();
    assert_eq!(serving(&app).len(), 1);
    let mode = fs::metadata(app.folder().join("c.sock")).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!app.data_dir().join("control.sock").exists());
}

/// Both exceed the limit at once, and are never replaced together.
#[test]
fn max_memory_replaces_one_process_at_a_time() {
    let app = quick().config(&format!("{SHORT}processes = 2\nmax_memory = 1\n")).spawn();
    eventually("both processes", || (serving(&app).len() == 2).then_some(()));
    let before = serving(&app);
    eventually("the replacement of both", || {
        let now = serving(&app);
        assert!(now.len() >= 2, "{now:?} serve: {}", app.stderr.text());
        now.iter().all(|pid| !before.contains(pid)).then_some(())
    });
}

/// One signal arrives while the server is still handling another.
#[test]
fn a_second_signal_is_not_lost() {
    let threads = |app: &App| status(app)["processes"][0]["threads"].as_u64();
    // All of them during a reload that has not ended.
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    // The system does not order pending signals.
    for (signal, line) in [
        ("HUP", "Reloading: replacing all workers"),
        ("TTIN", "Workers: 2"),
        ("USR1", "Reopening log files"),
    ] {
        app.signal(signal);
        app.stderr.wait_for(line);
    }
    eventually("two threads in a new process", || {
        let now = serving(&app);
        (now.len() == 1 && !before.contains(&now[0]) && threads(&app) == Some(2)).then_some(())
    });
    // The workers are woken before they have gone.
    assert!(app.command(&["ctl", "rest"], "").status.success());
    app.stderr.wait_for("SIGHUP brings them back");
    app.signal("HUP");
    eventually("a worker", || (serving(&app).len() == 1).then_some(()));
    assert_eq!(app.get("/openapi.json").status, 200);
}

#[test]
fn term_during_an_upgrade_ends_both_masters() {
    let mut app = quick().config(SHORT).spawn();
    let cleanup = crate::server::Cleanup(&app);
    app.signal("USR2");
    let line = app.stderr.wait_for(" is to take over");
    let words: Vec<_> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "process").expect("a number behind it");
    let successor: u64 = words[at + 1].parse().expect("a number");
    app.signal("TERM");
    // Whether it has taken over or not: the remaining one is told, too.
    eventually("the end of the old master", || {
        let text = app.stderr.text();
        (text.contains("Shutting down")).then_some(())
    });
    if app.stderr.text().contains("has taken over") {
        kill(successor, "TERM");
    }
    crate::server::gone(successor);
    drop(cleanup);
    app.wait();
    // The worker that the successor was about to start notices its end.
    eventually("a closed port", || TcpStream::connect(&app.address).err());
}

#[test]
fn int_during_a_graceful_stop_ends_it_at_once() {
    let mut app = served("graceful_timeout = 3600");
    let mut stream = app.connect();
    write!(
        stream,
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\
         Expect: 100-continue\r\n\r\n"
    )
    .expect("sent");
    read_until(&mut stream, "\r\n\r\n");
    app.signal("TERM");
    app.stderr.wait_for("requests in flight may finish");
    app.signal("INT");
    assert_eq!(app.wait().code(), Some(0));
}
