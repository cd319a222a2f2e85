//! The real binary while its database is away.

use crate::harness::{App, eventually};
use crate::postgres::Server;
use crate::{PASSWORD, add, config};
use std::time::Instant;

#[test]
fn known_users_are_served_for_a_while_then_503_and_it_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start();
    let url = server.url(&server.database());
    add(folder.path(), &url, "jane", &["me"]);
    let settings = "acquire_timeout = 2\n[cache]\nstale_max = 2";
    let config = config(&url).replace("acquire_timeout = 6", settings);
    let app = App::bare().config(&config).spawn();
    let token = app.login("jane", PASSWORD, "me");
    let ask = || {
        let answer = app.get_as("/users/me", &token);
        match answer.status {
            200 => assert_eq!(answer.json()["username"], "jane"),
            503 => assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.body),
            other => panic!("{other}: {}", answer.body),
        }
        answer.status
    };
    assert_eq!(ask(), 200);

    server.stop();
    let away = Instant::now();
    assert_eq!(ask(), 200);
    eventually("a refusal", || (ask() == 503).then_some(()));
    println!("PostgreSQL is stopped: 503 after {:?}", away.elapsed());

    server.start_again();
    let back = Instant::now();
    eventually("an answer", || (ask() == 200).then_some(()));
    println!("PostgreSQL is back: 200 after {:?}", back.elapsed());
}
