//! A process that is about to go keeps no connection that nobody uses: others start beside it.

use sqlx::{Database, Pool};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Between two looks. What is used all the time stays: a new connection for each request would cost
/// more than it gives.
const PAUSE: Duration = Duration::from_millis(250);

/// For a goodbye that may reach nobody.
const GOODBYE: Duration = Duration::from_secs(1);

/// Closes what is idle, again and again, until the process ends.
pub(super) async fn give_back<D: Database>(pool: Pool<D>) {
    loop {
        while let Some(connection) = pool.try_acquire() {
            // Dropped in the middle it is closed, too.
            let _ = timeout(GOODBYE, connection.close()).await;
        }
        sleep(PAUSE).await;
    }
}
