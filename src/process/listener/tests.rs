//! Listeners bind, replace and refuse as they should.

use super::*;
use crate::http::ServeError;
use crate::settings::Bind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

const FILE: UnixFile = UnixFile { mode: 0o660, user: None, group: None };

fn text(listener: &Listener) -> String {
    listener.to_string()
}

fn refused(path: &Path) -> String {
    cause(&unix(path, 16, FILE).err().expect("it must not be bound"))
}

#[test]
fn port_0_is_replaced_by_a_free_one() {
    let bound = tcp(("127.0.0.1", 0), 16, &[]).unwrap();
    let [(Listener::Tcp(address), _)] = &bound[..] else { panic!("one address") };
    assert_ne!(address.port(), 0);
    assert_eq!(text(&bound[0].0), format!("http://127.0.0.1:{}", address.port()));
}

#[test]
fn an_ipv6_wildcard_takes_ipv4_too_unless_that_is_bound_beside_it() {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    for (address, beside, expected) in [
        ("[::]:80", &["[::]:80"][..], false),
        ("[::]:80", &["[::]:80", "0.0.0.0:80"], true),
        ("[::]:80", &["0.0.0.0:80", "[::]:80"], true),
        ("[::]:80", &["127.0.0.1:80", "[::]:80"], true),
        ("[::]:80", &["0.0.0.0:81", "[::]:80"], false),
        ("[::]:0", &["0.0.0.0:0", "[::]:0"], false),
        ("[::1]:80", &["[::1]:80"], true),
    ] {
        let beside: Vec<_> = beside.iter().map(|text| at(text)).collect();
        assert_eq!(only_v6(at(address), &beside), expected, "{address} {beside:?}");
    }
}

#[test]
fn all_addresses_of_a_name_share_a_port() {
    let bound = tcp(("localhost", 0), 16, &[]).unwrap();
    let ports: Vec<_> = bound
        .iter()
        .map(|(listener, _)| match listener {
            Listener::Tcp(address) => address.port(),
            Listener::Unix(_) => 0,
        })
        .collect();
    assert!(!ports.is_empty());
    assert!(ports.iter().all(|port| *port == ports[0] && *port != 0), "{ports:?}");
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let cause = cause(&tcp(("127.0.0.1", port), 16, &[]).err().unwrap());
    let bind = Bind::Tcp { host: "127.0.0.1".into(), port };
    let error = ServeError::Bind { key: "server.bind", bind, cause };
    let expected = format!(
        "127.0.0.1:{port}: address already in use (server.bind); `bailiwick ctl status` \
         tells whether bailiwick is using it"
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_address_of_another_machine_is_named() {
    let error = tcp(("192.0.2.1", 0), 16, &[]).err().unwrap();
    assert_eq!(cause(&error), "not an address of this machine");
}

#[test]
fn a_unix_socket_is_for_owner_and_group_and_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let bound = unix(&path, 16, FILE).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(text(&bound.0), format!("unix:{}", path.display()));
    UnixStream::connect(&path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    drop(bound);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let other = UnixListener::bind(&path).unwrap();
    assert_eq!(refused(&path), "address already in use");
    drop(other);
    let bound = unix(&path, 16, FILE).unwrap();
    UnixStream::connect(&path).unwrap();
    assert_eq!(refused(&path), "address already in use");
    drop(bound);
}

#[test]
fn other_files_are_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    fs::write(&path, "precious").unwrap();
    assert_eq!(refused(&path), "exists and is not a socket");
    assert_eq!(refused(folder.path()), "exists and is not a socket");
    assert_eq!(refused(&folder.path().join("no/b.sock")), "no such folder");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_successors_socket_outlives_us() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let bound = unix(&path, 16, FILE).unwrap();
    fs::remove_file(&path).unwrap();
    let successor = UnixListener::bind(&path).unwrap();
    drop(bound);
    UnixStream::connect(&path).unwrap();
    drop(successor);
}

#[test]
fn the_backlog_bounds_who_waits_to_be_accepted() {
    use std::net::TcpStream;
    let connected = |backlog| {
        let bound = tcp(("127.0.0.1", 0), backlog, &[]).unwrap();
        let [(Listener::Tcp(address), _)] = &bound[..] else { panic!("one address") };
        let connect =
            |_| TcpStream::connect_timeout(address, std::time::Duration::from_millis(200));
        // Kept, so that all wait at the same time.
        (0..6).map(connect).filter_map(Result::ok).collect::<Vec<_>>().len()
    };
    // Linux queues one more than `listen(2)` asks for.
    assert_eq!((connected(1), connected(16)), (2, 6));
}
