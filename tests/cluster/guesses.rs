//! Guessing at an account through three replicas: few guesses are verified, and its owner gets in.

use crate::harness::{App, FORM, Response, eventually, run_tool};
use crate::postgres::shared;
use crate::writes::worker;
use crate::{PASSWORD, add, config, done};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

const GUESSES: usize = 1_000;

/// Of an account, in all the unknown networks together, unless configured.
const BURST: usize = 10;
const SECONDS_FOR_ONE_MORE: u64 = 600;

/// A replica that believes what a proxy says of a client's address.
fn replica(url: &str, more: &str) -> App {
    let trusting = "[server]\nforwarded_allow_ips = [\"127.0.0.1\"]\n[admin]\npublic = true\n";
    App::bare().config(&format!("{}{trusting}{more}", config(url))).spawn()
}

fn replicas(url: &str) -> Vec<App> {
    (0..3).map(|_| replica(url, "")).collect()
}

fn log_in(app: &App, address: &str, name: &str, password: &str) -> Response {
    let form = format!("username={name}&password={password}&scope=me").replace(' ', "+");
    app.send("POST", "/token", &[("content-type", FORM), ("x-forwarded-for", address)], &form)
}

/// The value of a series over all replicas.
fn sum(replicas: &[App], series: &str) -> usize {
    let value = |app: &App| -> usize {
        let text = app.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series}")).parse().expect("a whole number")
    };
    replicas.iter().map(value).sum()
}

/// Runs `work` with each number on a thread of its own, and counts its results.
fn at_once<T: Ord + Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> BTreeMap<T, usize> {
    let mut results = BTreeMap::new();
    thread::scope(|scope| {
        let work = &work;
        let started: Vec<_> = (0..count)
            .map(|at| {
                // Many threads with little to do.
                let thread = thread::Builder::new().stack_size(256 * 1024);
                thread.spawn_scoped(scope, move || work(at)).expect("a thread")
            })
            .collect();
        for thread in started {
            *results.entry(thread.join().expect("no panic")).or_default() += 1;
        }
    });
    results
}

#[test]
fn an_attacked_user_gets_in_from_a_known_network() {
    let folder = tempfile::tempdir().unwrap();
    let url = shared().url(&shared().database());
    add(folder.path(), &url, "jane", &["me"]);
    let replicas = replicas(&url);
    let start = Instant::now();
    assert_eq!(log_in(&replicas[0], "192.0.2.1", "jane", PASSWORD).status, 200);
    let hashes = || sum(&replicas, "bailiwick_password_hash_operations_total");
    let before = hashes();
    let (over, logins) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (guessed, owner) = thread::scope(|scope| {
        let owner = scope.spawn(|| {
            let mut statuses = BTreeMap::<u16, usize>::new();
            while !over.load(SeqCst) {
                let at = logins.fetch_add(1, SeqCst);
                // Another address of the same network.
                let address = format!("192.0.2.{}", 1 + at % 200);
                let status = log_in(&replicas[at % 3], &address, "jane", PASSWORD).status;
                *statuses.entry(status).or_default() += 1;
            }
            statuses
        });
        eventually("the owner's first login", || (logins.load(SeqCst) > 1).then_some(()));
        let guessed = at_once(GUESSES, |at| {
            let address = format!("10.{}.{}.{}", at / 250, at % 250, 1 + at % 7);
            log_in(&replicas[at % 3], &address, "jane", "wrong").status
        });
        over.store(true, SeqCst);
        (guessed, owner.join().expect("no panic"))
    });
    let verified = guessed.get(&400).copied().unwrap_or_default();
    let refused = guessed.get(&429).copied().unwrap_or_default();
    let allowed =
        BURST + usize::try_from(start.elapsed().as_secs() / SECONDS_FOR_ONE_MORE).unwrap();
    println!(
        "{GUESSES} guesses at once over three replicas, each from a network of its own: {verified} verified, \
         {refused} refused; the owner's logins meanwhile: {owner:?}"
    );
    assert_eq!(verified + refused, GUESSES, "{guessed:?}");
    assert!((BURST..=allowed).contains(&verified), "{verified} of {allowed}");
    let all: usize = owner.values().sum();
    assert_eq!(owner, BTreeMap::from([(200, all)]), "every login of the owner");
    assert_eq!(hashes() - before, verified + all, "nothing else was hashed");
    let throttled = sum(&replicas, "bailiwick_logins_total{outcome=\"throttled\"}");
    assert_eq!(throttled, refused);
    // From elsewhere, not even the right password.
    assert_eq!(log_in(&replicas[0], "203.0.113.1", "jane", PASSWORD).status, 429);
}

#[test]
fn guesses_at_many_accounts_from_one_network_are_few() {
    let folder = tempfile::tempdir().unwrap();
    let url = shared().url(&shared().database());
    add(folder.path(), &url, "jane", &["me"]);
    let replicas = replicas(&url);
    let guessed = at_once(300, |at| {
        let (address, name) = (format!("198.51.100.{}", at % 250), format!("nobody{}", at % 150));
        log_in(&replicas[at % 3], &address, &name, "wrong").status
    });
    println!("300 guesses at once at 150 names from one network: {guessed:?}");
    let verified = guessed.get(&400).copied().unwrap_or_default();
    // One more each half minute.
    assert!((50..=55).contains(&verified), "{guessed:?}");
    assert_eq!(guessed.values().sum::<usize>(), verified + guessed[&429]);
    assert_eq!(log_in(&replicas[0], "203.0.113.1", "jane", PASSWORD).status, 200);
}

#[test]
fn many_right_logins_at_once_all_succeed_from_an_unknown_network() {
    let folder = tempfile::tempdir().unwrap();
    let url = shared().url(&shared().database());
    add(folder.path(), &url, "jane", &["me"]);
    let replicas = replicas(&url);
    // Networks that are all new, so that none becomes known by another one's login.
    let answers = at_once(64, |at| {
        let address = format!("10.0.{at}.1");
        log_in(&replicas[at % 3], &address, "jane", PASSWORD).status
    });
    assert_eq!(answers, BTreeMap::from([(200, 64)]));
    // All was given back.
    let guessed = at_once(40, |at| {
        log_in(&replicas[at % 3], &format!("10.1.{at}.1"), "jane", "wrong").status
    });
    assert_eq!(guessed.get(&400), Some(&BURST), "{guessed:?}");
}

/// Tries that never end are no reason to be locked out.
fn what_a_killed_server_had_taken_runs_out(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    let limits = "[logins]\nunknown_network_burst = 2\nunknown_network_every = 4\nall_unknown_burst = 2\n\
                  all_unknown_every = 4\n";
    // Each takes minutes, so it is under way when the server is killed.
    let endless = config(url).replace("bcrypt_cost = 4", "bcrypt_cost = 20");
    let admin = "[admin]\npublic = true\n";
    let mut app = App::bare().config(&format!("{endless}{admin}{limits}")).spawn();
    // Kept open: a client that leaves gives back what its try has taken.
    let form = format!("username=jane&password={PASSWORD}").replace(' ', "+");
    let _clients: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = app.connect();
            let head = format!("POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n");
            write!(stream, "{head}Content-Length: {}\r\n\r\n{form}", form.len()).expect("sent");
            stream
        })
        .collect();
    eventually("two tries under way", || {
        (sum(std::slice::from_ref(&app), "bailiwick_password_hash_operations_total") == 2)
            .then_some(())
    });
    let killed = Instant::now();
    let worker = worker(&app);
    app.signal("KILL");
    app.wait();
    run_tool(Command::new("kill").args(["-s", "KILL", &worker]));
    let app = App::bare().config(&format!("{}{limits}", config(url))).spawn();
    let mut refused = 0;
    eventually("a login", || {
        let login = app.send("POST", "/token", &[("content-type", FORM)], &form);
        refused += u32::from(login.status == 429);
        assert!(matches!(login.status, 200 | 429), "{}: {}", login.status, login.body);
        (login.status == 200).then_some(())
    });
    println!("{refused} refusals, a login {:.1?} after the kill", killed.elapsed());
}

#[test]
fn what_a_killed_server_had_taken_runs_out_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    what_a_killed_server_had_taken_runs_out(folder.path(), &url);
}

#[test]
fn what_a_killed_server_had_taken_runs_out_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    what_a_killed_server_had_taken_runs_out(folder.path(), &shared().url(&shared().database()));
}

/// Whoever moves a database neither frees an attacker nor locks out a user who is attacked.
#[test]
fn what_is_counted_and_known_moves_with_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let (from, there, back) = (file("a.db"), shared().url(&shared().database()), file("b.db"));
    add(folder, &from, "jane", &["me"]);
    let app = replica(&from, "");
    assert_eq!(log_in(&app, "192.0.2.1", "jane", PASSWORD).status, 200);
    for at in 0..BURST {
        assert_eq!(log_in(&app, &format!("10.0.{at}.1"), "jane", "wrong").status, 400);
    }
    drop(app);
    done(folder, &from, &["db", "copy", "--from", &from, "--to", &there], "");
    done(folder, &from, &["db", "copy", "--from", &there, "--to", &back], "");
    let backup = folder.join("backup.db");
    done(folder, &from, &["db", "backup", &backup.display().to_string()], "");
    for url in [&there, &back, &file("backup.db")] {
        done(folder, url, &["db", "check"], "");
        let app = replica(url, "");
        assert_eq!(log_in(&app, "203.0.113.1", "jane", PASSWORD).status, 429, "{url}");
        assert_eq!(log_in(&app, "192.0.2.7", "jane", PASSWORD).status, 200, "{url}");
    }
}
