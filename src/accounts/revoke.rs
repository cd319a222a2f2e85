//! Ending a single token before it expires.

use crate::accounts::Accounts;
use crate::domain::{AuditAction, AuditEntry, RepositoryError, Sender, Timestamp};
use crate::tokens::Claims;
use std::time::Duration;

/// For servers whose clocks are behind.
const MARGIN: i64 = 60;

/// Pause between two looks for what has expired.
const PAUSE: Duration = Duration::from_mins(5);

impl Accounts {
    /// Ends a token, on every server within a second.
    pub(crate) async fn revoke(
        &self,
        claims: &Claims,
        sender: &Sender,
    ) -> Result<(), RepositoryError> {
        let Some(revocations) = &self.revocations else { return Ok(()) };
        let until = Timestamp(claims.ends_at.seconds().saturating_add(MARGIN));
        if revocations.revoke(claims.token, until).await? {
            let entry = AuditEntry::of(AuditAction::TokenRevoke)
                .by_request(sender)
                .whom(claims.subject.as_str())
                .detail("token_id", claims.token.to_string());
            self.audit.tell(entry);
        }
        Ok(())
    }

    /// Forgets ended tokens that would have expired by now, as long as it is polled.
    pub(crate) async fn forget_expired(&self) {
        let Some(revocations) = &self.revocations else { return };
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Err(cause) = revocations.clean_up().await {
                log::debug!("tokens that have expired are still kept as ended: {cause}");
            }
        }
    }
}
