//! The parts of an authenticated request, each alone, and what a whole one allocates.
//! `cargo bench --bench micro` prints criterion's figures and then a table: allocations per `GET
//! /users/me/` of the server with a valid token, with and without access log, and of the bare
//! handler in `bare.rs`. This program starts itself as each of these servers, with one worker, and
//! sends requests over a unix socket. Every allocation of the server process counts, including
//! those of its log and of the thread that watches the database; the client's do not.

use actix_web::http::header::AUTHORIZATION;
use actix_web::rt::System;
use actix_web::test::TestRequest;
use actix_web::{App, HttpResponse, HttpServer};
use bailiwick::measured::{self, Clock, Host, NewUser, RequestId, SystemClock, Timestamp};
use bailiwick::security::{OAuth2PasswordBearer, Scheme as _, Secret};
use bailiwick::{Access, Scopes, Server, Settings, Tokens, Username};
use criterion::{BatchSize, Criterion};
use eksblowfish::{Digest, LANES, advance};
use paperclip::actix::api_v2_operation;
use paperclip::actix::web::get;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc;
use std::fs;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static COUNTED: &StatsAlloc<alloc::System> = &INSTRUMENTED_SYSTEM;

/// Tells this program which server to run: [`OURS`] or [`BARE`].
const SERVE: &str = "MICRO_SERVE";
const OURS: &str = "ours";
const BARE: &str = "bare";

/// The socket of either server, in its working directory.
const SOCKET: &str = "bench.sock";

/// Requests that are counted; as many before them warm up caches and buffers.
const REQUESTS: u32 = 2000;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// Users looked up in turn past a cache for one.
const USERS: usize = 256;

/// The hash of the demo's `1234`; nobody logs in here.
const HASH: &str = "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";

const BODY: &str = r#"{"username":"johndoe","email":"johndoe@example.com","full_name":"John Doe","disabled":false}"#;

fn main() -> ExitCode {
    match std::env::var(SERVE).as_deref() {
        Ok(OURS) => {
            return Server::new("bailiwick")
                .mount(|routes| {
                    routes.route("/allocations", get().to(allocations));
                })
                .run_from_args();
        }
        Ok(BARE) => return bare(),
        _ => {}
    }
    let mut criterion = Criterion::default().configure_from_args();
    tokens(&mut criterion);
    scopes(&mut criterion);
    header(&mut criterion);
    lookups(&mut criterion);
    digests(&mut criterion);
    access_line(&mut criterion);
    criterion.final_summary();
    if !std::env::args().any(|argument| argument == "--list") {
        print_allocations();
    }
    ExitCode::SUCCESS
}

/// A fixed time for issuing and reading tokens.
struct At(i64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp(self.0)
    }
}

/// The defaults, with `folder` as the data folder.
fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::default();
    folder.clone_into(&mut settings.data_dir);
    settings
}

fn tokens(criterion: &mut Criterion) {
    const NOW: i64 = 1_750_000_000;
    const DAY: i64 = 24 * 60 * 60;
    let settings = settings(Path::new("unused"));
    let tokens = |secret: &str, now| {
        let secret = Secret::new(secret.repeat(32));
        Tokens::new(&secret, &settings.tokens, Arc::new(At(now))).expect("a long secret")
    };
    let issued = |tokens: Tokens| {
        let (subject, scopes) = ("johndoe".parse().expect("a name"), "me items".parse());
        let issued = tokens.issue(&subject, &scopes.expect("scopes")).expect("it is issued");
        issued.access_token
    };
    let (good, forged, expired) =
        (issued(tokens("k", NOW)), issued(tokens("x", NOW)), issued(tokens("k", NOW - DAY)));
    let tokens = tokens("k", NOW);
    for (name, token, is_good) in
        [("good", good, true), ("forged", forged, false), ("expired", expired, false)]
    {
        assert_eq!(tokens.verify(&token).is_ok(), is_good, "{name}");
        criterion.bench_function(&format!("token/{name}"), |bencher| {
            bencher.iter(|| tokens.verify(black_box(&token)));
        });
    }
}

fn scopes(criterion: &mut Criterion) {
    let scopes: Scopes = "me items users:read users:write".parse().expect("scopes");
    for (name, scope) in [("held", "users:write"), ("missing", "orders")] {
        criterion.bench_function(&format!("scope/{name}"), |bencher| {
            bencher.iter(|| black_box(&scopes).contains(black_box(scope)));
        });
    }
}

/// A header as long as our tokens make it.
fn header(criterion: &mut Criterion) {
    let value = format!("Bearer {}", "x".repeat(300));
    let request = TestRequest::default().insert_header((AUTHORIZATION, value)).to_http_request();
    let scheme = OAuth2PasswordBearer::new("token");
    assert!(scheme.find(&request).is_ok_and(|found| found.is_some()));
    criterion.bench_function("header/bearer", |bencher| {
        bencher.iter(|| scheme.find(black_box(&request)));
    });
}

/// Looks users up in a `SQLite` file: in memory, through the whole cache, and past a cache for one.
fn lookups(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path());
    System::new().block_on(async {
        let users = measured::open(&settings).await.expect("a new database").users;
        for name in names() {
            users.create(new_user(name), None, SystemClock.now()).await.expect("a new user");
        }
    });

    let system = System::new();
    let users = system.block_on(measured::open(&settings)).expect("the database").users;
    let name = names().next().expect("a name");
    // Nothing is cached before the watcher has first checked the database.
    let start = Instant::now();
    while users.find_in_memory(name.as_str()).is_none() {
        assert!(start.elapsed() < PATIENCE, "the user is never cached");
        assert!(system.block_on(users.find(&name)).is_ok_and(|user| user.is_some()));
    }
    criterion.bench_function("lookup/in_memory", |bencher| {
        bencher.iter(|| users.find_in_memory(black_box(name.as_str())));
    });
    criterion.bench_function("lookup/cached", |bencher| {
        bencher.iter(|| system.block_on(users.find(black_box(&name))));
    });

    settings.cache.size = std::num::NonZeroUsize::MIN;
    let users = system.block_on(measured::open(&settings)).expect("the database").users;
    let mut turn = names().collect::<Vec<_>>().into_iter().cycle();
    criterion.bench_function("lookup/uncached", |bencher| {
        bencher.iter(|| {
            let name = turn.next().expect("it never ends");
            assert!(system.block_on(users.find(&name)).is_ok_and(|user| user.is_some()));
        });
    });
    let counted = users.lookups();
    assert!(counted.hits <= counted.misses / 16, "it was cached: {counted:?}");
}

fn names() -> impl Iterator<Item = Username> {
    (0..USERS).map(|number| format!("user{number}").parse().expect("a name"))
}

fn new_user(username: Username) -> NewUser {
    NewUser {
        username,
        email: Some("johndoe@example.com".to_owned()),
        full_name: Some("John Doe".to_owned()),
        disabled: false,
        password_hash: HASH.parse().expect("a hash"),
        scopes: "me items".parse().expect("scopes"),
    }
}

/// bcrypt's digest at a low cost: one password by the library, one and several by ours.
fn digests(criterion: &mut Criterion) {
    const COST: u32 = 8;
    let salt = [7; 16];
    criterion.bench_function("digest/one_by_the_library", |bencher| {
        bencher.iter(|| bcrypt::bcrypt(COST, salt, black_box(b"secret\0")));
    });
    for (name, count) in [("one", 1), ("four_together", LANES)] {
        criterion.bench_function(&format!("digest/{name}"), |bencher| {
            bencher.iter(|| {
                let begin = |_| Digest::new(black_box("secret"), &salt, COST);
                let mut digests: Vec<_> = (0..count).map(begin).collect();
                while !digests[0].is_ready() {
                    advance(&mut digests);
                }
                digests.iter().map(Digest::finish).collect::<Vec<_>>()
            });
        });
    }
}

/// Formats a line in the default format and hands it to the log's thread, which discards it.
fn access_line(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("logging.toml");
    fs::write(&file, LOGGING).expect("it is written");
    let mut settings = settings(folder.path()).logging;
    settings.config = Some(file.into());
    let _log = measured::init(&settings).expect("the log is set up");
    let access = Access {
        host: Host::Ip([127, 0, 0, 1].into()),
        port: 12345,
        method: "GET".into(),
        target: "/users/me/".to_owned(),
        protocol: "HTTP/1.1",
        status: 200,
        phrase: "OK",
        length: Some(96),
        elapsed: Duration::from_micros(100),
        request_id: RequestId::unique(),
        caller: None,
        request_headers: Vec::new(),
        response_headers: Vec::new(),
    };
    criterion.bench_function("access_line", |bencher| {
        bencher.iter_batched(|| access.clone(), Access::log, BatchSize::SmallInput);
    });
}

const LOGGING: &str = r#"
[loggers.root]
handlers = ["console"]
[loggers."bailiwick.access"]
handlers = ["nowhere"]
propagate = false
[handlers.console]
stream = "stderr"
formatter = "simple"
[handlers.nowhere]
file = "/dev/null"
formatter = "simple"
[formatters.simple]
format = "%(asctime)s - %(levelname)s - %(name)s - %(message)s"
"#;

/// What this process has allocated so far: allocations, reallocations, bytes.
fn allocated() -> HttpResponse {
    let all = COUNTED.stats();
    let (made, moved, bytes) = (all.allocations, all.reallocations, all.bytes_allocated);
    HttpResponse::Ok().body(format!("{made} {moved} {bytes}"))
}

/// What the process has allocated
#[api_v2_operation]
async fn allocations() -> HttpResponse {
    allocated()
}

/// The bare handler of `bare.rs`, in a server of its own.
fn bare() -> ExitCode {
    let me = || async { HttpResponse::Ok().content_type("application/json").body(BODY) };
    let get = actix_web::web::get;
    let app = move || {
        App::new()
            .route("/users/me/", get().to(me))
            .route("/allocations", get().to(|| async { allocated() }))
    };
    let server = async { HttpServer::new(app).workers(1).bind_uds(SOCKET)?.run().await };
    System::new().block_on(server).expect("it serves");
    ExitCode::SUCCESS
}

fn print_allocations() {
    let rows = [
        ("bailiwick, access log on", OURS, "true"),
        ("bailiwick, access log off", OURS, "false"),
        ("bare actix-web handler", BARE, "false"),
    ]
    .map(|(name, kind, log)| {
        let [made, moved, bytes] = Contender::start(kind, log).count();
        format!("| {name} | {made:.1} | {moved:.1} | {bytes:.0} |")
    });
    // The servers' own lines are above it.
    println!("\n| per `GET /users/me/` | allocations | reallocations | bytes |");
    println!("|---|---:|---:|---:|\n{}", rows.join("\n"));
}

/// A server run by this program; ends on drop.
struct Contender {
    child: Child,
    stream: UnixStream,
    /// The counted request.
    request: String,
    _folder: tempfile::TempDir,
}

impl Drop for Contender {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Contender {
    fn start(kind: &str, log: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--demo", "--workers", "1", "--bind", &format!("unix:{SOCKET}")])
            .current_dir(folder.path())
            .env(SERVE, kind)
            .env("BAILIWICK__LOGGING__ACCESS", log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let start = Instant::now();
        let stream = loop {
            match UnixStream::connect(folder.path().join(SOCKET)) {
                Ok(stream) => break stream,
                Err(error) => assert!(start.elapsed() < PATIENCE, "it does not start: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut contender = Self { child, stream, request: String::new(), _folder: folder };
        contender.request = format!(
            "GET /users/me/ HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\r\n",
            if kind == OURS { contender.log_in() } else { String::new() },
        );
        contender
    }

    fn log_in(&mut self) -> String {
        let form = "grant_type=password&username=johndoe&password=1234&scope=me";
        let answer = self.ask(&format!(
            "POST /token HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            form.len(),
        ));
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    /// Allocations, reallocations and bytes of one request, on average.
    fn count(mut self) -> [f64; 3] {
        let request = self.request.clone();
        let mut rounds = [[0; 3]; 2];
        for round in &mut rounds {
            for _ in 0..REQUESTS {
                assert_eq!(self.ask(&request), BODY, "the contenders answer the same");
            }
            let all = self.ask("GET /allocations HTTP/1.1\r\nHost: bench\r\n\r\n");
            let mut all = all.split(' ').map(|number| number.parse::<u64>().expect("a number"));
            *round = std::array::from_fn(|_| all.next().expect("three numbers"));
        }
        let [before, after] = rounds;
        std::array::from_fn(|at| {
            let more = u32::try_from(after[at] - before[at]).expect("a bounded run");
            f64::from(more) / f64::from(REQUESTS)
        })
    }

    /// The body of the response, which must be a 200.
    fn ask(&mut self, request: &str) -> String {
        self.stream.write_all(request.as_bytes()).expect("it is sent");
        let mut part = [0; 4096];
        // Responses are small and written at once; a partial one would fail the assertion.
        let length = self.stream.read(&mut part).expect("an answer in time");
        let answer = str::from_utf8(&part[..length]).expect("UTF-8");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        body.to_owned()
    }
}
