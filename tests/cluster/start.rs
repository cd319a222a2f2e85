//! Many replicas that start together.

use crate::harness::App;
use crate::postgres::shared;
use crate::{PASSWORD, add, config};
use std::thread;

/// On an empty database: one of them migrates it, the others wait.
#[test]
fn ten_replicas_start_at_once_on_an_empty_database() {
    let folder = tempfile::tempdir().unwrap();
    let url = shared().url(&shared().database());
    let start = || App::bare().config(&config(&url)).config("[server]\nworkers = 1\n").spawn();
    let replicas: Vec<App> = thread::scope(|scope| {
        let starting: Vec<_> = (0..10).map(|_| scope.spawn(start)).collect();
        starting.into_iter().map(|replica| replica.join().expect("it starts")).collect()
    });
    add(folder.path(), &url, "jane", &["me"]);
    let token = replicas[0].login("jane", PASSWORD, "me");
    for replica in &replicas {
        let me = replica.get_as("/users/me", &token);
        assert_eq!((me.status, me.json()["username"].as_str()), (200, Some("jane")));
    }
}
