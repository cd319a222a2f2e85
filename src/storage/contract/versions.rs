//! Two versions of the program on one database: what a schema allows, and what it refuses.

use crate::storage::migrations::{SetUpError, Texts};

fn newest(done: Result<Option<i64>, SetUpError>) -> Result<Option<i64>, i64> {
    done.map_err(|error| match error {
        SetUpError::Newer(migration) => migration,
        SetUpError::Sql(error) => panic!("{error}"),
        SetUpError::Altered(number) => panic!("migration {number} is altered"),
        SetUpError::Foreign | SetUpError::Absent => panic!("the tables are not found"),
    })
}

/// `migrate` brings one database to these migrations, as a program with these does at its start.
pub(in crate::storage) async fn older_programs_use_what_they_can(
    ours: &Texts,
    migrate: impl AsyncFn(&Texts) -> Result<Option<i64>, SetUpError>,
) {
    let [first, second] = [1, 2].map(|more| i64::try_from(ours.len()).unwrap() + more);
    let compatible = ("phones", "ALTER TABLE users ADD COLUMN phone TEXT");
    let incompatible = (
        "no names",
        "ALTER TABLE users DROP COLUMN full_name; UPDATE schema_needs SET migration = ",
    );
    let incompatible = (incompatible.0, format!("{}{second}", incompatible.1).leak() as &str);
    let newer = [ours, &[compatible]].concat();
    let later = [&newer[..], &[incompatible]].concat();

    assert_eq!(newest(migrate(ours).await), Ok(None));
    assert_eq!(newest(migrate(&newer).await), Ok(None));
    // During a rolling upgrade, and after one that was rolled back.
    assert_eq!(newest(migrate(ours).await), Ok(Some(first)));
    assert_eq!(newest(migrate(&newer).await), Ok(None));

    assert_eq!(newest(migrate(&later).await), Ok(None));
    for older in [ours, &newer] {
        assert_eq!(newest(migrate(older).await), Err(second));
    }
    assert_eq!(newest(migrate(&later).await), Ok(None));
}

/// A thousand users with scopes, in the SQL of both databases.
const USERS: &str = "
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
    INSERT INTO users (username, email, disabled, password_hash, created_at, updated_at)
    SELECT 'user' || n, n || '@example.com', n % 3 = 0, 'hash ' || n, n, 2 * n FROM numbers;
    INSERT INTO user_scopes SELECT username, 0, 'me' FROM users;
    INSERT INTO user_scopes SELECT username, 1, 'items' FROM users WHERE NOT disabled";

/// Duplicate ids.
const TWICE: &str = "UPDATE users SET id = 7 WHERE username IN ('user1', 'user10', 'user2')";

/// Everything about users that every version has.
const ALL: &str =
    "SELECT string_agg(username || ' ' || email || ' ' || CAST(disabled AS TEXT) || ' '
         || password_hash || ' ' || created_at || ' ' || updated_at || ' '
         || (SELECT string_agg(scope, ' ' ORDER BY position) FROM user_scopes
             WHERE user_scopes.username = users.username), ';' ORDER BY username)
     FROM users";

/// Their ids, except for the duplicates.
const IDS: &str = "SELECT string_agg(CAST(id AS TEXT), ' ' ORDER BY username) FROM users
     WHERE username NOT IN ('user10', 'user2')";

const STRANGE_IDS: &str = "SELECT CAST(count(*) - count(DISTINCT id)
         + count(CASE WHEN id NOT BETWEEN 1 AND 9007199254740991 THEN 1 END) AS TEXT)
     FROM users";

/// The migrations that gave users ids, and made them unique.
const IDS_CAME: usize = 2;
const IDS_BECAME_UNIQUE: usize = 8;

/// Databases of every earlier version, with some duplicate ids. `open` creates an empty one,
/// `migrate` is the start of a program with these migrations, `ask` runs SQL.
pub(in crate::storage) async fn users_of_every_version_stay<D>(
    ours: &Texts,
    open: impl AsyncFn() -> D,
    migrate: impl AsyncFn(&D, &Texts) -> Result<Option<i64>, SetUpError>,
    ask: impl AsyncFn(&D, &'static str) -> Option<String>,
) {
    for known in 1..ours.len() {
        let database = open().await;
        assert_eq!(newest(migrate(&database, &ours[..known]).await), Ok(None));
        ask(&database, USERS).await;
        if (IDS_CAME..IDS_BECAME_UNIQUE).contains(&known) {
            ask(&database, TWICE).await;
        }
        let before = ask(&database, ALL).await.expect("users");
        let ids = if known >= IDS_CAME { ask(&database, IDS).await } else { None };
        assert_eq!(newest(migrate(&database, ours).await), Ok(None));
        assert_eq!(ask(&database, ALL).await.expect("users"), before, "after {known}");
        assert_eq!(ask(&database, STRANGE_IDS).await.as_deref(), Some("0"), "after {known}");
        if ids.is_some() {
            assert_eq!(ask(&database, IDS).await, ids, "after {known}");
        }
        ask(&database, "DELETE FROM users WHERE username = 'user1'").await;
        let former = "SELECT string_agg(name, ' ') FROM former_names";
        assert_eq!(ask(&database, former).await.as_deref(), Some("user1"));
    }
}

/// As when a process is killed in the middle. `open`, `migrate` and `ask` are those of
/// [`users_of_every_version_stay`].
pub(in crate::storage) async fn a_migration_that_breaks_off_has_not_begun<D>(
    ours: &Texts,
    open: impl AsyncFn() -> D,
    migrate: impl AsyncFn(&D, &Texts) -> Result<Option<i64>, SetUpError>,
    ask: impl AsyncFn(&D, &'static str) -> Option<String>,
) {
    let broken = "DELETE FROM users; DROP TABLE folded_names; SELECT absent FROM users";
    let broken = [ours, &[("broken", broken)]].concat();
    for known in 1..=ours.len() {
        let database = open().await;
        assert_eq!(newest(migrate(&database, &ours[..known]).await), Ok(None));
        ask(&database, USERS).await;
        let before = ask(&database, ALL).await.expect("users");
        let failed = migrate(&database, &broken).await;
        assert!(matches!(failed, Err(SetUpError::Sql(_))), "after {known}");
        assert_eq!(ask(&database, ALL).await.expect("users"), before, "after {known}");
        let version = "SELECT CAST(max(version) AS TEXT) FROM _sqlx_migrations";
        assert_eq!(ask(&database, version).await, Some(known.to_string()));
        assert_eq!(newest(migrate(&database, ours).await), Ok(None));
        assert_eq!(ask(&database, ALL).await.expect("users"), before, "after {known}");
    }
}
