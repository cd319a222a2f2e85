//! Requests to real servers on this machine.

use super::*;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

fn outgoing(settle: impl FnOnce(&mut OutgoingSettings)) -> Outgoing {
    let allow = vec!["127.0.0.1".to_owned()];
    let mut settings = OutgoingSettings { allow, ..OutgoingSettings::default() };
    settle(&mut settings);
    Outgoing::new(&settings).unwrap()
}

/// A server that sends this to whoever comes, after the head of the request, which it tells of; or that is
/// silent.
fn server(response: Option<Vec<u8>>) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let (mut request, mut part) = (String::new(), [0; 4096]);
            while !request.contains("\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(length @ 1..) => request.push_str(&String::from_utf8_lossy(&part[..length])),
                    _ => break,
                }
            }
            drop(tell.send(request));
            if let Some(response) = &response {
                drop(stream.write_all(response));
                drop(stream.shutdown(Shutdown::Write));
            }
            open.push(stream);
        }
    });
    (url, told)
}

fn server_of(response: Vec<u8>) -> (String, std::sync::mpsc::Receiver<String>) {
    server(Some(response))
}

fn ok(head: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn a_request_is_sent_as_it_is_and_its_response_returned() {
    let (url, told) = server_of(ok("Cache-Control: public, max-age=7\r\n", "{}"));
    let form = [("logout_token", "a b&c"), ("x", "é")];
    let request = Request::post(format!("{url}/x?y=1"), form).authorized(Secret::new("Basic abc"));
    assert!(!format!("{request:?}").contains("logout_token"));
    let response = outgoing(|_| {}).send(request).await.unwrap();
    assert_eq!((response.status, &*response.body), (200, &b"{}"[..]));
    assert_eq!(response.max_age, Some(Duration::from_secs(7)));
    let sent = told.recv().unwrap();
    assert!(sent.starts_with("POST /x?y=1 HTTP/1.1\r\n"), "{sent}");
    for line in
        ["authorization: Basic abc\r\n", "accept: application/json\r\n", "user-agent: bailiwick/"]
    {
        assert!(sent.to_lowercase().contains(&line.to_lowercase()), "{line} {sent}");
    }
}

#[tokio::test]
async fn redirects_are_returned_and_not_followed() {
    let (other, told) = server_of(ok("", "secret"));
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {other}/\r\nContent-Length: 0\r\n\r\n");
    let (url, _told) = server(Some(redirect.into_bytes()));
    let response = outgoing(|_| {}).send(Request::get(url)).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn what_is_private_or_plain_is_not_connected_to() {
    let (url, told) = server_of(ok("", "{}"));
    let port = url.rsplit_once(':').unwrap().1;
    let strict = outgoing(|settings| settings.allow.clear());
    for host in ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]", "127.1"] {
        let result = strict.send(Request::get(format!("http://{host}:{port}/"))).await;
        assert_eq!(result.map(|it| it.status), Err(OutgoingError::Private), "{host}");
    }
    assert!(told.try_recv().is_err(), "nobody came");
    for url in [
        "ftp://127.0.0.1/",
        "http://me@127.0.0.1/",
        "http://127.0.0.1/#x",
        "/x",
        "",
        "http://",
        "http:///x",
    ] {
        let result = outgoing(|_| {}).send(Request::get(url)).await;
        assert_eq!(result.map(|it| it.status), Err(OutgoingError::BadUrl), "{url}");
    }
}

#[tokio::test]
async fn a_response_is_bounded_in_size_and_time() {
    let big = "x".repeat(usize::try_from(LARGEST).unwrap() + 1);
    let endless = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{big}").into_bytes();
    let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(LARGEST_HEAD)).into_bytes();
    for response in [ok("", &big), endless, head] {
        let (url, _told) = server(Some(response));
        let result = outgoing(|_| {}).send(Request::get(url)).await;
        assert_eq!(result.map(|it| it.status), Err(OutgoingError::TooLarge));
    }
    let quick = outgoing(|settings| settings.timeout = 1.try_into().unwrap());
    let (url, _told) = server(None);
    let result = quick.send(Request::get(url)).await;
    assert_eq!(result.map(|it| it.status), Err(OutgoingError::Timeout));
    for response in ["nonsense\r\n\r\n", ""] {
        let (url, _told) = server(Some(response.as_bytes().to_vec()));
        outgoing(|_| {}).send(Request::get(url)).await.unwrap_err();
    }
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let result = outgoing(|_| {}).send(Request::get(format!("http://{away}/"))).await;
    assert!(matches!(result, Err(OutgoingError::Connection(_))), "{result:?}");
}

/// Names are the proxy's; addresses, and http, are refused as without it.
#[tokio::test]
async fn a_proxy_is_used_if_the_settings_name_one() {
    let (url, told) = server(Some(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n".to_vec()));
    let proxied = outgoing(|settings| {
        settings.proxy = Some(Secret::new(url.replace("//", "//me:swordfish@")));
        settings.allow = vec!["localhost".to_owned()];
    });
    let result = proxied.send(Request::get("https://idp.example.com/")).await;
    assert!(matches!(result, Err(OutgoingError::Connection(_))), "{result:?}");
    let asked = told.recv().unwrap();
    assert!(asked.starts_with("CONNECT idp.example.com:443 HTTP/1.1\r\n"), "{asked}");
    for (url, error) in [
        ("http://idp.example.com/", OutgoingError::Plain),
        ("https://10.0.0.1/", OutgoingError::Private),
        ("https://0x7f.1/", OutgoingError::Private),
        ("https://[::1]/", OutgoingError::Private),
    ] {
        assert_eq!(proxied.send(Request::get(url)).await.map(|it| it.status), Err(error), "{url}");
    }
    assert!(told.try_recv().is_err());
}

fn openssl(folder: &TempDir, args: &str) {
    let output = Command::new("openssl").args(args.split(' ')).current_dir(folder.path()).output();
    let output = output.expect("openssl is missing: run `make tools`");
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
}

struct Tls(Child);

impl Drop for Tls {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn certificates_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1";
    for name in ["ca", "other"] {
        openssl(
            &folder,
            &format!("req -x509 {new} -subj /CN={name} -keyout {name}.key -out {name}.pem"),
        );
    }
    let of = |name: &str| folder.path().join(name);
    fs::write(of("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(
        &folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout x.key -out x.csr",
    );
    openssl(
        &folder,
        "x509 -req -days 1 -in x.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out x.pem",
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl");
    server.args([
        "s_server",
        "-accept",
        &format!("127.0.0.1:{port}"),
        "-www",
        "-cert",
        "x.pem",
        "-key",
        "x.key",
    ]);
    let server = server
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _server = Tls(server.spawn().unwrap());
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        thread::yield_now();
    }
    let by = |file: &str| {
        let file = of(file);
        outgoing(|settings| {
            settings.ca_file = Some(file.into());
            settings.allow.push("localhost".to_owned());
        })
    };
    let ask = |outgoing: Outgoing, host: &str| {
        let url = format!("https://{host}:{port}/");
        async move { outgoing.send(Request::get(url)).await }
    };
    assert_eq!(ask(by("ca.pem"), "127.0.0.1").await.unwrap().status, 200);
    for (authority, host) in [("other.pem", "127.0.0.1"), ("ca.pem", "localhost")] {
        let result = ask(by(authority), host).await;
        assert!(matches!(result, Err(OutgoingError::Tls(_))), "{result:?}");
    }
    let mut settings = OutgoingSettings::default();
    for file in ["x.key", "names", "absent"] {
        settings.ca_file = Some(of(file).into());
        let problem = Outgoing::new(&settings).unwrap_err();
        assert!(problem.starts_with("outgoing.ca_file: "), "{problem}");
    }
}
