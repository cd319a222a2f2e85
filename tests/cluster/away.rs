//! The real binary while its database is unreachable: cached users for a while, then 503; never a
//! hang, and never an unconfirmed response.

use crate::harness::{App, FORM, Response, eventually};
use crate::postgres::{PASSWORD as ROLE_PASSWORD, Server};
use crate::{PASSWORD, add, config, postmaster, python_on};
use serde_json::json;
use std::cell::RefCell;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A replica with a token for a user in its memory, and one for a user who is not.
struct Replica {
    app: App,
    admin: String,
    cached: String,
    other: String,
    admin_token: String,
}

impl Replica {
    /// Jane, john and the administrator must exist.
    fn start(url: &str, stale_max: u32) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let admin = free.expect("a port").to_string();
        let settings =
            format!("acquire_timeout = 2\nstatement_timeout = 2\n[cache]\nstale_max = {stale_max}");
        let config = config(url).replace("acquire_timeout = 6", &settings);
        let app = App::bare().config(&format!("{config}[admin]\nbind = [\"{admin}\"]\n")).spawn();
        let login = |name, scope| app.login(name, PASSWORD, scope);
        let (cached, other) = (login("jane", "me"), login("john", "me"));
        let admin_token = login("admin", "users:read users:write");
        Self { app, admin, cached, other, admin_token }
    }

    /// Requests the user in memory: the right response, or 503 with `Retry-After`.
    fn ask(&self) -> u16 {
        let answer = self.app.get_as("/users/me", &self.cached);
        match answer.status {
            200 => assert_eq!(answer.json()["username"], "jane"),
            _ => unavailable(&answer),
        }
        answer.status
    }

    fn told(&self, path: &str) -> u16 {
        Response::of("GET", &format!("http://{}{path}", self.admin), &[], "").status
    }

    fn create(&self, name: &str) -> Response {
        let body = json!({"username": name, "password": PASSWORD, "scopes": ["me"]}).to_string();
        let bearer = format!("Bearer {}", self.admin_token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.app.send("POST", "/users", &headers, &body)
    }

    /// Whatever only the database knows gets no response.
    fn knows_nothing(&self) {
        unavailable(&self.app.get_as("/users/me", &self.other));
        unavailable(&self.app.get_as("/users", &self.admin_token));
        let form = format!("username=john&password={PASSWORD}").replace(' ', "+");
        let login = self.app.send("POST", "/token", &[("content-type", FORM)], &form);
        unavailable(&login);
        unavailable(&self.create("lost"));
        assert_eq!(self.app.get_as("/users/me", "nonsense").status, 401);
    }

    /// Checks that the log has only the lines of an outage, the last of which counts the failures.
    fn has_said_it_once(&self) {
        let said = |text: &str| -> Vec<String> {
            let log = self.app.stderr.text();
            log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
        };
        let over = eventually("the end in the log", || {
            let over = said("database: answers again");
            (over.len() == said("database: does not answer").len()).then_some(over)
        });
        let count = over.last().and_then(|line| line.split_once("meanwhile: ")).expect("a count").1;
        let digits = count.split(|c: char| !c.is_ascii_digit()).next().expect("a part");
        assert!(digits.parse::<u32>().expect("a number") >= 20, "{over:?}");
        let all = said("bailiwick.error - database: ");
        assert_eq!(all.len(), 2 * over.len(), "{all:?}");
    }

    fn is_well(&self) {
        eventually("an answer", || (self.ask() == 200).then_some(()));
        eventually("readiness", || (self.told("/readyz") == 200).then_some(()));
        assert_eq!(self.app.get_as("/users/me", &self.other).status, 200);
        assert_eq!(self.told("/healthz"), 200);
        assert_eq!(self.app.get_as("/users/lost", &self.admin_token).status, 404);
    }
}

fn unavailable(answer: &Response) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.body);
}

/// Both replicas while the database is unreachable: one trusts its memory for 5 s, the other not at
/// all.
fn outage(what: &str, replicas: &[Replica; 2], begin: impl FnOnce(), end: impl FnOnce()) {
    let [patient, strict] = replicas;
    for replica in replicas {
        replica.is_well();
    }
    // John is forgotten, and jane is cached.
    for replica in replicas {
        assert_eq!(replica.create(&format!("new-{}", rand::random::<u64>())).status, 201);
    }
    let change = json!({"full_name": what}).to_string();
    let bearer = format!("Bearer {}", strict.admin_token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(strict.app.send("PATCH", "/users/john", &headers, &change).status, 200);
    thread::sleep(Duration::from_millis(1_200));
    assert_eq!((patient.ask(), strict.ask()), (200, 200));
    begin();
    let away = Instant::now();
    let believed = patient.ask();
    assert!(believed == 200 || away.elapsed().as_secs() >= 4, "{what}: known a moment ago");
    eventually("the strict one's refusal", || (strict.ask() == 503).then_some(()));
    let strictly = away.elapsed();
    let look = |replica: &Replica| {
        assert_eq!((replica.told("/healthz"), replica.told("/readyz")), (200, 503), "{what}");
        replica.knows_nothing();
        for _ in 0..20 {
            unavailable(&replica.app.get_as("/users/me", &replica.other));
        }
    };
    thread::scope(|scope| {
        for replica in replicas {
            scope.spawn(|| look(replica));
        }
        eventually("the other's refusal", || (patient.ask() == 503).then_some(()));
        println!(
            "{what}: cached users are refused after {strictly:.1?} (stale_max = 0), {:.1?} (5)",
            away.elapsed()
        );
    });
    assert_eq!((patient.ask(), strict.ask()), (503, 503), "{what}: it stays so");
    end();
    let back = Instant::now();
    for replica in replicas {
        replica.is_well();
        replica.has_said_it_once();
    }
    println!("{what}: over after {:.1?}", back.elapsed());
}

fn with_users(folder: &Path, url: &str) -> [Replica; 2] {
    for name in ["jane", "john"] {
        add(folder, url, name, &["me"]);
    }
    add(folder, url, "admin", &["users:read", "users:write"]);
    [Replica::start(url, 5), Replica::start(url, 0)]
}

/// Stops or continues a server that keeps its connections: like a network that drops everything.
fn freeze(master: &str, signal: &str) {
    let children = Command::new("pgrep").args(["-P", master]).output().expect("pgrep runs");
    let children = String::from_utf8(children.stdout).expect("numbers");
    let pids = std::iter::once(master).chain(children.split_whitespace());
    let sent = Command::new("kill").args(["-s", signal]).args(pids).status();
    // One of the processes may have ended meanwhile.
    let _ = sent.expect("kill runs");
}

#[test]
fn postgresql_goes_away_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let database = server.database();
    // Not the superuser, who is exempt from connection limits.
    server.sql("postgres", &format!("CREATE ROLE app LOGIN PASSWORD '{ROLE_PASSWORD}'"));
    server.sql("postgres", &format!("ALTER DATABASE {database} OWNER TO app"));
    let url = server.url(&database).replace("//postgres:", "//app:");
    let replicas = with_users(folder.path(), &url);
    let connections = |limit: i32| {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'";
        server.sql("postgres", &format!("ALTER ROLE app CONNECTION LIMIT {limit}; {end}"));
    };
    outage("too many connections", &replicas, || connections(0), || connections(-1));
    let master = postmaster(&server);
    outage("cut off", &replicas, || freeze(&master, "STOP"), || freeze(&master, "CONT"));
    let server = RefCell::new(server);
    let (stop, start) = (|| server.borrow_mut().stop(), || server.borrow_mut().start_again());
    outage("killed", &replicas, stop, start);
}

#[test]
fn sqlite_goes_away_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.db");
    let replicas = with_users(folder.path(), &format!("sqlite:{}", file.display()));
    let rename = |from: &str, to: &str| {
        let rename = |table: &str| format!("ALTER TABLE {table}{from} RENAME TO {table}{to};");
        let both = rename("users") + &rename("changed_users");
        python_on(&file, &format!("database.executescript('{both}')"));
    };
    outage("SQLite's tables are gone", &replicas, || rename("", "_"), || rename("_", ""));
}
