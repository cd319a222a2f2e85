//! Another session holds locks in PostgreSQL: requests that do not need the locked data are not
//! affected.

use crate::harness::{App, FORM, Response, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, config};
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

/// The sessions waiting for a lock, except the one that stores the days of logins.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
         AND query NOT LIKE '%INTO last_logins%'";

/// Locks held by a separate session; released on drop.
pub(crate) struct Held(Child);

impl Held {
    pub(crate) fn take(database: &str, lock: &str) -> Self {
        let mut psql = shared().psql(database, &format!("BEGIN; {lock}"));
        // After these statements it waits for more, inside the transaction.
        psql.args(["-c", "SELECT 'held'", "-f", "-"]);
        let mut session =
            psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql starts");
        let mut said = BufReader::new(session.stdout.as_mut().expect("its output")).lines();
        assert!(said.any(|line| line.expect("UTF-8") == "held"), "{lock}");
        Self(session)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing its input ends the session.
        drop(self.0.wait());
    }
}

/// A server on a database of `users`, and an administrator's token.
struct Served {
    app: App,
    admin: String,
    token: String,
}

impl Served {
    fn start(url: &str, settings: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let admin = free.expect("a port").to_string();
        let config = config(url).replace("acquire_timeout = 6", settings);
        let app = App::bare().config(&format!("{config}[admin]\nbind = [\"{admin}\"]\n")).spawn();
        let token = app.login("admin", PASSWORD, "users:read users:write");
        Self { app, admin, token }
    }

    fn is_ready(&self) -> bool {
        Response::of("GET", &format!("http://{}/readyz", self.admin), &[], "").status == 200
    }

    fn rename(&self, username: &str, full_name: &str) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = json!({"full_name": full_name}).to_string();
        self.app.send("PATCH", &format!("/users/{username}"), &headers, &body)
    }
}

/// Others log in, are read and written, even by the administrator whose other writes wait.
#[test]
fn a_locked_row_affects_only_its_user() {
    let folder = tempfile::tempdir().unwrap();
    let database = shared().database();
    let url = shared().url(&database);
    add(folder.path(), &url, "admin", &["users:read", "users:write"]);
    for name in ["jane", "locked"] {
        add(folder.path(), &url, name, &["me"]);
    }
    let served = Served::start(&url, "acquire_timeout = 3\nstatement_timeout = 20");
    let held = Held::take(&database, "SELECT FROM users WHERE username = 'locked' FOR UPDATE");
    let (over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    let answer = served.rename("locked", "new");
                    if over.load(SeqCst) {
                        return;
                    }
                    let refusal = (answer.status, answer.header("retry-after"));
                    assert_eq!(refusal, (503, Some("1")), "{}", answer.body);
                    refused.fetch_add(1, SeqCst);
                }
            });
        }
        eventually("a write that waits", || {
            (shared().sql(&database, WAITING) != "0").then_some(())
        });
        let mut others = || {
            for round in 0..20 {
                // After each change all users are read again.
                let renamed = served.rename("jane", &round.to_string());
                assert_eq!(renamed.status, 200, "{}", renamed.body);
                let form = format!("username=jane&password={PASSWORD}&scope=me").replace(' ', "+");
                let login = served.app.send("POST", "/token", &[("content-type", FORM)], &form);
                assert_eq!(login.status, 200, "{}", login.body);
                let token = login.json()["access_token"].as_str().expect("a token").to_owned();
                assert_eq!(served.app.get_as("/users/me", &token).status, 200);
                assert!(served.is_ready());
            }
        };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut others));
        if done.is_ok() {
            // Each of them ends, too.
            eventually("refusals", || (refused.load(SeqCst) >= 8).then_some(()));
        }
        over.store(true, SeqCst);
        drop(held);
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    });
    eventually("the row", || (served.rename("locked", "free").status == 200).then_some(()));
}

/// Users in memory are served, and each is read again by one waiting query, not by one per request.
#[test]
fn a_locked_table_does_not_delay_users_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let database = shared().database();
    let url = shared().url(&database);
    for name in ["admin", "jane"] {
        add(folder.path(), &url, name, &["me", "users:read", "users:write"]);
    }
    let cache = "acquire_timeout = 3\nstatement_timeout = 3600\n[cache]\nmax_age = 1";
    let served = Served::start(&url, cache);
    let jane = served.app.login("jane", PASSWORD, "me");
    let ask = || {
        let answer = served.app.get_as("/users/me", &jane);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    ask();
    let _held = Held::take(&database, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    eventually("a read that waits", || {
        ask();
        (shared().sql(&database, WAITING) == "1").then_some(())
    });
    for _ in 0..200 {
        ask();
    }
    assert!(served.is_ready());
    assert_eq!(shared().sql(&database, WAITING), "1");
}

/// Meanwhile their tries are counted in memory.
#[test]
fn a_locked_table_keeps_nobody_in_memory_from_logging_in() {
    let folder = tempfile::tempdir().unwrap();
    let database = shared().database();
    let url = shared().url(&database);
    for name in ["admin", "jane"] {
        add(folder.path(), &url, name, &["me", "users:read", "users:write"]);
    }
    let served = Served::start(&url, "acquire_timeout = 3\nstatement_timeout = 5");
    served.app.login("jane", PASSWORD, "me");
    let _held = Held::take(&database, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    let guess = |password: &str| {
        let form = format!("username=jane&password={password}&scope=me").replace(' ', "+");
        served.app.send("POST", "/token", &[("content-type", FORM)], &form).status
    };
    assert_eq!(guess(PASSWORD), 200);
    let verified = (0..7).filter(|_| guess("wrong") == 400).count();
    assert_eq!(verified, 5, "as from an unknown network");
    assert_eq!(guess("wrong"), 429);
}
