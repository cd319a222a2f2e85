//! A server that the server under test asks: one closure decides every response.

use crate::harness::read_until;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// In lower case, with their values.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    /// The first header with this name, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn read(stream: &mut TcpStream) -> Self {
        let head = read_until(stream, "\r\n\r\n");
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers =
            headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let mut asked = Self { method, target, headers, body: String::new() };
        let length =
            asked.header("content-length").map_or(0, |text| text.parse().expect("a number"));
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("the body");
        asked.body = String::from_utf8(body).expect("UTF-8");
        asked
    }
}

/// Status, more of the head (lines that end with CRLF), body.
type Answer = (u16, String, String);

/// A server for a test; it runs until the tests end.
pub(crate) struct Site {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Site {
    /// Responds by this function, in a thread for each connection.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (asked, answer) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(answer));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let mut stream = stream.expect("a connection");
                thread::spawn(move || {
                    let asked = Asked::read(&mut stream);
                    seen.lock().expect("unpoisoned").push(asked.clone());
                    let (status, head, body) = answer(&asked);
                    let length = body.len();
                    let head =
                        format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n");
                    // Whoever asked may be gone.
                    drop(
                        stream.write_all(format!("HTTP/1.1 {status} X\r\n{head}{body}").as_bytes()),
                    );
                });
            }
        });
        Self { url, asked }
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("unpoisoned").clone()
    }
}
