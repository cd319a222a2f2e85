//! Generations of worker processes do not pile up: how many drain at once is limited, they give
//! database connections back, and cut-off requests are logged.

use crate::harness::{App, eventually, read_response};
use crate::postgres::shared;
use crate::server::{Cleanup, gone, kill, lives, quick, replaced, serving, status};
use crate::settings::is_closed;
use crate::signals::begin_login;
use std::io::Write as _;
use std::net::TcpStream;
use std::thread;

/// Only a client that leaves, or what is tested here, ends a drain.
const PATIENT: &str = "[server]\nkeepalive = 3600\ngraceful_timeout = 3600\nmax_draining = 2\n";

/// A client that has had a response and keeps its connection.
fn idle(app: &App) -> TcpStream {
    let mut stream = app.connect();
    ask(&mut stream);
    stream
}

fn ask(stream: &mut TcpStream) -> String {
    write!(stream, "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let answer = read_response(stream);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.to_ascii_lowercase()
}

/// Replaces the workers while each generation has clients that stay.
fn pile_up<T>(app: &App, times: usize, client: impl Fn(&App) -> T) -> (Vec<u64>, Vec<T>) {
    let mut workers = serving(app);
    let mut clients = Vec::new();
    for _ in 0..times {
        clients.push(client(app));
        app.signal("HUP");
        workers.extend(replaced(app, &workers, 1));
    }
    (workers, clients)
}

#[test]
fn of_many_reloads_the_oldest_make_room() {
    let app = quick().config(PATIENT).spawn();
    // Some have sent a request, and some nothing at all.
    let (workers, mut clients) = pile_up(&app, 5, |app| (idle(app), app.connect()));
    let [first, second, third, kept, last, current] = workers[..] else { panic!("{workers:?}") };
    [first, second, third].into_iter().for_each(gone);
    let line = app.stderr.wait_for(&format!("Worker process {first} has drained long enough"));
    assert!(line.contains("server.max_draining"), "{line}");
    assert!([kept, last, current].into_iter().all(lives));
    let (mut oldest, _) = clients.remove(0);
    assert!(is_closed(&mut oldest));
    let (mut youngest, _) = clients.pop().expect("clients");
    assert!(ask(&mut youngest).contains("connection: close"));
    assert_eq!(status(&app)["processes"].as_array().map(Vec::len), Some(3));
}

#[test]
fn processes_that_are_replaced_one_by_one_do_not_pile_up_either() {
    let app = quick().config(&format!("{PATIENT}processes = 2\n")).spawn();
    let mut known = replaced(&app, &[], 2);
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.extend((0..6).map(|_| idle(&app)));
        let told = serving(&app)[0];
        kill(told, "TERM");
        let now = eventually("another worker", || {
            let now = serving(&app);
            (now.len() == 2 && !now.contains(&told)).then_some(now)
        });
        known.extend(now.into_iter().filter(|pid| !known.contains(pid)).collect::<Vec<_>>());
    }
    assert_eq!(known.len(), 10);
    eventually("as many processes as may be", || {
        (known.iter().filter(|pid| lives(**pid)).count() <= 2 + 2 * 2).then_some(())
    });
}

#[test]
fn a_process_that_makes_room_has_little_time_and_logs_what_is_cut() {
    let app = quick().config(&PATIENT.replace("timeout = 3600", "timeout = 1")).spawn();
    let (workers, mut logins) = pile_up(&app, 3, begin_login);
    gone(workers[0]);
    let line = app.stderr.wait_for("Cut off: requests in flight: ");
    assert!(line.contains("requests in flight: 1, connections: 1 (their time"), "{line}");
    let (mut oldest, _) = logins.remove(0);
    assert!(is_closed(&mut oldest));
    let (mut youngest, form) = logins.pop().expect("logins");
    youngest.write_all(form.as_bytes()).expect("sent");
    assert!(read_response(&mut youngest).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_stopping_process_makes_room_too() {
    let app = quick().config(&PATIENT.replace("keepalive = 3600", "keepalive = 0")).spawn();
    let (mut workers, mut clients) = pile_up(&app, 1, |app| (app.connect(), begin_login(app)));
    let (mut idle, _login) = clients.remove(0);
    // Its clients were sent away: from now on it waits only for the login.
    assert!(is_closed(&mut idle));
    let (more, _logins) = pile_up(&app, 2, begin_login);
    workers.extend(more);
    let line = app.stderr.wait_for("Cut off: requests in flight: 1");
    assert!(line.contains("(their time to end is over)"), "{line}");
    gone(workers[0]);
}

#[test]
fn one_old_master_drains_at_a_time() {
    let app = quick().config(PATIENT).spawn();
    let _cleanup = Cleanup(&app);
    let master = || eventually("a master", || status(&app)["pid"].as_u64());
    let (mut clients, mut masters) = (Vec::new(), vec![master()]);
    for _ in 0..2 {
        clients.push(idle(&app));
        kill(*masters.last().expect("one"), "USR2");
        masters.push(eventually("the next master", || {
            status(&app)["pid"].as_u64().filter(|pid| !masters.contains(pid))
        }));
    }
    app.stderr.wait_for("Another upgrade has followed");
    assert!(is_closed(&mut clients.remove(0)));
    assert!(ask(&mut clients[0]).contains("connection: close"));
    gone(masters[0]);
}

#[test]
fn a_stop_logs_what_it_cuts() {
    for (signals, why) in [
        (&["TERM"][..], "(their time to end is over)"),
        (&["TERM", "TERM"], "(told to stop at once)"),
        (&["INT"], "(told to stop at once)"),
    ] {
        let graceful = if signals == ["TERM"] { 1 } else { 3600 };
        let config = format!("[server]\nkeepalive = 0\ngraceful_timeout = {graceful}\n");
        let mut app = quick().config(&config).spawn();
        let (stream, _) = begin_login(&app);
        for signal in signals {
            app.signal(signal);
            app.stderr.wait_for(&format!("Handling signal: {signal}"));
        }
        let line = app.stderr.wait_for("Cut off: ");
        assert!(line.contains("requests in flight: 1, connections: 1"), "{line}");
        assert!(line.contains("WARNING") && line.contains(why), "{line}");
        assert_eq!(app.wait().code(), Some(0));
        drop(stream);
    }
}

#[test]
fn a_draining_process_gives_its_database_connections_back() {
    let database = shared();
    let name = database.database();
    let url = |application: &str| {
        let url = database.url(&name);
        format!("{PATIENT}[database]\nurl = '{url}?application_name={application}'\n")
    };
    let app = quick().config(&url("old")).spawn();
    let connections = |application: &str| -> usize {
        let statement = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{application}'"
        );
        database.sql("postgres", &statement).parse().expect("a number")
    };
    let token = app.login("johndoe", "1234", "me");
    // No such user is in memory: each login queries the database.
    eventually("a pool of several connections", || {
        thread::scope(|scope| {
            for number in 0..16 {
                let form = format!("username=nobody{number}&password=x");
                let app = &app;
                scope.spawn(move || {
                    app.send("POST", "/token", &[("content-type", crate::harness::FORM)], &form)
                });
            }
        });
        (connections("old") > 2).then_some(())
    });
    let before = serving(&app);
    let mut client = idle(&app);
    std::fs::write(app.folder().join("config.toml"), url("new")).expect("written");
    app.signal("HUP");
    replaced(&app, &before, 1);
    // The remaining one receives changes by others: this process still serves.
    eventually("connections that are given back", || (connections("old") == 1).then_some(()));
    assert!(lives(before[0]));
    let head = format!("Host: a\r\nAuthorization: Bearer {token}\r\n");
    write!(client, "GET /users/me HTTP/1.1\r\n{head}\r\n").expect("sent");
    let answer = read_response(&mut client).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    gone(before[0]);
}
