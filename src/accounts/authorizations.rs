//! What users grant clients: codes, and consents that are remembered.

use crate::accounts::Audit;
use crate::domain::{
    AuditAction, AuditEntry, AuditReason, AuthorizationCodes, Client, ClientId, Consent, Consents,
    FamilyClient, FamilyId, KeyHash, NewCode, RepositoryError, Scopes, Secret, Sender, User,
    UserId, is_of_device,
};
use crate::tokens::{CodeKey, Granted, TokenError, code_hash, new_code};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// How long a client has for redeeming a code.
const CODE_LIFE: Duration = Duration::from_mins(1);

/// Codes and consents; cheap to clone.
#[derive(Clone)]
pub struct Authorizations {
    codes: Arc<dyn AuthorizationCodes>,
    consents: Arc<dyn Consents>,
    key: Arc<CodeKey>,
    audit: Audit,
}

/// A code that was presented, and that this server has made.
#[derive(Clone, Debug)]
pub(crate) struct FoundCode {
    hash: KeyHash,
    /// Of the tokens that it is redeemed for.
    pub(crate) family: FamilyId,
    /// What it stands for.
    pub(crate) granted: Granted,
    /// How many seconds ago it was redeemed, if it was.
    pub(crate) used_before: Option<i64>,
}

/// Why there is no code.
#[derive(Debug, Error)]
pub enum CodeError {
    /// The database does not respond.
    #[error("{0}")]
    Unavailable(#[from] RepositoryError),
    /// It cannot be sealed.
    #[error("{0}")]
    Sealing(#[from] TokenError),
}

impl Authorizations {
    /// Takes the repositories, what seals codes, and who tells the audit log.
    #[must_use]
    pub fn new(
        (codes, consents): (Arc<dyn AuthorizationCodes>, Arc<dyn Consents>),
        key: CodeKey,
        audit: Audit,
    ) -> Self {
        Self { codes, consents, key: Arc::new(key), audit }
    }

    /// A code for what was granted.
    pub(crate) async fn grant(
        &self,
        granted: &Granted,
        sender: &Sender,
    ) -> Result<Secret, CodeError> {
        let (code, hash) = new_code();
        let family = FamilyId(rand::random());
        let sealed = self.key.seal(&hash, granted)?;
        self.codes.keep(NewCode { hash, family, sealed, lifetime: CODE_LIFE }).await?;
        let entry = AuditEntry::of(AuditAction::Authorize)
            .by_request(sender)
            .who(&granted.username)
            .whom(granted.client.as_str())
            .detail("scopes", granted.scope.clone())
            .detail("family_id", family.to_string());
        self.audit.tell(entry);
        Ok(code)
    }

    /// The code, if it can be redeemed now, or was.
    pub(crate) async fn find(&self, code: &Secret) -> Result<Option<FoundCode>, RepositoryError> {
        let hash = code_hash(code.expose());
        let Some(stored) = self.codes.find(hash).await? else { return Ok(None) };
        let granted = self.key.open(&hash, &stored.sealed);
        Ok(granted.map(|granted| FoundCode {
            hash,
            family: stored.family,
            granted,
            used_before: stored.used_before,
        }))
    }

    /// Uses a code; whether this was the first time.
    pub(crate) async fn redeem(&self, found: &FoundCode) -> Result<bool, RepositoryError> {
        self.codes.redeem(found.hash).await
    }

    /// Whether the user has allowed the client all of these scopes.
    pub(crate) async fn has_consent(
        &self,
        user: UserId,
        client: &Client,
        scopes: &Scopes,
    ) -> Result<bool, RepositoryError> {
        let given = self.consents.given(user, &known(client)).await?;
        Ok(scopes.iter().all(|scope| given.contains(scope)))
    }

    /// Whether the user, who was asked before the code was made, still allows the client what it stands for.
    pub(crate) async fn is_allowed(
        &self,
        granted: &Granted,
        client: &Client,
    ) -> Result<bool, RepositoryError> {
        if client.metadata.skip_consent && !is_of_device(&granted.redirect_uri) {
            return Ok(true);
        }
        let scopes = granted.scope.parse().unwrap_or_default();
        self.has_consent(granted.user, client, &scopes).await
    }

    /// Remembers that the user allows the client these scopes.
    pub(crate) async fn consent(
        &self,
        user: &User,
        client: &Client,
        scopes: &Scopes,
        sender: &Sender,
    ) -> Result<(), RepositoryError> {
        self.consents.give(user.id, &known(client), scopes).await?;
        let entry = AuditEntry::of(AuditAction::Consent)
            .by_request(sender)
            .who(user.username.as_str())
            .whom(client.id.as_str())
            .detail("scopes", scopes.to_string());
        self.audit.tell(entry);
        Ok(())
    }

    /// What the user has allowed all clients.
    pub(crate) async fn consents(&self, user: UserId) -> Result<Vec<Consent>, RepositoryError> {
        self.consents.list(user).await
    }

    /// Takes back what the user has allowed a client, and ends the tokens that the client has; returns
    /// whether there was anything.
    pub(crate) async fn withdraw(
        &self,
        user: &User,
        client: &ClientId,
        sender: &Sender,
    ) -> Result<bool, RepositoryError> {
        let withdrawn = self.consents.withdraw(user.id, client).await?;
        if withdrawn {
            let entry = AuditEntry::of(AuditAction::ConsentWithdraw)
                .by_request(sender)
                .who(user.username.as_str())
                .whom(client.as_str());
            self.audit.tell(entry);
        }
        Ok(withdrawn)
    }

    /// Tells of a user who does not allow it.
    pub(crate) fn audit_denied(&self, user: &User, client: &Client, sender: &Sender) {
        let entry = AuditEntry::of(AuditAction::Consent)
            .by_request(sender)
            .who(user.username.as_str())
            .whom(client.id.as_str());
        self.audit.tell(entry.because(Some(AuditReason::Denied)));
    }

    /// Tells of a code that was refused.
    pub(crate) fn audit_refused(
        &self,
        client: &Client,
        found: Option<&FoundCode>,
        reason: AuditReason,
        sender: &Sender,
    ) {
        let mut entry = AuditEntry::of(AuditAction::CodeRedeem)
            .by_request(sender)
            .who(client.id.as_str())
            .because(Some(reason));
        if let Some(found) = found {
            entry = entry.whom(&found.granted.username);
            entry = entry.detail("family_id", found.family.to_string());
        }
        self.audit.tell(entry);
    }
}

/// The client, as what is stored knows it.
pub(super) fn known(client: &Client) -> FamilyClient {
    FamilyClient { id: client.id.clone(), epoch: client.epoch }
}
