//! Guessing passwords is limited, and right ones always get in.

use crate::gone::{abandoned, login as begin_login, metric};
use crate::harness::{App, FORM, Response, connect, eventually};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::thread;

const PASSWORD: &str = "quiet river stone";

/// A server that counts, where jane and john may log in, behind a proxy that says where from.
fn server(config: &str) -> App {
    let app = without_users(config);
    for name in ["jane", "john"] {
        let add = ["users", "add", name, "--scope", "me", "--password-stdin"];
        assert!(app.command(&add, PASSWORD).status.success());
    }
    app
}

fn without_users(config: &str) -> App {
    let quick = "[passwords]\nbcrypt_cost = 4\n[server]\nforwarded_allow_ips = [\"127.0.0.1\"]\n";
    App::bare().config(&format!("{quick}{config}")).spawn()
}

fn log_in(app: &App, address: &str, username: &str, password: &str) -> Response {
    let form = format!("username={username}&password={password}&scope=me").replace(' ', "+");
    app.send("POST", "/token", &[("content-type", FORM), ("x-forwarded-for", address)], &form)
}

/// How many of so many wrong passwords are verified.
fn guesses(app: &App, address: &str, username: &str, count: usize) -> usize {
    let verified = |_: &usize| log_in(app, address, username, "wrong").status == 400;
    (0..count).filter(verified).count()
}

fn basic(app: &App, address: &str, password: &str) -> Response {
    let credentials = format!("Basic {}", STANDARD.encode(format!("jane:{password}")));
    let headers = [("authorization", credentials.as_str()), ("x-forwarded-for", address)];
    app.send("GET", "/basic/users/me", &headers, "")
}

fn retry_after(refused: &Response) -> u64 {
    assert_eq!(refused.status, 429, "{}", refused.body);
    refused.header("retry-after").expect("Retry-After").parse().expect("seconds")
}

#[test]
fn wrong_passwords_are_refused_beyond_a_burst() {
    let app = server("");
    assert_eq!(guesses(&app, "192.0.2.1", "jane", 7), 5);
    let refused = log_in(&app, "192.0.2.9", "jane", PASSWORD);
    assert!((1..=300).contains(&retry_after(&refused)), "{refused:?}");
    let detail = "Too many attempts, try again later";
    let expected = json!({
        "detail": detail, "error": "temporarily_unavailable", "error_description": detail,
    });
    assert_eq!(refused.json(), expected);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    let refused = basic(&app, "192.0.2.1", PASSWORD);
    retry_after(&refused);
    assert_eq!(refused.json(), json!({"detail": detail}));
    assert_eq!(log_in(&app, "192.0.2.1", "john", PASSWORD).status, 200, "another account");
}

/// The same responses, after the same work.
#[test]
fn unknown_names_are_counted_alike() {
    let app = server("[admin]\npublic = true\n");
    let hashes = || metric(&app, "bailiwick_password_hash_operations_total");
    for name in ["jane", "nobody", "no%00body", "a%0Ab"] {
        let before = hashes();
        let answers = (0..7).map(|_| log_in(&app, "192.0.2.1", name, "wrong"));
        let answers: Vec<_> = answers.map(|answer| (answer.status, answer.body)).collect();
        let known = log_in(&app, "192.0.2.1", "jane", "wrong");
        assert_eq!(hashes() - before, 5, "{name:?}");
        assert_eq!(answers[6], (known.status, known.body), "{name:?}");
        assert_eq!(answers.iter().filter(|(status, _)| *status == 400).count(), 5, "{name:?}");
    }
}

#[test]
fn basic_and_changes_of_the_password_count_as_well() {
    let app = server("");
    let token = log_in(&app, "192.0.2.1", "jane", PASSWORD).json()["access_token"].clone();
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    let change = |old: &str| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        let body = json!({"old_password": old, "password": "slow mountain lake"}).to_string();
        app.send("PUT", "/users/me/password", &headers, &body)
    };
    // The network is known: a burst of twenty.
    for _ in 0..7 {
        assert_eq!(change("wrong").status, 400);
        assert_eq!(basic(&app, "192.0.2.1", "wrong").status, 401);
        assert_eq!(basic(&app, "192.0.2.1", PASSWORD).status, 200, "right ones do not count");
    }
    assert_eq!(guesses(&app, "192.0.2.1", "jane", 9), 6);
    retry_after(&change(PASSWORD));
    retry_after(&basic(&app, "192.0.2.1", PASSWORD));
    assert_eq!(app.send("GET", "/users/me", &[("authorization", &bearer)], "").status, 200);
}

#[test]
fn an_attacked_user_gets_in_from_a_known_network() {
    let app = server("");
    assert_eq!(log_in(&app, "192.0.2.1", "jane", PASSWORD).status, 200);
    let verified: usize =
        (0..8).map(|net| guesses(&app, &format!("198.51.{net}.1"), "jane", 4)).sum();
    assert_eq!(verified, 10, "from all the unknown networks");
    retry_after(&log_in(&app, "203.0.113.1", "jane", PASSWORD));
    assert_eq!(log_in(&app, "192.0.2.77", "jane", PASSWORD).status, 200);
}

#[test]
fn many_right_logins_at_once_all_succeed() {
    let app = server("");
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let login = log_in(&app, "192.0.2.1", "jane", PASSWORD);
                assert_eq!(login.status, 200, "{}", login.body);
            });
        }
    });
    assert_eq!(guesses(&app, "192.0.2.1", "jane", 21), 20, "all was given back");
}

#[test]
fn an_administrator_unlocks_a_user() {
    let app = server("");
    assert_eq!(guesses(&app, "192.0.2.1", "jane", 6), 5);
    let unlocked = app.command(&["users", "unlock", "jane"], "");
    assert_eq!(String::from_utf8_lossy(&unlocked.stdout), "jane: unlocked\n");
    eventually("the server to hear of it", || {
        (log_in(&app, "192.0.2.1", "jane", PASSWORD).status == 200).then_some(())
    });
    let unknown = app.command(&["users", "unlock", "nobody"], "");
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn a_restart_keeps_the_counts_and_the_limits_are_settings() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("users.db").display().to_string();
    let limits = "[logins]\nunknown_network_burst = 2\nunknown_network_every = \"1h\"";
    let config = format!("{limits}\n[database]\nurl = \"sqlite:{file}\"\n");
    let app = server(&config);
    assert_eq!(guesses(&app, "192.0.2.1", "jane", 1), 1);
    app.signal("KILL");
    drop(app);
    let app = without_users(&config);
    assert_eq!(guesses(&app, "192.0.2.1", "jane", 3), 1);
    let left = retry_after(&log_in(&app, "192.0.2.1", "jane", PASSWORD));
    assert!((3500..=3600).contains(&left), "{left}");

    let off = server("[logins]\nthrottle = false\n");
    assert_eq!(guesses(&off, "192.0.2.1", "jane", 60), 60);
}

#[test]
fn only_a_trusted_proxy_says_where_a_client_is() {
    let app = App::bare()
        .config("[passwords]\nbcrypt_cost = 4\n[server]\nforwarded_allow_ips = []\n")
        .spawn();
    let verified: usize =
        (0..12).map(|net| guesses(&app, &format!("198.51.{net}.1"), "nobody", 1)).sum();
    assert_eq!(verified, 5, "whatever the client claims, it is one network");
}

#[test]
fn a_customers_network_is_one_place() {
    let app = server("");
    for (addresses, verified) in [
        (["2001:db8:0:ab01::1", "2001:db8:0:abff:1::"], 5),
        (["2001:db8:1:ab00::1", "2001:db8:1:ac00::1"], 8),
        (["::ffff:192.0.2.1", "192.0.2.200"], 5),
    ] {
        let found: usize =
            addresses.iter().map(|address| guesses(&app, address, addresses[0], 4)).sum();
        assert_eq!(found, verified, "{addresses:?}");
    }
}

#[test]
fn spellings_of_a_name_are_one_account_where_case_is_ignored() {
    let app = server("[users]\ncase_insensitive = true\n");
    let names = ["jane", "JANE", "Jane", "jAne", "janE", "jaNe", "JANe"];
    let verified: usize = names.iter().map(|name| guesses(&app, "192.0.2.1", name, 1)).sum();
    assert_eq!(verified, 5);
    assert_eq!(log_in(&app, "198.51.100.1", "JANE", PASSWORD).status, 200);
    assert_eq!(guesses(&app, "198.51.100.1", "jANE", 21), 20, "a known network");
}

/// A client that leaves before the outcome learns nothing, so its try does not count.
#[test]
fn tries_that_are_abandoned_are_given_back() {
    let limits = "[logins]\nunknown_network_burst = 2\n[passwords]\nbcrypt_cost = 31\n";
    let app = App::bare().config(&format!("{limits}[admin]\npublic = true\n")).spawn();
    let hashes = || metric(&app, "bailiwick_password_hash_operations_total");
    for round in 1..=3 {
        let streams: Vec<_> = (0..2)
            .map(|_| {
                let mut stream = connect(&app.address);
                begin_login(&mut stream);
                stream
            })
            .collect();
        eventually("both to be hashed", || (hashes() == 2 * round).then_some(()));
        drop(streams);
        abandoned(&app.stdout, usize::try_from(2 * round).expect("few"));
    }
}
