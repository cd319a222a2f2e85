//! A small load generator that counts failures: keep-alive connections, busy or with pauses, every
//! fifth request a POST.

use crate::harness::FORM;
use std::borrow::Cow;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);

/// The results so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) answered: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) cut: AtomicU64,
    /// 503 with `Retry-After`.
    pub(crate) unavailable: AtomicU64,
    pub(crate) wrong: AtomicU64,
    /// The longest that a client waited, in milliseconds.
    pub(crate) slowest: AtomicU64,
}

/// The requests, and the beginnings of the right responses.
#[derive(Clone)]
pub(crate) struct Questions {
    /// Most requests.
    get: (Cow<'static, str>, &'static str),
    /// Every n-th request: a login with this form.
    post: (Cow<'static, str>, &'static str),
    every: u32,
    /// Whether a connection is kept for the next request.
    keeps: bool,
}

impl Questions {
    /// Requests the caller without credentials, or logs in with a form that lacks the password.
    pub(crate) const STRANGERS: Self = Self {
        get: (Cow::Borrowed("Host: a\r\n"), "http/1.1 401 "),
        post: (Cow::Borrowed("username=johndoe"), "http/1.1 422 "),
        every: 5,
        keeps: true,
    };

    /// Requests the caller with a token, or logs in.
    pub(crate) fn of_a_user(token: &str, form: &str) -> Self {
        Self {
            get: (format!("Host: a\r\nAuthorization: Bearer {token}\r\n").into(), "http/1.1 200 "),
            post: (form.to_owned().into(), "http/1.1 200 "),
            every: 5,
            keeps: true,
        }
    }

    /// The same with a login in every `every` requests.
    pub(crate) fn with_a_login_in(self, every: u32) -> Self {
        Self { every, ..self }
    }

    /// The same with a new connection for each.
    pub(crate) fn on_new_connections(self) -> Self {
        Self { keeps: false, ..self }
    }
}

impl Counts {
    pub(crate) fn failed(&self) -> u64 {
        [&self.refused, &self.cut, &self.unavailable, &self.wrong]
            .map(|count| count.load(Ordering::Relaxed))
            .iter()
            .sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [answered, refused, cut, unavailable, wrong] =
            [&self.answered, &self.refused, &self.cut, &self.unavailable, &self.wrong]
                .map(|count| count.load(Ordering::Relaxed));
        write!(
            f,
            "{answered} answered, {refused} not connected, {cut} cut off, {unavailable} unavailable, \
             {wrong} with a wrong status"
        )
    }
}

/// Clients that send requests until they are stopped.
pub(crate) struct Load {
    pub(crate) counts: Arc<Counts>,
    end: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts some clients, each of which pauses up to so long before the next request.
    pub(crate) fn start(
        address: &str,
        questions: &Questions,
        clients: u32,
        longest_pause: Duration,
    ) -> Self {
        let (counts, end) = (Arc::<Counts>::default(), Arc::<AtomicBool>::default());
        let clients = (0..clients).map(|_| {
            let client = Client {
                address: address.to_owned(),
                questions: questions.clone(),
                counts: Arc::clone(&counts),
                end: Arc::clone(&end),
                longest_pause,
            };
            thread::spawn(move || client.run())
        });
        let clients = clients.collect();
        Self { counts, end, clients }
    }

    /// Stops the clients after their current request.
    pub(crate) fn stop(self) -> Arc<Counts> {
        self.end.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("no panic");
        }
        self.counts
    }
}

struct Client {
    address: String,
    questions: Questions,
    counts: Arc<Counts>,
    end: Arc<AtomicBool>,
    longest_pause: Duration,
}

impl Client {
    fn run(&self) {
        let mut connection: Option<TcpStream> = None;
        let mut number = 0_u32;
        while !self.end.load(Ordering::Relaxed) {
            // A close during the pause is noticed before a request is sent.
            let Some(mut stream) = connection.take().filter(is_open).or_else(|| self.connect())
            else {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            number += 1;
            let asked = Instant::now();
            let post = number.is_multiple_of(self.questions.every);
            let answer = ask(&mut stream, &self.questions, post);
            let counts = &self.counts;
            let took = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
            counts.slowest.fetch_max(took, Ordering::Relaxed);
            let count = match &answer {
                Some(Judged { verdict: Verdict::Right, .. }) => &counts.answered,
                Some(Judged { verdict: Verdict::Unavailable, .. }) => &counts.unavailable,
                Some(Judged { verdict: Verdict::Wrong, .. }) => &counts.wrong,
                None => &counts.cut,
            };
            count.fetch_add(1, Ordering::Relaxed);
            connection =
                answer.filter(|answer| self.questions.keeps && !answer.close).map(|_| stream);
            if !self.longest_pause.is_zero() {
                thread::sleep(rand::random_range(Duration::ZERO..=self.longest_pause));
            }
        }
    }

    fn connect(&self) -> Option<TcpStream> {
        connect(&self.address)
    }
}

fn connect(address: &str) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// How long a new client waits for its response.
pub(crate) fn next_response(address: &str) -> Duration {
    let start = Instant::now();
    while connect(address)
        .and_then(|mut stream| ask(&mut stream, &Questions::STRANGERS, false))
        .is_none()
    {
        assert!(start.elapsed() < PATIENCE, "{address} does not answer");
    }
    start.elapsed()
}

fn is_open(stream: &TcpStream) -> bool {
    let mut byte = [0];
    stream.set_nonblocking(true).expect("a socket");
    let peeked = stream.peek(&mut byte);
    stream.set_nonblocking(false).expect("a socket");
    matches!(peeked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Right,
    Unavailable,
    Wrong,
}

struct Judged {
    verdict: Verdict,
    close: bool,
}

fn ask(stream: &mut TcpStream, questions: &Questions, post: bool) -> Option<Judged> {
    let (request, status) = if post {
        let (form, status) = &questions.post;
        let head = format!("POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n");
        (format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()), *status)
    } else {
        let (head, status) = &questions.get;
        (format!("GET /users/me HTTP/1.1\r\n{head}\r\n"), *status)
    };
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        text.extend_from_slice(&buffer[..length]);
        let Some(end) = text.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if text.len() >= end + 4 + length.unwrap_or(0) {
            let verdict = if head.starts_with(status) {
                Verdict::Right
            } else if head.starts_with("http/1.1 503 ") && head.contains("\r\nretry-after: ") {
                Verdict::Unavailable
            } else {
                Verdict::Wrong
            };
            return Some(Judged { verdict, close: head.contains("connection: close") });
        }
    }
}
