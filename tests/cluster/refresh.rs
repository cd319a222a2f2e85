//! Refresh tokens over three replicas: tabs that share one, thieves, servers that are killed in the
//! middle; on both databases.

use crate::database::Database;
use crate::harness::{App, DEADLINE, FORM, eventually};
use crate::{PASSWORD, add, command, config, done};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// Kills in each test, or this many in the short form: `make soak` sets `SOAK=full`.
fn kills(short: u32) -> u32 {
    if std::env::var_os("SOAK").is_some_and(|value| value == "full") { 100 } else { short }
}

fn replica(database: &Database) -> App {
    let on = "[tokens]\npassword_refresh = true\n[logins]\nthrottle = false\n\
              [server]\npublic_url = \"http://localhost:8000\"\n";
    App::bare().config(&config(&database.url())).config(on).spawn()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn login(app: &App) -> Value {
    let form = format!("username=jane&password={PASSWORD}&scope=me");
    let answer = app.send("POST", "/token", &[("content-type", FORM)], &form);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// The status and the body; `None` once there is no response any more.
fn refresh(url: &str, token: &str) -> Option<(u16, Value)> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build();
    let request = ureq::http::Request::post(url)
        .header("content-type", FORM)
        .body(format!("grant_type=refresh_token&refresh_token={token}"))
        .expect("a request");
    let mut answer = ureq::Agent::new_with_config(config).run(request).ok()?;
    let body = answer.body_mut().read_to_string().ok()?;
    Some((answer.status().as_u16(), serde_json::from_str(&body).ok()?))
}

fn renewed(app: &App, token: &str) -> Value {
    let (status, body) = refresh(&app.url("/token"), token).expect("a response");
    assert_eq!(status, 200, "{body}");
    body
}

fn me(app: &App, response: &Value) -> u16 {
    app.get_as("/users/me", &text(&response["access_token"])).status
}

/// How many came before a token.
fn generation(token: &str) -> i64 {
    let bytes = token.strip_prefix("bwr_").expect("a refresh token");
    let bytes = URL_SAFE_NO_PAD.decode(bytes).expect("base64url");
    i64::from_be_bytes(bytes[17..25].try_into().expect("8 bytes"))
}

fn tabs_share_one_login_and_a_thief_ends_it(database: &Database) {
    add(database.folder(), &database.url(), "jane", &["me"]);
    let replicas: Vec<_> = (0..3).map(|_| replica(database)).collect();
    let first = login(&replicas[0]);
    let other = login(&replicas[1]);
    let mut token = text(&first["refresh_token"]);
    for round in 1..=8 {
        let responses: Vec<Value> = thread::scope(|scope| {
            let tab = |tab: usize| {
                let (replica, token) = (&replicas[tab % 3], &token);
                scope.spawn(move || renewed(replica, token))
            };
            let tabs: Vec<_> = (0..32).map(tab).collect();
            tabs.into_iter().map(|tab| tab.join().expect("a response")).collect()
        });
        let next: BTreeSet<_> = responses.iter().map(|it| text(&it["refresh_token"])).collect();
        assert_eq!(next.len(), 1, "{next:?}");
        token.clone_from(next.first().expect("one"));
        assert_eq!(generation(&token), round);
    }
    assert_eq!(database.ask("SELECT count(*) FROM refresh_families").trim(), "2");
    let last = renewed(&replicas[2], &token);
    for replica in &replicas {
        assert_eq!((me(replica, &first), me(replica, &last)), (200, 200));
    }
    let stolen = text(&first["refresh_token"]);
    let (status, body) = refresh(&replicas[0].url("/token"), &stolen).expect("a response");
    assert_eq!((status, &body["error"]), (400, &"invalid_grant".into()));
    for replica in &replicas {
        for response in [&first, &last] {
            eventually("the end", || (me(replica, response) == 401).then_some(()));
        }
        let next = text(&last["refresh_token"]);
        let (status, _) = refresh(&replica.url("/token"), &next).expect("a response");
        assert_eq!((status, me(replica, &other)), (400, 200));
    }
    // Whoever starts later knows, too.
    let late = replica(database);
    assert_eq!((me(&late, &last), me(&late, &other)), (401, 200));
    let form = format!("token={}", text(&other["refresh_token"]));
    let answer = late.send("POST", "/oauth/revoke", &[("content-type", FORM)], &form);
    assert_eq!((answer.status, me(&late, &other)), (200, 401));
    for replica in &replicas {
        eventually("the end", || (me(replica, &other) == 401).then_some(()));
    }
}

/// By whichever server starts first, for all.
fn what_has_ended_is_deleted(database: &Database) {
    add(database.folder(), &database.url(), "jane", &["me"]);
    let week = 7 * 24 * 60 * 60 + 60;
    {
        let app = replica(database);
        login(&app);
        let form = format!("token={}", text(&login(&app)["refresh_token"]));
        let answer = app.send("POST", "/oauth/revoke", &[("content-type", FORM)], &form);
        assert_eq!(answer.status, 200);
    }
    let counts = || {
        database.ask(
            "SELECT (SELECT count(*) FROM refresh_families) || '/' ||
                 (SELECT count(*) FROM revocations)",
        )
    };
    assert_eq!(counts().trim(), "2/1");
    let kept = replica(database);
    database.execute(&format!(
        "UPDATE refresh_families SET look_at = look_at - {week} WHERE revoked_at IS NOT NULL;
         UPDATE revocations SET until = 7"
    ));
    // The server that has begun a round is the only one for five minutes.
    database.execute("UPDATE leases SET until = 0");
    let replicas = [(); 3].map(|()| replica(database));
    eventually("the clean-up", || (counts().trim() == "1/0").then_some(()));
    assert_eq!(database.ask("SELECT count(*) FROM leases WHERE 'clean-up' = name").trim(), "1");
    drop((kept, replicas));
}

#[test]
fn what_has_ended_is_deleted_on_sqlite() {
    what_has_ended_is_deleted(&Database::sqlite());
}

#[test]
fn what_has_ended_is_deleted_on_postgresql() {
    what_has_ended_is_deleted(&Database::postgresql());
}

#[test]
fn tabs_share_one_login_and_a_thief_ends_it_on_sqlite() {
    tabs_share_one_login_and_a_thief_ends_it(&Database::sqlite());
}

#[test]
fn tabs_share_one_login_and_a_thief_ends_it_on_postgresql() {
    tabs_share_one_login_and_a_thief_ends_it(&Database::postgresql());
}

/// Goes on with one login until `is_over`, at whatever replica responds; returns its last token. Whoever
/// gets no response asks again with the same token: none that was acknowledged may be lost.
fn go_on(
    urls: &[std::sync::Mutex<String>],
    mut token: String,
    (is_over, rotations): (&AtomicBool, &AtomicUsize),
) -> String {
    while !is_over.load(SeqCst) {
        let url = urls[rand::random_range(0..urls.len())].lock().expect("no panic").clone();
        match refresh(&url, &token) {
            None | Some((503, _)) => {}
            Some((200, body)) => {
                let next = text(&body["refresh_token"]);
                assert_eq!(generation(&next), generation(&token) + 1);
                token = next;
                rotations.fetch_add(1, SeqCst);
            }
            Some((status, body)) => panic!("{status} {body}"),
        }
    }
    token
}

fn no_login_is_lost_when_servers_are_killed(database: &Database) {
    add(database.folder(), &database.url(), "jane", &["me"]);
    let mut replicas: Vec<_> = (0..3).map(|_| replica(database)).collect();
    let url = |app: &App| app.url("/token");
    let urls: Vec<_> = replicas.iter().map(|app| std::sync::Mutex::new(url(app))).collect();
    let tokens: Vec<_> =
        (0..6).map(|at| text(&login(&replicas[at % 3])["refresh_token"])).collect();
    let (is_over, rotations) = (AtomicBool::new(false), AtomicUsize::new(0));
    let kills = kills(12);
    let last: Vec<String> = thread::scope(|scope| {
        let (urls, over) = (&urls, (&is_over, &rotations));
        let logins: Vec<_> =
            tokens.into_iter().map(|token| scope.spawn(move || go_on(urls, token, over))).collect();
        for kill in 0..kills {
            let before = rotations.load(SeqCst);
            eventually("rotations", || (rotations.load(SeqCst) > before + 5).then_some(()));
            // At any moment of a rotation.
            thread::park_timeout(Duration::from_millis(rand::random_range(0..50)));
            let at = kill as usize % 3;
            replicas[at].signal("KILL");
            replicas[at].wait();
            replicas[at] = replica(database);
            *urls[at].lock().expect("no panic") = url(&replicas[at]);
        }
        is_over.store(true, SeqCst);
        logins.into_iter().map(|login| login.join().expect("its last token")).collect()
    });
    for token in &last {
        // The one that was acknowledged last, which is good everywhere; and no other has gone on.
        let next = text(&renewed(&replicas[0], token)["refresh_token"]);
        assert_eq!(generation(&next), generation(token) + 1);
        assert_eq!(text(&renewed(&replicas[1], token)["refresh_token"]), next);
    }
    let rows = "SELECT count(*) FROM refresh_families WHERE revoked_at IS NULL";
    assert_eq!(database.ask(rows).trim(), last.len().to_string());
    let ahead = last.iter().map(|token| generation(token) + 1).sum::<i64>();
    let stored = database.ask("SELECT sum(generation) FROM refresh_families");
    assert_eq!(stored.trim(), ahead.to_string(), "each went on from the last acknowledged one");
    println!("{kills} kills, {} rotations, none lost", rotations.load(SeqCst));
    drop(replicas);
    done(database.folder(), &database.url(), &["db", "check"], "");
}

#[test]
fn no_login_is_lost_when_servers_are_killed_on_sqlite() {
    no_login_is_lost_when_servers_are_killed(&Database::sqlite());
}

#[test]
fn no_login_is_lost_when_servers_are_killed_on_postgresql() {
    no_login_is_lost_when_servers_are_killed(&Database::postgresql());
}

/// Every column, and more rows than are moved at once; and they go on where they were copied to.
#[test]
fn logins_move_with_the_database() {
    let (from, to, back) = (Database::sqlite(), Database::postgresql(), Database::sqlite());
    add(from.folder(), &from.url(), "jane", &["me"]);
    let (token, ended) = {
        let app = replica(&from);
        let token = text(&renewed(&app, &text(&login(&app)["refresh_token"]))["refresh_token"]);
        (token, text(&login(&app)["refresh_token"]))
    };
    from.execute(
        "UPDATE refresh_families SET revoked_at = 7 WHERE generation = 0;
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500)
         INSERT INTO refresh_families
             SELECT printf('%032x', n), 'client' || n, n + 9, user_id, 7, 'a b:c', n, n + 1, n + 2, n + 3,
                 n + 4, n + 5, n + 6, n + 7, n + 8, 's' || n, n % 2, 'pwd otp', 'https://r/?' || n
             FROM refresh_families, numbers WHERE generation = 1",
    );
    done(from.folder(), &from.url(), &["db", "copy", "--from", &from.url(), "--to", &to.url()], "");
    done(from.folder(), &to.url(), &["db", "copy", "--from", &to.url(), "--to", &back.url()], "");
    let all = |join: &str, cast: &str| {
        let [client, epoch, end, sid, resource] =
            ["client_id", "client_epoch", "revoked_at", "sid", "resource"]
                .map(|it| format!("coalesce({it}{cast}, '-')"));
        format!(
            "SELECT {join}(line, ' ') FROM (SELECT id || {client} || {epoch} || user_id || epoch || scope || \
                 auth_time || generation || rotated_at || repeats || access_until || seen || \
                 expires || {end} || look_at || {sid} || amr || offline || {resource} AS line FROM refresh_families ORDER BY id) AS lines"
        )
    };
    let (sqlite, postgres) = (all("group_concat", ""), all("string_agg", "::text"));
    let before = from.ask(&sqlite);
    assert_eq!(before.split("a b:c").count(), 2_501);
    assert_eq!(to.ask(&postgres), before);
    assert_eq!(back.ask(&sqlite), before);
    for database in [&to, &back] {
        let app = replica(database);
        let next = renewed(&app, &token);
        assert_eq!((generation(&text(&next["refresh_token"])), me(&app, &next)), (2, 200));
        let (status, _) = refresh(&app.url("/token"), &ended).expect("a response");
        assert_eq!(status, 400);
    }
}

#[test]
fn a_restore_ends_logins_unless_they_are_kept() {
    let database = Database::sqlite();
    let (folder, url) = (database.folder(), database.url());
    add(folder, &url, "jane", &["me"]);
    let first = text(&login(&replica(&database))["refresh_token"]);
    done(folder, &url, &["db", "backup", "night.db"], "");
    let last = {
        let app = replica(&database);
        let second = text(&renewed(&app, &first)["refresh_token"]);
        text(&renewed(&app, &second)["refresh_token"])
    };
    // A server that was ended has the database for a moment more.
    let restore = |more: &[&str]| {
        eventually("the database", || {
            let args = [&["db", "restore", "night.db"], more].concat();
            command(folder, &url, &args, "").status.success().then_some(())
        });
    };
    restore(&[]);
    for token in [&first, &last] {
        let (status, _) = refresh(&replica(&database).url("/token"), token).expect("a response");
        assert_eq!(status, 400);
    }
    restore(&["--keep-sessions"]);
    let next = text(&renewed(&replica(&database), &last)["refresh_token"]);
    assert_eq!(generation(&next), generation(&last) + 1, "newer than the backup, and good");
}
