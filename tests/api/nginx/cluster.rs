//! `bailiwick-cluster.conf`: where a request goes when a replica fails. Restarts under load are in
//! tests/process.

use super::{Nginx, free_address};
use crate::harness::{App, DEADLINE, FORM, read_until};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The shipped site in front of these replicas.
pub(super) fn before(replicas: &[String; 3]) -> Nginx {
    at(&free_address(), replicas)
}

/// The same at an address.
pub(super) fn at(address: &str, replicas: &[String; 3]) -> Nginx {
    Nginx::start(address.to_owned(), "bailiwick-cluster.conf", "", |text| {
        let text = text.replace("listen 80;", &format!("listen {address};"));
        (8001..).zip(replicas).fold(text, |text, (port, replica)| {
            text.replace(&format!("server 127.0.0.1:{port} "), &format!("server {replica} "))
        })
    })
}

/// A replica that reads requests, counts them, and responds or hangs up.
fn replica(answers: bool, requests: &Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let requests = Arc::clone(requests);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
            read_until(&mut stream, "\r\n\r\n");
            requests.fetch_add(1, Ordering::SeqCst);
            if answers {
                answer(&mut stream);
            }
        }
    });
    address
}

fn answer(stream: &mut TcpStream) {
    let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    stream.write_all(answer).expect("sent");
}

#[test]
fn a_post_that_may_have_been_carried_out_is_not_repeated() {
    for (method, path, status, sent) in
        [("GET", "/users", 200, 2), ("POST", "/users", 502, 1), ("POST", "/token", 502, 1)]
    {
        let requests = Arc::default();
        let replicas = [false, true, true].map(|answers| replica(answers, &requests));
        // nginx tries the first one first.
        let answer = before(&replicas).send(method, path, &[], "");
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(requests.load(Ordering::SeqCst), sent, "{method} {path}");
    }
}

#[test]
fn a_request_that_could_not_be_sent_goes_to_the_next_replica() {
    let app = App::demo().spawn();
    let nginx = before(&[free_address(), free_address(), app.address.clone()]);
    for _ in 0..10 {
        let form = "username=johndoe&password=1234&scope=me";
        let login = nginx.send("POST", "/token", &[("content-type", FORM)], form);
        assert_eq!(login.status, 200, "{}", login.body);
        assert_eq!(nginx.send("GET", "/users/me", &[], "").status, 401);
    }
}

#[test]
fn without_any_replica_the_response_is_json() {
    let nginx = before(&[free_address(), free_address(), free_address()]);
    for _ in 0..5 {
        let answer = nginx.send("GET", "/users/me", &[], "");
        assert_eq!((answer.status, answer.header("retry-after")), (502, Some("1")));
        assert_eq!(answer.json()["detail"], "Bad Gateway");
    }
}
