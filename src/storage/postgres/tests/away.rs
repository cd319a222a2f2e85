//! The server goes away under reads, and comes back.

use super::server::{Server, shared};
use super::{name, new, settings};
use crate::domain::{RepositoryError, Timestamp, UserChange, UserRepository};
use crate::settings::{CacheSettings, DatabaseSettings};
use crate::storage::contract::cache_settings;
use crate::storage::{Missing, open_in};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

/// Nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

async fn replica(url: &str, stale_max: u32) -> Arc<dyn UserRepository> {
    let database = DatabaseSettings { acquire_timeout: 1.try_into().unwrap(), ..settings(url) };
    let cache = CacheSettings { stale_max, ..cache_settings(100) };
    open_in(Path::new("/absent"), &database, &cache, Missing::Create).await.unwrap()
}

/// Whether the user is found; no other answer and no other error is allowed.
async fn is_found(users: &dyn UserRepository, username: &str) -> bool {
    match tokio::time::timeout(PATIENCE, users.find(&name(username))).await.expect("no hang") {
        Ok(found) => {
            assert_eq!(found.expect("the user exists").scopes.to_string(), "me");
            true
        }
        Err(RepositoryError::Unavailable(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) -> Duration {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// Reads both until they are in memory and the watcher has confirmed them.
async fn warm(users: &dyn UserRepository) {
    users.create(new("cached", "me"), None, Timestamp(1)).await.unwrap();
    users.create(new("other", "me"), None, Timestamp(1)).await.unwrap();
    // The notifications of the two have come when a user stays in memory this often.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1) {
        assert!(is_found(users, "cached").await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn users_in_memory_outlive_a_restart_of_the_server() {
    let mut server = Server::start();
    let url = server.url(&server.database());
    let users = replica(&url, 3).await;
    let strict = replica(&url, 0).await;
    warm(&*users).await;
    assert!(is_found(&*strict, "cached").await);

    server.stop();
    let away = Instant::now();
    assert!(!is_found(&*users, "other").await, "not in memory: nobody knows");
    assert!(is_found(&*users, "cached").await);
    // A write that surely was not done takes nobody's entry.
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    let error = users.update(&name("other"), change, None, None, Timestamp(2)).await.unwrap_err();
    assert!(matches!(error, RepositoryError::Unavailable(_)), "{error}");
    assert!(is_found(&*users, "cached").await || away.elapsed() >= Duration::from_secs(3));
    until("stale_max = 0 to end", async || !is_found(&*strict, "cached").await).await;
    until("stale_max = 3 to end", async || !is_found(&*users, "cached").await).await;
    println!("the server is away: cached users are refused after {:?}", away.elapsed());

    server.start_again();
    let back = until("the server to be back", async || {
        is_found(&*users, "other").await && is_found(&*strict, "cached").await
    })
    .await;
    println!("the server is back: found again after {back:?}");
    // What is in memory counts again: reads no longer cost a query each.
    until("the cache to be trusted again", async || {
        let start = Instant::now();
        is_found(&*users, "cached").await && start.elapsed() < Duration::from_micros(50)
    })
    .await;
}

/// A network that can be cut: bytes are taken and passed on, or no more.
async fn wire(to: u16) -> (u16, tokio::sync::watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (cut, is_cut) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut is_cut = is_cut.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let mut open = is_cut.clone();
                open.wait_for(|cut| !cut).await.ok();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = is_cut.wait_for(|cut| *cut) => {
                        // Silence, as from a network that drops everything; never closed.
                        std::mem::forget((near, far));
                    }
                }
            });
        }
    });
    (port, cut)
}

/// What is under way then has no answer to wait for: not for as long as a statement may take.
#[tokio::test]
async fn a_cut_network_ends_what_is_under_way() {
    let database = shared().database();
    let (port, cut) = wire(shared().port).await;
    let url = shared().url(&database).replace(&shared().port.to_string(), &port.to_string());
    let database_settings = DatabaseSettings {
        acquire_timeout: 1.try_into().unwrap(),
        statement_timeout: 3600.try_into().unwrap(),
        ..settings(&url)
    };
    let absent = Path::new("/absent");
    let cache = cache_settings(100);
    let users = open_in(absent, &database_settings, &cache, Missing::Create).await.unwrap();
    let other = replica(&shared().url(&database), 0).await;
    other.create(new("alice", "me"), None, Timestamp(1)).await.unwrap();
    let mut holding = shared().psql(&database, "BEGIN; LOCK TABLE users");
    // After these statements it waits for others, in the transaction.
    holding.args(["-c", "SELECT 'held'", "-f", "-"]);
    let mut holding = holding.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(holding.stdout.as_mut().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "held"));
    let waits = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (reading, alice) = (Arc::clone(&users), name("alice"));
    let reading = tokio::spawn(async move { reading.find(&alice).await });
    until("the read to wait", async || shared().sql(&database, waits) == "1").await;
    assert!(!reading.is_finished(), "the server is there: it is waited for");

    cut.send(true).unwrap();
    let ended = tokio::time::timeout(PATIENCE, reading).await.expect("no hang").unwrap();
    assert!(matches!(ended, Err(RepositoryError::Unavailable(_))), "{ended:?}");

    cut.send(false).unwrap();
    // Its input ends, and so does the session.
    holding.wait().unwrap();
    until("the network to be back", async || is_found(&*users, "alice").await).await;
}

#[tokio::test]
async fn a_cut_network_hangs_nobody() {
    let database = shared().database();
    let (port, cut) = wire(shared().port).await;
    let url = shared().url(&database).replace(&shared().port.to_string(), &port.to_string());
    let users = replica(&url, 3).await;
    warm(&*users).await;

    cut.send(true).unwrap();
    let away = Instant::now();
    assert!(is_found(&*users, "cached").await);
    assert!(!is_found(&*users, "other").await);
    println!(
        "the network is cut: a user who is not in memory is refused after {:?}",
        away.elapsed()
    );
    until("stale_max to end", async || !is_found(&*users, "cached").await).await;
    println!("the network is cut: cached users are refused after {:?}", away.elapsed());

    // Meanwhile another replica disables the user.
    shared().sql(&database, "UPDATE user_scopes SET scope = 'items' WHERE username = 'cached'");
    cut.send(false).unwrap();
    let back = until("the network to be back", async || {
        let found = users.find(&name("cached")).await;
        found.is_ok_and(|user| user.unwrap().scopes.to_string() == "items")
    })
    .await;
    println!("the network is back: found again after {back:?}");
}
