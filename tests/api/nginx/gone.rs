//! Clients of nginx that disconnect before the response: both logs say 499 for the same requests.

use super::tls::Tls;
use super::{Nginx, cluster, free_address};
use crate::gone::{LOGINS, abandoned, endless, give_up, metric};
use crate::harness::{App, Builder, eventually};
use serde_json::Value;
use socket2::SockRef;
use std::collections::BTreeSet;
use std::net::Shutdown;
use std::process::{Child, Stdio};
use std::time::Duration;

/// A server that never finishes a login, and whose lines begin with the request id.
fn busy() -> Builder {
    endless().config("[logging]\nformat = \"%(request_id)s %(message)s\"\n")
}

/// Compares the lines with 499 in both logs, once nginx has written its own.
fn told_alike(app: &App, nginx: &Nginx) {
    let here: BTreeSet<_> = app
        .stdout
        .text()
        .lines()
        .filter(|line| line.contains("\"POST /token HTTP/1.1\" 499"))
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(here.len(), LOGINS, "{here:?}");
    eventually("the same requests in nginx's log", || {
        let log = nginx.access_log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let there: BTreeSet<_> = lines
            .filter(|line| line["path"] == "/token" && line["status"] == 499)
            .map(|line| line["id"].as_str().expect("an id").to_owned())
            .collect();
        (there == here).then_some(())
    });
}

/// nginx closes its connection when the client closes its own (`proxy_ignore_client_abort` is off).
#[test]
fn both_logs_tell_of_a_close() {
    let app = busy().spawn();
    let nginx = Nginx::before(&app.address);
    give_up(&app, &nginx.address, |_closed| None);
    told_alike(&app, &nginx);
}

#[test]
fn both_logs_tell_of_a_half_close() {
    let app = busy().spawn();
    let nginx = Nginx::before(&app.address);
    give_up(&app, &nginx.address, |stream| {
        stream.shutdown(Shutdown::Write).expect("half closed");
        Some(stream)
    });
    told_alike(&app, &nginx);
}

#[test]
fn both_logs_tell_of_a_reset() {
    let app = busy().spawn();
    let nginx = Nginx::before(&app.address);
    give_up(&app, &nginx.address, |stream| {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
        None
    });
    told_alike(&app, &nginx);
}

#[test]
fn both_logs_tell_of_it_over_a_unix_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = format!("unix:{}", folder.path().join("b.sock").display());
    let app = busy().args(["-b", "127.0.0.1:0", "-b", &socket]).spawn();
    let nginx = Nginx::before(&socket);
    give_up(&app, &nginx.address, |_closed| None);
    told_alike(&app, &nginx);
}

/// None of the logins goes to the next replica.
#[test]
fn both_logs_tell_of_it_in_a_cluster() {
    let app = busy().spawn();
    let nginx = cluster::before(&[app.address.clone(), free_address(), free_address()]);
    give_up(&app, &nginx.address, |_closed| None);
    told_alike(&app, &nginx);
}

#[test]
fn both_logs_tell_of_http_2_clients() {
    let tls = Tls::before(busy().spawn());
    let start = |_| -> Child {
        let mut curl = tls.curl_command("/token");
        curl.args(["--http2", "-d", "username=nobody&password=x"]).stdout(Stdio::null());
        curl.spawn().expect("curl starts")
    };
    let clients: Vec<_> = (0..LOGINS).map(start).collect();
    eventually("all logins to be under way", || {
        // This request is one of them.
        let under_way = metric(&tls.app, "bailiwick_http_requests_in_flight");
        (under_way > LOGINS as u64).then_some(())
    });
    for mut client in clients {
        client.kill().expect("killed");
        client.wait().expect("gone");
    }
    abandoned(&tls.app.stdout, LOGINS);
    told_alike(&tls.app, &tls.nginx);
}
