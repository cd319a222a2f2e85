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

/// `migrate` brings one database to these migrations, as a program that knows them does at its start.
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
    // During a rolling upgrade, and after one that was undone.
    assert_eq!(newest(migrate(ours).await), Ok(Some(first)));
    assert_eq!(newest(migrate(&newer).await), Ok(None));

    assert_eq!(newest(migrate(&later).await), Ok(None));
    for older in [ours, &newer] {
        assert_eq!(newest(migrate(older).await), Err(second));
    }
    assert_eq!(newest(migrate(&later).await), Ok(None));
}
