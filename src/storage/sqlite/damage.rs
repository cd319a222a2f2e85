//! Whether a SQLite file is intact.

use crate::domain::program;
use crate::storage::StorageError;
use crate::storage::sqlite::look::{Inspected, has_log, read};
use crate::storage::sqlite::{code, explain};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a start checks for damage: enough for some ten thousand users.
const LOOK: Duration = Duration::from_millis(20);

/// SQLite's instructions between two looks at the clock.
const STEPS: i32 = 1_000;

/// Looks at the clock before which a check never ends: on a busy machine, little would be read in its
/// time.
const LEAST: u32 = 64;

/// What to do about a damaged file, appended to what is wrong with it.
pub(super) fn way_out() -> String {
    format!(
        "restore a backup with `{} db restore FILE`; where there is none, the `.recover` of SQLite's own \
         shell saves what can be read",
        program()
    )
}

/// Refuses a file whose structure is damaged, for example by a log that was applied to the wrong
/// file. A large one is not read to its end.
pub(in crate::storage) async fn refuse_damaged(path: &Path) -> Result<(), StorageError> {
    if !path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0) {
        return Ok(());
    }
    let has_log = has_log(path);
    let mut found = look(path, has_log).await;
    if !has_log && !matches!(&found, Ok(faults) if faults.is_empty()) {
        // Without locks, it may have been read while being written.
        found = look(path, true).await;
    }
    match found {
        Ok(faults) if faults.is_empty() => Ok(()),
        Ok(faults) => Err(damaged(path, &faults)),
        Err(error) if matches!(code(&error), Some(11 | 26)) => Err(explain(path, &error.into())),
        // Any other fault is reported when it is opened.
        Err(_) => Ok(()),
    }
}

fn damaged(path: &Path, faults: &[String]) -> StorageError {
    StorageError::file(path, format_args!("is damaged ({}); {}", faults.join("; "), way_out()))
}

/// Changes nothing: a log that belongs to another file can still be removed.
async fn look(path: &Path, locked: bool) -> Result<Vec<String>, sqlx::Error> {
    let Inspected { mut connection, is_foreign } = read(path, locked).await?;
    if is_foreign {
        connection.close().await?;
        return Ok(Vec::new());
    }
    let end = Instant::now() + LOOK;
    let mut handle = connection.lock_handle().await?;
    let mut looks = 0;
    handle.set_progress_handler(STEPS, move || {
        looks += 1;
        looks < LEAST || Instant::now() < end
    });
    drop(handle);
    let found = faults(&mut connection, "PRAGMA quick_check").await;
    connection.lock_handle().await?.remove_progress_handler();
    connection.close().await?;
    match found {
        // SQLITE_INTERRUPT
        Err(error) if code(&error) == Some(9) => {
            log::info!(
                target: "bailiwick.error",
                "database {}: a part was looked at for damage, the whole is too large for a start; \
                 `{} db check` reads all of it",
                path.display(),
                program(),
            );
            Ok(Vec::new())
        }
        found => found,
    }
}

/// The findings of one of SQLite's checks, in a few lines.
pub(super) async fn faults(
    connection: &mut SqliteConnection,
    check: &'static str,
) -> Result<Vec<String>, sqlx::Error> {
    let mut faults: Vec<String> = match sqlx::query_scalar(check).fetch_all(connection).await {
        Ok(faults) => faults,
        // Too damaged to say where.
        Err(error) if code(&error) == Some(11) => return Ok(vec!["it is malformed".to_owned()]),
        Err(error) => return Err(error),
    };
    faults.retain(|line| line != "ok");
    // There can be a hundred; the first ones are enough, each on one line.
    faults.truncate(3);
    let words = |fault: &String| fault.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(faults.iter().map(words).collect())
}
