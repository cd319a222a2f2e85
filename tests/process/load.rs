//! A small load generator that counts what fails: keep-alive connections, busy or with pauses,
//! every fifth request a POST.

use crate::harness::FORM;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) answered: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) wrong: AtomicU64,
}

impl Counts {
    pub(crate) fn failed(&self) -> u64 {
        [&self.refused, &self.cut, &self.wrong]
            .map(|count| count.load(Ordering::Relaxed))
            .iter()
            .sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [answered, refused, cut, wrong] =
            [&self.answered, &self.refused, &self.cut, &self.wrong]
                .map(|count| count.load(Ordering::Relaxed));
        write!(
            f,
            "{answered} answered, {refused} not connected, {cut} cut off, {wrong} with a wrong status"
        )
    }
}

/// Clients that ask until they are stopped.
pub(crate) struct Load {
    pub(crate) counts: Arc<Counts>,
    end: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts so many clients, each of which thinks up to so long before the next request.
    pub(crate) fn start(address: &str, clients: u32, longest_pause: Duration) -> Self {
        let (counts, end) = (Arc::<Counts>::default(), Arc::<AtomicBool>::default());
        let clients = (0..clients).map(|_| {
            let client = Client {
                address: address.to_owned(),
                counts: Arc::clone(&counts),
                end: Arc::clone(&end),
                longest_pause,
            };
            thread::spawn(move || client.run())
        });
        let clients = clients.collect();
        Self { counts, end, clients }
    }

    /// Ends the clients after what they are at.
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
    counts: Arc<Counts>,
    end: Arc<AtomicBool>,
    longest_pause: Duration,
}

impl Client {
    fn run(&self) {
        let mut connection: Option<TcpStream> = None;
        let mut number = 0_u32;
        while !self.end.load(Ordering::Relaxed) {
            // A close that came during the pause is seen before a request is sent.
            let Some(mut stream) = connection.take().filter(is_open).or_else(|| self.connect())
            else {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            number += 1;
            match ask(&mut stream, number.is_multiple_of(5)) {
                Some(answer) if answer.expected => {
                    self.counts.answered.fetch_add(1, Ordering::Relaxed);
                    connection = (!answer.close).then_some(stream);
                }
                Some(_) => _ = self.counts.wrong.fetch_add(1, Ordering::Relaxed),
                None => _ = self.counts.cut.fetch_add(1, Ordering::Relaxed),
            }
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

/// How long a new client waits for its answer.
pub(crate) fn next_answer(address: &str) -> Duration {
    let start = Instant::now();
    while connect(address).and_then(|mut stream| ask(&mut stream, false)).is_none() {
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

struct Answer {
    expected: bool,
    close: bool,
}

/// Asks for the caller without credentials, or logs in with a form that lacks the password.
fn ask(stream: &mut TcpStream, post: bool) -> Option<Answer> {
    let (request, status) = if post {
        let form = "username=johndoe";
        let head = format!("POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n");
        (format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()), "HTTP/1.1 422 ")
    } else {
        ("GET /users/me HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "HTTP/1.1 401 ")
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
            let expected = head.starts_with(&status.to_ascii_lowercase());
            return Some(Answer { expected, close: head.contains("connection: close") });
        }
    }
}
