//! What the audit log is told of clients and tokens of their own.

use crate::accounts::Clients;
use crate::domain::{AuditAction, AuditEntry, AuditReason, Client, ClientGrant, Scopes, Sender};

impl Clients {
    /// Tells of a token that was issued to a client.
    pub(crate) fn audit_token(
        &self,
        client: &Client,
        (id, scopes, expires_in): (&str, &Scopes, u64),
        sender: &Sender,
    ) {
        let entry = AuditEntry::of(AuditAction::TokenIssue)
            .by_request(sender)
            .who(client.id.as_str())
            .detail("token_id", id)
            .detail("scopes", scopes.to_string())
            .detail("expires_in", expires_in.to_string())
            .detail("grant", ClientGrant::ClientCredentials.as_str());
        self.audit_log().tell(entry);
    }

    /// Tells of a client that did not prove who it is.
    pub(crate) fn audit_refused(&self, tried: &str, reason: AuditReason, sender: &Sender) {
        let entry = AuditEntry::of(AuditAction::ClientAuthenticate).by_request(sender).who(tried);
        self.audit_log().tell(entry.because(Some(reason)));
    }
}
