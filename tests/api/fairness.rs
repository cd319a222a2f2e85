//! A client that has passwords checked without pause, beside other clients.

use crate::greedy::connect_from;
use crate::harness::{App, FORM, eventually, read_response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

const GREEDY: &str = "127.0.0.2";
const OTHER: &str = "127.0.0.3";

/// Connections of the greedy client: more than can wait and be hashed at once.
const FLOOD: usize = 100;

const OLD: &str = "quiet river stone";
const NEW: &str = "loud river stones";

/// A server that hashes on one thread, with the users greta and jane.
fn server() -> App {
    let config = "[passwords]\nbcrypt_cost = 6\nhash_threads = 1\n[logins]\nthrottle = false\n[admin]\npublic = true\n";
    let app = App::bare().config(config).spawn();
    for name in ["greta", "jane"] {
        let added = app.command(&["users", "add", name, "--scope", "me", "--password-stdin"], OLD);
        assert!(added.status.success(), "{added:?}");
    }
    app
}

fn request(line: &str, header: &str, body: &str) -> String {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nHost: a\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn login(username: &str, password: &str) -> String {
    let form = format!("username={username}&password={password}").replace(' ', "+");
    request("POST /token", &format!("Content-Type: {FORM}"), &form)
}

fn basic(username: &str, password: &str) -> String {
    let credentials = STANDARD.encode(format!("{username}:{password}"));
    request("GET /basic/users/me", &format!("Authorization: Basic {credentials}"), "")
}

fn change(token: &str, old: &str, new: &str) -> String {
    let body = json!({"old_password": old, "password": new}).to_string();
    let header = format!("Authorization: Bearer {token}\r\nContent-Type: application/json");
    request("PUT /users/me/password", &header, &body)
}

/// Sends the requests over and over, each on its own connection, while `other` runs, which starts
/// once the server refuses some; returns its result.
fn while_flooded<T>(app: &App, requests: &[String], other: impl FnOnce() -> T) -> T {
    let (ends, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for request in requests.iter().cycle().take(FLOOD) {
            let (ends, refused) = (&ends, &refused);
            scope.spawn(move || {
                let mut connection = connect_from(GREEDY, app);
                while !ends.load(Ordering::Relaxed) {
                    connection.write_all(request.as_bytes()).expect("sent");
                    let answer = read_response(&mut connection);
                    if answer.starts_with("HTTP/1.1 503 ") {
                        assert!(answer.to_lowercase().contains("\r\nretry-after: "), "{answer}");
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        // Also if this one panics: the scope waits for all.
        let _ends = EndsOnDrop(&ends);
        eventually("a refusal", || (refused.load(Ordering::Relaxed) > 0).then_some(()));
        other()
    })
}

struct EndsOnDrop<'a>(&'a AtomicBool);

impl Drop for EndsOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many of another client's requests, one after the other, get this status.
fn served(app: &App, requests: &[String], status: u16) -> usize {
    let mut connection = connect_from(OTHER, app);
    let wanted = format!("HTTP/1.1 {status} ");
    let mut ask = |request: &String| {
        connection.write_all(request.as_bytes()).expect("sent");
        read_response(&mut connection).starts_with(&wanted)
    };
    requests.iter().filter(|request| ask(request)).count()
}

#[test]
fn logins_from_one_address_do_not_block_others() {
    let app = server();
    let floods = [
        ("right ones", vec![login("greta", OLD)]),
        ("of the same account", vec![login("jane", "wrong")]),
        ("of any account", (0..FLOOD).map(|n| login(&format!("nobody{n}"), "x")).collect()),
    ];
    let logins = vec![login("jane", OLD); 10];
    for (name, flood) in floods {
        let served = while_flooded(&app, &flood, || served(&app, &logins, 200));
        assert!(served >= 9, "{name}: {served} of 10");
    }
}

#[test]
fn http_basic_from_one_address_does_not_block_others() {
    let app = server();
    let flood = [basic("greta", OLD), basic("jane", "wrong")];
    let requests = vec![basic("jane", OLD); 10];
    let served = while_flooded(&app, &flood, || served(&app, &requests, 200));
    assert!(served >= 9, "{served} of 10");
}

#[test]
fn password_changes_from_one_address_do_not_block_others() {
    let app = server();
    // A new password ends the user's tokens, not the keys.
    let key = |name: &str| {
        let added = app.command(&["api-keys", "add", name, "ci", "--scope", "me"], "");
        String::from_utf8(added.stdout).expect("text").trim().to_owned()
    };
    let flood = [change(&key("greta"), "wrong", NEW)];
    let jane = key("jane");
    let changes = [change(&jane, OLD, NEW), change(&jane, NEW, OLD)];
    let changes: Vec<_> = changes.into_iter().cycle().take(10).collect();
    let served = while_flooded(&app, &flood, || served(&app, &changes, 204));
    assert!(served >= 9, "{served} of 10");
}

/// Each client sends its own address, and only one of them sends without pause.
#[test]
fn clients_behind_a_proxy_are_told_apart() {
    let app = server();
    let by = |client: &str, request: String| {
        request.replacen("Host: a", &format!("Host: a\r\nX-Forwarded-For: {client}"), 1)
    };
    let flood: Vec<_> =
        (0..FLOOD).map(|n| by(&format!("2001:db8:0:1::{n:x}"), login("jane", "x"))).collect();
    let logins = vec![by("2001:db8:0:2::1", login("jane", OLD)); 10];
    let served = while_flooded(&app, &flood, || served(&app, &logins, 200));
    assert!(served >= 9, "{served} of 10");
}

/// Counted, because times mean nothing on a busy machine.
#[test]
fn every_login_costs_the_same_work() {
    let app = server();
    let cheap = "$2b$04$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";
    let users: String = [("cheap", cheap, false), ("gone", cheap, true)]
        .map(|(name, hash, disabled)| {
            let user = json!({"username": name, "hashed_password": hash, "disabled": disabled});
            format!("{user}\n")
        })
        .concat();
    let imported = app.command(&["users", "import", "-"], &users);
    assert!(imported.status.success(), "{imported:?}");
    let figure = |name: &str| {
        let metrics = app.get("/metrics").body;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.expect("a figure").parse::<f64>().expect("a number")
    };
    let rounds = || figure("bailiwick_password_hash_rounds_total");
    let operations = || figure("bailiwick_password_hash_operations_total");
    let (long, overlong) = ("a".repeat(500), "a".repeat(5000));
    for name in ["jane", "cheap", "gone", "nobody", "", "me", "a%0Ab", "%00", &long] {
        for password in ["wrong", "a%00b", &overlong] {
            let before = (operations(), rounds());
            let body = format!("username={name}&password={password}");
            let answer = app.send("POST", "/token", &[("content-type", FORM)], &body);
            if name.is_empty() && answer.status == 422 {
                continue;
            }
            assert_eq!(answer.status, 400, "{name}: {}", answer.body);
            // The thread counts just after the response.
            eventually("the work", || (rounds() - before.1 >= 64.0).then_some(()));
            let work = (operations() - before.0, rounds() - before.1);
            assert_eq!(work, (1.0, 64.0), "{name:.20} {password:.20}");
        }
    }
}

/// A refused client learns nothing: no user was looked up.
#[test]
fn a_full_queue_costs_no_lookup() {
    let config = "[passwords]\nbcrypt_cost = 31\nhash_threads = 1\nhash_queue = 2\n\
        [admin]\npublic = true\n";
    let app = App::demo().config(config).spawn();
    let lookups = || {
        let metrics = app.get("/metrics").body;
        let of = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.expect("a figure").parse::<f64>().expect("a number")
        };
        (
            of("bailiwick_password_hash_queue"),
            of("bailiwick_user_cache_hits_total") + of("bailiwick_user_cache_misses_total"),
        )
    };
    // Each with its own name, so that no name has more than another.
    let held: Vec<_> = (0..6)
        .map(|number| {
            let mut connection = connect_from(OTHER, &app);
            let request = login(&format!("held{number}"), "x");
            connection.write_all(request.as_bytes()).expect("sent");
            connection
        })
        .collect();
    eventually("a full queue", || (lookups().0 >= 2.0).then_some(()));
    let before = eventually("all lookups", || Some(lookups().1).filter(|count| *count >= 6.0));
    for name in ["johndoe", "alice", "nobody", "me"] {
        let mut connection = connect_from(OTHER, &app);
        connection.write_all(login(name, "1234").as_bytes()).expect("sent");
        let answer = read_response(&mut connection);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{name}: {answer}");
    }
    assert!((lookups().1 - before).abs() < 0.5, "somebody was looked up");
    drop(held);
}

/// A bcrypt hash of this cost that no password matches.
fn hash(cost: u32) -> String {
    format!("$2b${cost:02}$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G")
}

#[test]
fn an_import_refuses_hashes_that_cost_too_much() {
    for (configured, highest) in [(4, 14), (12, 14), (13, 15)] {
        let config = format!("[passwords]\nbcrypt_cost = {configured}\n");
        let app = App::bare().config(&config).spawn();
        let import = |costs: &[u32]| {
            let user = |cost: &u32| {
                let user = json!({"username": format!("of{cost}"), "hashed_password": hash(*cost)});
                format!("{user}\n")
            };
            let users: String = costs.iter().map(user).collect();
            let output = app.command(&["users", "import", "-"], &users);
            (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
        };
        let (code, said) = import(&[4, highest + 1, 31]);
        assert_eq!(code, Some(1), "{said}");
        for (line, cost) in [(2, highest + 1), (3, 31)] {
            let wrong = format!(
                "line {line}: hashed_password: its cost of {cost} is too high: at most {highest}"
            );
            assert!(said.contains(&wrong), "{said}");
        }
        assert!(!said.contains("line 1:") && !said.contains("jTjay"), "{said}");
        let (code, said) = import(&[4, highest]);
        assert_eq!(code, Some(0), "{said}");
        let warning =
            "warning: the hashes of 1 users have a higher cost than passwords.bcrypt_cost";
        assert!(said.contains(warning), "{said}");
    }
}

/// A hash stored before there was a limit.
#[test]
fn a_stored_hash_that_costs_too_much_stops_no_other_login() {
    let app = server();
    let script = "import sqlite3, sys\n\
        database = sqlite3.connect(sys.argv[1], timeout=10)\n\
        database.execute('update users set password_hash = ? where username = ?', sys.argv[2:])\n\
        database.commit()\n";
    let mut python = std::process::Command::new("python3");
    python.args(["-c", script]).arg(app.data_dir().join("bailiwick.db")).args([&hash(31), "greta"]);
    crate::harness::run_tool(&mut python);
    // More than are verified at once, and they wait.
    let held: Vec<_> = (0..8)
        .map(|_| {
            let mut connection = connect_from(GREEDY, &app);
            connection.write_all(login("greta", OLD).as_bytes()).expect("sent");
            connection
        })
        .collect();
    assert_eq!(served(&app, &vec![login("jane", OLD); 10], 200), 10);
    for mut connection in held {
        let answer = read_response(&mut connection);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let line = app.stderr.wait_for("greta: no password is accepted");
    assert!(line.contains("a cost of 31") && line.contains("above 16"), "{line}");
    assert!(line.ends_with("bailiwick users set-password greta"), "{line}");
    let set = app.command(&["users", "set-password", "greta", "--password-stdin"], NEW);
    assert!(set.status.success(), "{set:?}");
    eventually("the new password", || {
        (served(&app, &[login("greta", NEW)], 200) == 1).then_some(())
    });
}
