//! Detects a pooler that gives each transaction or statement another session.
//!
//! Listening for changes, the lock of migrations and the limits of a statement belong to a session:
//! under such a pooler they would be lost, or stay with the next user of the session.

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

/// What to do about it.
pub(super) const ADVICE: &str = "is behind a pooler that does not keep sessions: set pool_mode = \
    session for this database (PgBouncer), or name the server itself in database.url; changes are \
    listened for, which only a session can";

/// Checks that must all agree. One is enough unless others use the pooler's connections, too.
const LOOKS: usize = 3;

/// Whether two connections share a session, or one has several.
///
/// Nothing is changed or prepared meanwhile: it would stay in another client's session.
pub(super) async fn shares_sessions(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    let own = session(first).await?;
    for _ in 0..LOOKS {
        if session(second).await? == own {
            return Ok(true);
        }
        // Now the second needs a session of its own; the first still has its own.
        sqlx::raw_sql("BEGIN").execute(&mut *second).await?;
        if session(second).await? == own || session(first).await? != own {
            return Ok(true);
        }
        sqlx::raw_sql("ROLLBACK").execute(&mut *second).await?;
    }
    Ok(false)
}

async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}
