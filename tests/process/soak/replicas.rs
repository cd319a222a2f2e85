//! Three replicas on one PostgreSQL behind the shipped cluster site: what restarts and a crash cost.

use super::{Failures, Length, head};
use crate::edge::Edge;
use crate::harness::{App, FORM, eventually};
use crate::load::{Load, Questions};
use crate::postgres::{Server, shared};
use crate::server::{gone, kill, replaced, serving, status};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const PASSWORD: &str = "quiet river stone";

/// Clients of the only way: each has one request in flight.
const CLIENTS: u64 = 3 + 6 + 8;

/// A server that always has the same address.
struct Replica {
    address: String,
    config: String,
    app: App,
}

impl Replica {
    fn start(url: &str, length: &Length) -> Self {
        let address = lasting_address();
        let config = format!(
            "[server]\nkeepalive = {}\ngraceful_timeout = 5\nworkers = 1\n\
             [database]\nurl = '{url}'\nconnect_timeout = 15\nacquire_timeout = 6\n\
             [passwords]\nbcrypt_cost = 4\n[logging]\naccess = false\n",
            length.keepalive
        );
        let app = spawn(&address, &config);
        Self { address, config, app }
    }

    fn start_again(&mut self) {
        self.app = spawn(&self.address, &self.config);
    }

    /// Ends it like a crash of its machine: master and workers at once.
    fn crash(&mut self) {
        let workers = serving(&self.app);
        let pids = std::iter::once(u64::from(self.app.pid())).chain(workers.iter().copied());
        let pids = pids.map(|pid| pid.to_string());
        let killed = Command::new("kill").arg("-KILL").args(pids).status();
        assert!(killed.expect("kill runs").success());
        self.app.wait();
        workers.into_iter().for_each(gone);
    }

    /// Waits until nginx sends requests here again.
    fn gets_requests(&self) {
        eventually("requests for a replica", || {
            let status = status(&self.app);
            let processes = status["processes"].as_array()?;
            processes.iter().any(|process| process["requests"].as_u64() > Some(0)).then_some(())
        });
    }
}

/// A free address that the system gives to no client while the server is away: it assigns ports
/// from 32768 on.
fn lasting_address() -> String {
    let address = || {
        let port = rand::random_range(20_000..32_000);
        let listener = TcpListener::bind(("127.0.0.1", port)).ok()?;
        Some(listener.local_addr().expect("an address").to_string())
    };
    eventually("a free port", address)
}

fn spawn(address: &str, config: &str) -> App {
    App::bare().config(config).args(["-b", address]).spawn()
}

/// Three replicas on a database, and the requests of one of its users.
fn replicas(url: &str, length: &mut Length) -> [Replica; 3] {
    let replicas: [_; 3] = std::array::from_fn(|_| Replica::start(url, length));
    let first = &replicas[0].app;
    let add = ["users", "add", "jane", "--scope", "me", "--password-stdin"];
    assert!(first.command(&add, PASSWORD).status.success());
    let form = format!("username=jane&password={PASSWORD}&scope=me").replace(' ', "+");
    length.questions = Questions::of_a_user(&first.login("jane", PASSWORD, "me"), &form);
    replicas
}

#[test]
fn a_restart_of_postgresql_costs_only_its_own_time() {
    let mut length = Length::of_environment();
    let mut server = Server::start();
    let replicas = replicas(&server.url(&server.database()), &mut length);
    let addresses = replicas.each_ref().map(|replica| replica.address.clone());
    let edge = Edge::before_all(&addresses, length.keepalive);
    let ways = [("nginx, 3 replicas", edge.address.as_str())];
    let rounds = length.times(5, 2);
    head();
    let failures =
        length.under_load(&format!("PostgreSQL killed, 3 s away ×{rounds}"), &ways, || {
            for _ in 0..rounds {
                server.stop();
                // Shorter than users stay in memory, and longer than they are trusted.
                thread::sleep(Duration::from_secs(3));
                server.start_again();
                for replica in &replicas {
                    // No replica has this user in memory.
                    eventually("the database", || {
                        let form = "username=nobody&password=x";
                        let headers = [("content-type", FORM)];
                        let answer = replica.app.send("POST", "/token", &headers, form);
                        (answer.status != 503).then_some(())
                    });
                }
                thread::sleep(length.pause);
            }
        });
    assert_eq!(failures.all, failures.unavailable, "no other answer than 503");
    let failures = length.under_load("PostgreSQL is back", &ways, || thread::sleep(length.rest));
    assert_eq!(failures.all, 0);
}

/// A connection to a database that can be cut.
struct Line {
    address: String,
    cut: Arc<AtomicBool>,
}

impl Line {
    fn to(server: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let cut = Arc::new(AtomicBool::new(false));
        let is_cut = Arc::clone(&cut);
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.expect("a connection");
                if is_cut.load(Ordering::Relaxed) {
                    continue;
                }
                let far = TcpStream::connect(server).expect("the database");
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone(), to.try_clone());
                    let (from, to) = (from.expect("a socket"), to.expect("a socket"));
                    let is_cut = Arc::clone(&is_cut);
                    thread::spawn(move || carry(from, to, &is_cut));
                }
            }
        });
        Self { address, cut }
    }
}

/// Forwards bytes until the end, or discards them once the connection is cut.
fn carry(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) {
    let mut bytes = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut bytes)
        && !is_cut.load(Ordering::Relaxed)
        && to.write_all(&bytes[..length]).is_ok()
    {}
    drop(to.shutdown(Shutdown::Both));
}

/// One of three hangs, and one is cut off from its database; the third serves all requests.
#[test]
fn faulty_replicas_are_left_alone() {
    let length = Length::of_environment();
    let server = shared();
    let url = server.url(&server.database());
    let (_, rest) = url.split_once('@').expect("a user");
    let (host, _) = rest.split_once('/').expect("a database");
    let line = Line::to(host.to_owned().leak());
    let replicas = [url.clone(), url.replace(host, &line.address), url.clone()];
    let replicas = replicas.map(|url| Replica::start(&url, &length));
    let add = ["users", "add", "jane", "--scope", "me", "--password-stdin"];
    assert!(replicas[0].app.command(&add, PASSWORD).status.success());
    let form = format!("username=jane&password={PASSWORD}&scope=me").replace(' ', "+");
    let questions = Questions::of_a_user(&replicas[0].app.login("jane", PASSWORD, "me"), &form);
    let addresses = replicas.each_ref().map(|replica| replica.address.clone());
    let edge = Edge::before_all(&addresses, length.keepalive);

    // The master, too: it would replace a hanging worker process.
    let mut hung = vec![u64::from(replicas[2].app.pid())];
    hung.extend(serving(&replicas[2].app));
    let send = |signal: &str| hung.iter().for_each(|pid| kill(*pid, signal));
    let pause = Duration::from_millis(50);
    let load =
        |every| Load::start(&edge.address, &questions.clone().with_a_login_in(every), 12, pause);
    let loads = [("GET", load(u32::MAX)), ("POST", load(1))];
    for replica in &replicas {
        replica.gets_requests();
    }
    send("STOP");
    line.cut.store(true, Ordering::Relaxed);
    // Until nginx has waited for the hanging one once more after leaving it alone.
    thread::sleep(length.sick);
    let counts = loads.map(|(what, load)| (what, load.stop()));
    send("CONT");
    println!("\n\n| one replica hangs, one has no database | failed | slowest |\n|---|---|---|");
    for (what, counts) in &counts {
        let (failed, answered) = (counts.failed(), counts.answered.load(Ordering::Relaxed));
        let slowest = Duration::from_millis(counts.slowest.load(Ordering::Relaxed));
        println!("| {what} | {failed} of {} | {slowest:.1?} |", failed + answered);
    }
    let [(_, gets), (_, posts)] = &counts;
    assert_eq!(gets.failed(), 0, "a GET is asked of the next one: {gets}");
    // At most the requests in flight when the replicas failed, and those that test whether they are
    // back.
    assert_eq!(posts.refused.load(Ordering::Relaxed) + posts.cut.load(Ordering::Relaxed), 0);
    assert!(posts.failed() <= 60, "{posts}");
}

#[test]
fn three_replicas_behind_nginx_lose_nothing() {
    let mut length = Length::of_environment();
    let mut replicas = replicas(&shared().url(&shared().database()), &mut length);
    let addresses = replicas.each_ref().map(|replica| replica.address.clone());
    let edge = Edge::before_all(&addresses, length.keepalive);
    let ways = [("nginx, 3 replicas", edge.address.as_str())];
    let rounds = length.times(5, 1);
    head();

    let mut under_load = |what: &str, work: &mut dyn FnMut(&mut Replica)| -> Failures {
        length.under_load(&format!("{what} ×{rounds}"), &ways, || {
            for replica in (0..rounds).flat_map(|_| 0..3) {
                work(&mut replicas[replica]);
                replicas[replica].gets_requests();
                thread::sleep(length.pause);
            }
        })
    };
    let reload = under_load("rolling HUP", &mut |replica| {
        let before = serving(&replica.app);
        replica.app.signal("HUP");
        replaced(&replica.app, &before, 1);
    });
    let restart = under_load("rolling TERM and start", &mut |replica| {
        replica.app.signal("TERM");
        assert!(replica.app.wait().success());
        replica.start_again();
    });
    let crash = under_load("kill -9 of each, and start", &mut |replica| {
        replica.crash();
        replica.start_again();
    });
    assert_eq!((reload.all, restart.all), (0, 0));
    assert_eq!(crash.refused, 0, "nginx is there");
    assert!(crash.all <= 3 * rounds as u64 * CLIENTS);
}
