//! A token that was ended at one replica is refused by all of them, and nothing else changes; on both
//! databases.

use crate::harness::{App, FORM, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, config};
use std::path::Path;

fn me(replica: &App, token: &str) -> u16 {
    replica.get_as("/users/me", token).status
}

fn misses(replica: &App) -> u64 {
    let text = replica.get("/metrics").body;
    let mut values = text.lines().filter_map(|line| {
        line.strip_prefix("bailiwick_user_cache_misses_total ")?.trim().parse().ok()
    });
    values.next().unwrap_or_else(|| panic!("no misses in {text}"))
}

fn a_token_ends_on_every_replica(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    let on = "[server]\npublic_url = \"http://localhost:8000\"\n[admin]\npublic = true\n";
    let mut replicas: Vec<_> =
        (0..3).map(|_| App::bare().config(&config(url)).config(on).spawn()).collect();
    let token = |replica: &App| replica.login("jane", PASSWORD, "me");
    let stays = token(&replicas[0]);
    let mut ended = Vec::new();
    let mut emptied = 0;
    for round in 0..6 {
        let next = token(&replicas[round % 3]);
        for replica in &replicas {
            assert_eq!((me(replica, &next), me(replica, &stays)), (200, 200));
        }
        let before: Vec<_> = replicas.iter().map(misses).collect();
        let form = format!("token={next}");
        let at = &replicas[(round + 1) % 3];
        let answer = at.send("POST", "/oauth/revoke", &[("content-type", FORM)], &form);
        assert_eq!((answer.status, me(at, &next)), (200, 401));
        ended.push(next);
        for replica in &replicas {
            eventually("the end", || (me(replica, &ended[round]) == 401).then_some(()));
            assert_eq!(me(replica, &stays), 200);
        }
        let after: Vec<_> = replicas.iter().map(misses).collect();
        emptied += u32::from(before != after);
    }
    // On a busy machine the trust in the memory may end for a moment.
    assert!(emptied < 6, "users are read again whenever a token has ended");
    // Whoever starts later knows, too.
    replicas.push(App::bare().config(&config(url)).config(on).spawn());
    for replica in &replicas {
        assert!(ended.iter().all(|token| me(replica, token) == 401));
        assert_eq!(me(replica, &stays), 200);
    }
}

#[test]
fn a_token_ends_on_every_replica_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    a_token_ends_on_every_replica(folder.path(), &url);
}

#[test]
fn a_token_ends_on_every_replica_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    a_token_ends_on_every_replica(folder.path(), &shared().url(&shared().database()));
}
