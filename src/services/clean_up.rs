//! Deletes what nobody needs to know any more: ended tokens that would have expired, and logins that
//! ended a week ago, and sessions that are over.

use crate::domain::{
    AuthorizationCodes, FamilyRules, LogoutNotices, RefreshFamilies, RepositoryError, Revocations,
    Sessions, SigningKeys,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Pause between two rounds.
const PAUSE: Duration = Duration::from_mins(5);

/// Seconds for which the server that began a round is the only one: a little less than the pause, so
/// that it may begin the next one as well.
const LEASE: i64 = 5 * 60 - 10;

/// What the lease is on.
const WORK: &str = "clean-up";

/// The work, which one server does for all on the database.
pub struct CleanUp {
    pub(super) revocations: Arc<dyn Revocations>,
    pub(super) families: Arc<dyn RefreshFamilies>,
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) leases: Arc<dyn SigningKeys>,
    pub(super) rules: FamilyRules,
    pub(super) codes: Arc<dyn AuthorizationCodes>,
    /// How long codes are kept once they have ended: as long as their tokens live.
    pub(super) codes_kept: Duration,
    pub(super) logout_notices: Arc<dyn LogoutNotices>,
}

impl CleanUp {
    /// Does it again and again, as long as it is polled.
    pub async fn run(&self) {
        loop {
            if let Err(cause) = self.round().await {
                log::debug!("what has ended stays in the database for now: {cause}");
            }
            sleep(PAUSE).await;
        }
    }

    async fn round(&self) -> Result<(), RepositoryError> {
        // Every process has its own memory.
        self.revocations.forget_expired().await?;
        if self.leases.lease(WORK, LEASE).await? {
            self.revocations.clean_up().await?;
            self.families.clean_up(self.rules).await?;
            self.sessions.clean_up().await?;
            self.codes.clean_up(self.codes_kept).await?;
            self.logout_notices.clean_up().await?;
        }
        Ok(())
    }
}
