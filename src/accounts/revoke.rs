//! Ending a single token before it expires.

use crate::accounts::Accounts;
use crate::domain::{AuditAction, AuditEntry, RepositoryError, Sender, Timestamp};
use crate::tokens::Claims;

/// Seconds for servers whose clocks are behind.
pub const MARGIN: i64 = 60;

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
}
