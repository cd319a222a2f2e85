//! A process that is about to end keeps no idle connection, as others start beside it.

use sqlx::{Database, Pool};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Pause between two checks. Connections in constant use stay: a new one per request would cost
/// more than it gives back.
const PAUSE: Duration = Duration::from_millis(250);

/// Longest wait for closing a connection, whose server may be gone.
const GOODBYE: Duration = Duration::from_secs(1);

/// Closes idle connections, again and again, until the process ends.
pub(super) async fn give_back<D: Database>(pool: Pool<D>) {
    loop {
        while let Some(connection) = pool.try_acquire() {
            // Dropped half-way, it is closed, too.
            let _ = timeout(GOODBYE, connection.close()).await;
        }
        sleep(PAUSE).await;
    }
}
