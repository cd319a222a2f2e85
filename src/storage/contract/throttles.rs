//! Tries that are counted exactly, whoever makes how many at once.

use crate::domain::{
    Bucket, Case, Full, KnownPlace, Limit, RepositoryError, Reservation, Reserved, Throttles as _,
    Try, User, UserRepository,
};
use crate::storage::contract::{T1, new};
use crate::storage::database::{Connection, Database, Sql};
use crate::storage::throttles::{DatabaseThrottles, LOOK};
use crate::storage::users::Users;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
const BURST: usize = 10;

/// Runs all rules, each on a database of its own that `open` gives with what keeps it alive.
pub(in crate::storage) async fn tries_are_counted<G>(open: impl AsyncFn() -> (Arc<Database>, G)) {
    let (database, _guard) = open().await;
    let throttles = DatabaseThrottles::new(Arc::clone(&database), Arc::default());
    of_many_at_once_the_burst_has_room(&throttles).await;
    one_full_bucket_leaves_the_others_alone(&throttles).await;
    tries_in_many_buckets_do_not_block_each_other(&throttles).await;
    tries_of_other_processes_are_told(&throttles).await;
    an_account_is_emptied_and_what_is_empty_forgotten(&throttles).await;

    let users = Users::of(Arc::clone(&database));
    let jane = users.create(new("Jane", "me"), None, T1).await.unwrap();
    let john = users.create(new("john", "me"), None, T1).await.unwrap();
    places_are_known_for_a_while(&throttles, [&jane, &john]).await;
    few_places_are_kept_and_none_of_a_deleted_user((&users, &database), &throttles, &john).await;
    a_clock_that_was_set_back_locks_nobody_out(&throttles).await;
    a_look_scans_no_table(&database).await;
    let again = DatabaseThrottles::new(database, Arc::default());
    a_restart_changes_nothing((&throttles, &again)).await;
}

fn bucket(key: impl Into<String>) -> Bucket {
    let burst = u32::try_from(BURST).unwrap();
    Bucket { key: key.into(), limit: Limit { burst, every: MINUTE } }
}

fn attempt(keys: &[&str]) -> Try {
    let mut buckets: Vec<_> = keys.iter().map(|key| bucket(*key)).collect();
    buckets.sort_by(|one, other| one.key.cmp(&other.key));
    let cases = vec![Case { place: None, buckets }];
    Try { username: None, folded: None, cases, known_for: 30 * DAY }
}

async fn full(throttles: &DatabaseThrottles, attempt: &Try) -> Option<Full> {
    match throttles.reserve(attempt).await.unwrap().unwrap() {
        Reserved::Taken(_) => None,
        Reserved::Full(full) => Some(full),
    }
}

/// How many of so many tries at once have room.
async fn taken(throttles: &DatabaseThrottles, attempt: &Try, tries: usize) -> usize {
    let tries = join_all((0..tries).map(|_| full(throttles, attempt))).await;
    tries.iter().filter(|full| full.is_none()).count()
}

async fn of_many_at_once_the_burst_has_room(throttles: &DatabaseThrottles) {
    let jane = attempt(&["burst"]);
    assert_eq!(taken(throttles, &jane, 160).await, BURST);
    let Full { key, retry_after, others_took } = full(throttles, &jane).await.unwrap();
    assert_eq!((key.as_str(), others_took), ("burst", None));
    assert!(retry_after <= MINUTE && retry_after > MINUTE / 2, "{retry_after:?}");
    assert_eq!(taken(&throttles.later(MINUTE), &jane, 9).await, 1);
    throttles.give_back(&[bucket("burst"), bucket("burst without a row")], None).await.unwrap();
    assert_eq!(taken(&throttles.later(MINUTE), &jane, 9).await, 1);
    assert_eq!(taken(&throttles.later(DAY), &jane, 160).await, BURST, "never more");
    assert_eq!(taken(throttles, &attempt(&["burst without a row"]), 160).await, BURST);
}

async fn one_full_bucket_leaves_the_others_alone(throttles: &DatabaseThrottles) {
    assert_eq!(taken(throttles, &attempt(&["one", "other"]), BURST - 1).await, BURST - 1);
    assert_eq!(taken(throttles, &attempt(&["one"]), 9).await, 1);
    let full = full(throttles, &attempt(&["other", "one"])).await.unwrap();
    assert_eq!(full.key, "one");
    assert_eq!(taken(throttles, &attempt(&["other"]), 9).await, 1);
}

async fn tries_in_many_buckets_do_not_block_each_other(throttles: &DatabaseThrottles) {
    let names = ["deadlock a", "deadlock b", "deadlock c", "deadlock d"];
    let tries: Vec<_> = (0..96)
        .map(|at: usize| attempt(&[names[at % 4], names[(at + 1 + at / 4 % 3) % 4]]))
        .collect();
    let results = join_all(tries.iter().map(|attempt| full(throttles, attempt))).await;
    let taken = results.iter().filter(|full| full.is_none()).count();
    assert!((BURST..=2 * BURST).contains(&taken), "{taken}");
    let mut room = 0;
    for name in names {
        room += self::taken(throttles, &attempt(&[name]), 2 * BURST).await;
    }
    assert_eq!(2 * taken + room, names.len() * BURST, "each counts in both of its buckets");
}

async fn tries_of_other_processes_are_told(throttles: &DatabaseThrottles) {
    let (others, jane) = (throttles.of_another_process(), attempt(&["others"]));
    assert_eq!(taken(throttles, &jane, BURST - 2).await, BURST - 2);
    assert_eq!(taken(&others, &jane, 1).await, 1);
    assert_eq!(taken(throttles, &jane, 1).await, 1);
    for throttles in [throttles, &others] {
        let full = full(throttles, &jane).await.unwrap();
        assert!(full.others_took.unwrap() < MINUTE, "{full:?}");
        let later = throttles.later(MINUTE / 2);
        let full = self::full(&later, &jane).await.unwrap();
        assert!(full.others_took.unwrap() >= MINUTE / 2, "{full:?}");
    }
}

async fn an_account_is_emptied_and_what_is_empty_forgotten(throttles: &DatabaseThrottles) {
    let jane = attempt(&["janes key:*", "janes key:192.0.2.0/24", "192.0.2.0/24", "janes keys:*"]);
    assert_eq!(taken(throttles, &jane, 2 * BURST).await, BURST);
    throttles.empty("janes key").await.unwrap();
    assert_eq!(taken(throttles, &attempt(&["janes key:*"]), 2 * BURST).await, BURST);
    assert_eq!(taken(throttles, &attempt(&["janes keys:*"]), 1).await, 0);
    throttles.clean_up(DAY).await.unwrap();
    assert_eq!(taken(throttles, &attempt(&["janes keys:*"]), 1).await, 0, "it is not empty");
    throttles.later(DAY).clean_up(DAY).await.unwrap();
    assert_eq!(taken(throttles, &attempt(&["janes keys:*"]), 2 * BURST).await, BURST);
}

/// From a place that may be known to Jane.
fn from(place: &str, username: &str, folded: Option<&str>) -> Try {
    let case = |place: Option<&str>, key: &str| Case {
        place: place.map(str::to_owned),
        buckets: vec![bucket(key)],
    };
    Try {
        username: Some(username.parse().unwrap()),
        folded: folded.map(str::to_owned),
        cases: vec![case(Some(place), "known"), case(None, "unknown")],
        known_for: 30 * DAY,
    }
}

/// Where it counts, and which places are fresh.
async fn reserved(throttles: &DatabaseThrottles, attempt: &Try) -> (String, Vec<String>) {
    let reserved = throttles.reserve(attempt).await.unwrap().unwrap();
    let Reserved::Taken(Reservation { buckets, fresh_places }) = reserved else {
        panic!("{reserved:?}")
    };
    throttles.give_back(&buckets, None).await.unwrap();
    (buckets[0].key.clone(), fresh_places)
}

async fn places_are_known_for_a_while(throttles: &DatabaseThrottles, [jane, john]: [&User; 2]) {
    let home = from("home", "Jane", None);
    assert_eq!(reserved(throttles, &home).await.0, "unknown");
    for (user, place) in [(jane, "home"), (john, "home"), (jane, "home"), (jane, "work")] {
        let login = KnownPlace { user: user.id, place: place.to_owned() };
        throttles.give_back(&[], Some(login)).await.unwrap();
    }
    for (attempt, expected) in [
        (from("home", "Jane", None), "known"),
        (from("work", "Jane", None), "known"),
        (from("away", "Jane", None), "unknown"),
        (from("work", "john", None), "unknown"),
        (from("work", "jane", None), "unknown"),
        (from("work", "jAnE", Some("jane")), "known"),
        (from("home", "JOHN", Some("john")), "known"),
        (from("home", "nobody", Some("nobody")), "unknown"),
    ] {
        assert_eq!(reserved(throttles, &attempt).await.0, expected, "{attempt:?}");
    }
    let after = |days| throttles.later(days * DAY);
    let none: Vec<String> = Vec::new();
    let (known, unknown) = ("known".to_owned(), "unknown".to_owned());
    let fresh = (known.clone(), vec!["home".to_owned()]);
    assert_eq!(reserved(throttles, &home).await, fresh);
    assert_eq!(reserved(&after(2), &home).await, (known.clone(), none.clone()));
    assert_eq!(reserved(&after(31), &home).await, (unknown.clone(), none.clone()));
    let home = Try { known_for: 40 * DAY, ..home };
    after(31).clean_up(32 * DAY).await.unwrap();
    assert_eq!(reserved(&after(31), &home).await, (known, none.clone()));
    after(31).clean_up(30 * DAY).await.unwrap();
    assert_eq!(reserved(&after(31), &home).await, (unknown, none));
}

async fn few_places_are_kept_and_none_of_a_deleted_user(
    (users, database): (&Users, &Database),
    throttles: &DatabaseThrottles,
    john: &User,
) {
    let login = || KnownPlace { user: john.id, place: "home".to_owned() };
    throttles.give_back(&[], Some(login())).await.unwrap();
    let id = john.id.0;
    let places = async || {
        let places = database.read(move |mut database| {
            Box::pin(async move {
                let places = "SELECT place FROM known WHERE user_id = $1";
                database.query(places).bind(id).scalars::<String>().await
            })
        });
        places.await.unwrap()
    };
    assert_eq!(places().await, ["home"]);
    // The latest hundred.
    for at in 0..120 {
        let login = KnownPlace { user: john.id, place: format!("place {at}") };
        throttles.later(Duration::from_secs(at)).give_back(&[], Some(login)).await.unwrap();
    }
    let kept = places().await;
    assert!(kept.len() == 100 && !kept.iter().any(|place| place == "place 19"), "{kept:?}");
    users.delete(&john.username, None, None).await.unwrap();
    assert!(places().await.is_empty());
    // A login that ends after its user: the room is given back.
    let jane = attempt(&["late"]);
    assert_eq!(taken(throttles, &jane, BURST).await, BURST);
    throttles.give_back(&[bucket("late")], Some(login())).await.unwrap();
    assert_eq!(taken(throttles, &jane, BURST).await, 1);
    assert!(places().await.is_empty());
}

async fn a_clock_that_was_set_back_locks_nobody_out(throttles: &DatabaseThrottles) {
    let jane = attempt(&["set back"]);
    assert_eq!(taken(&throttles.later(DAY), &jane, BURST).await, BURST);
    assert_eq!(taken(throttles, &jane, 1).await, 0);
    throttles.clean_up(DAY).await.unwrap();
    assert_eq!(taken(throttles, &jane, 2 * BURST).await, BURST);
}

/// A million users, and as many names that nobody has, must not make a try slow.
async fn a_look_scans_no_table(database: &Database) {
    let plan = database.write(None, |mut database| {
        Box::pin(async move {
            // Else it scans small tables. What has no index to use is scanned nevertheless.
            database.on_postgres("SET LOCAL enable_seqscan = off", &[]).await?;
            let explain =
                |how: &str, text: &str| -> &'static str { format!("{how} {text}").leak() };
            let is_sqlite = matches!(database, Connection::Sqlite(_));
            let look = Sql {
                sqlite: explain("EXPLAIN QUERY PLAN", LOOK.sqlite),
                #[cfg(feature = "postgres")]
                postgres: explain("EXPLAIN", LOOK.postgres),
            };
            let query = database.query(look).bind("[]").bind("jane").bind("jane");
            let query = query.bind(0_i64).bind(0_i64).bind("[]");
            if is_sqlite {
                let rows: Vec<(i64, i64, i64, String)> = query.all().await?;
                return Ok(rows.into_iter().map(|row| row.3).collect::<Vec<_>>());
            }
            query.scalars().await
        })
    });
    let plan: Vec<String> = plan.await.map_err(|error: RepositoryError| error.to_string()).unwrap();
    for table in ["users", "known", "throttles", "folded_names"] {
        let scans = [format!("Seq Scan on {table}"), format!("SCAN {table}")];
        assert!(!plan.iter().any(|step| scans.iter().any(|scan| step.contains(scan))), "{plan:#?}");
        assert!(plan.iter().any(|step| step.contains(table)), "{plan:#?}");
    }
}

async fn a_restart_changes_nothing((one, again): (&DatabaseThrottles, &DatabaseThrottles)) {
    let jane = attempt(&["restart"]);
    assert_eq!(taken(one, &jane, BURST - 1).await, BURST - 1);
    assert_eq!(taken(again, &jane, 9).await, 1);
}
