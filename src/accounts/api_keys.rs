//! API keys: made, listed, revoked, and taken as credentials.

use crate::accounts::days::Days;
use crate::accounts::{AccountError, Audit, Author};
use crate::domain::{
    ApiKey, ApiKeyRepository, AuditAction, AuditEntry, AuditReason, Clock, Day, KeyId, NewApiKey,
    RepositoryError, Scopes, Secret, Sender, Timestamp, User, UserRepository, Username,
};
use crate::tokens::{PresentedKey, new_api_key};
use std::sync::Arc;

/// What is stored of the keys' uses, for the log.
const USES: &str = "the last uses of API keys";

/// The API keys of the users in a repository.
#[derive(Clone)]
pub struct ApiKeys {
    keys: Arc<dyn ApiKeyRepository>,
    users: Arc<dyn UserRepository>,
    clock: Arc<dyn Clock>,
    audit: Audit,
    /// A process stores each key's use once a day.
    uses: Arc<Days<KeyId>>,
}

/// A key to be made.
#[derive(Debug)]
pub struct NewKey {
    /// Whose it will be.
    pub owner: Username,
    /// What to call it.
    pub name: String,
    /// Its scopes, which its owner must hold.
    pub scopes: Scopes,
    /// The scopes of the token that makes it, among which its own must be; `None` for a command.
    pub among: Option<Scopes>,
    /// The first second at which it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Whom a key that was presented belongs to.
pub struct KeyHolder {
    /// The owner, who is enabled.
    pub user: Arc<User>,
    /// The key.
    pub key: Arc<ApiKey>,
}

impl ApiKeys {
    /// Takes the repositories, the clock that dates keys, and who tells the audit log.
    #[must_use]
    pub fn new(
        keys: Arc<dyn ApiKeyRepository>,
        users: Arc<dyn UserRepository>,
        clock: Arc<dyn Clock>,
        audit: Audit,
    ) -> Self {
        Self { keys, users, clock, audit, uses: Arc::default() }
    }

    /// The same for a command that this system user runs.
    #[must_use]
    pub fn of_operator(self, name: &str) -> Self {
        Self { audit: self.audit.of_operator(name), ..self }
    }

    /// The audit log that is told.
    #[must_use]
    pub fn audit_log(&self) -> &Audit {
        &self.audit
    }

    /// Makes a key; only here it is seen whole.
    pub async fn make(
        &self,
        new: NewKey,
        author: &Author,
    ) -> Result<(ApiKey, Secret), AccountError> {
        let (secret, PresentedKey { id, hash }) = new_api_key();
        let entry = AuditEntry::of(AuditAction::ApiKeyMake)
            .whom(new.owner.as_str())
            .detail("scopes", new.scopes.to_string());
        let entry = match new.expires_at {
            Some(end) => entry.detail("expires_at", end.to_string()),
            None => entry,
        };
        let among = new.among.clone();
        let NewKey { owner, name, scopes, expires_at, .. } = new;
        let new = NewApiKey { id, hash, owner, name, scopes, expires_at };
        let made = self.store(new, among.as_ref(), author).await;
        // A key that was not made has no id.
        let entry = match &made {
            Ok(key) => entry.detail("key_id", key.id.as_str()),
            Err(_) => entry,
        };
        self.tell(entry, author, &made);
        made.map(|key| (key, secret))
    }

    async fn store(
        &self,
        new: NewApiKey,
        among: Option<&Scopes>,
        author: &Author,
    ) -> Result<ApiKey, AccountError> {
        let now = self.clock.now();
        if author.actor().is_some_and(|actor| actor.key.is_some()) {
            return Err(AccountError::KeyMakesKey);
        }
        if let Some(scope) = among.and_then(|among| new.scope_beyond(among)) {
            return Err(RepositoryError::KeyScope(scope).into());
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(AccountError::KeyExpired);
        }
        Ok(self.keys.add(new, author.actor(), now).await?)
    }

    /// The keys of a user, or of all, the oldest first.
    pub async fn list(&self, owner: Option<&Username>) -> Result<Vec<ApiKey>, RepositoryError> {
        self.keys.list(owner).await
    }

    /// Revokes a key, if it is this user's. It is refused everywhere within a second.
    pub async fn revoke(
        &self,
        id: KeyId,
        owner: Option<&Username>,
        author: &Author,
    ) -> Result<ApiKey, AccountError> {
        let revoked = self.keys.revoke(id, owner, author.actor()).await;
        let revoked = revoked.map_err(AccountError::from);
        let whose = revoked.as_ref().ok().map(|key| &key.owner).or(owner);
        let entry = AuditEntry::of(AuditAction::ApiKeyRevoke).detail("key_id", id.as_str());
        let entry = match whose {
            Some(owner) => entry.whom(owner.as_str()),
            None => entry,
        };
        self.tell(entry, author, &revoked);
        revoked
    }

    fn tell<T>(&self, entry: AuditEntry, author: &Author, result: &Result<T, AccountError>) {
        self.audit.tell_change(entry, author, result.as_ref().err().map(AccountError::reason));
    }

    /// Whom a presented key belongs to, if it is good; with `by`, only that user may present it.
    /// The audit log is told why not.
    pub async fn holder(
        &self,
        shown: PresentedKey,
        by: Option<&str>,
        sender: impl FnOnce() -> Sender,
    ) -> Result<Result<KeyHolder, AuditReason>, RepositoryError> {
        let key = match self.keys.find_in_memory(&shown.id) {
            Some(key) => Some(key),
            None => self.keys.find(shown.id).await?,
        };
        let now = self.clock.now();
        let known = key.clone();
        let refusal = match key {
            None => AuditReason::UnknownKey,
            Some(key) if !key.hash.equals(&shown.hash) => AuditReason::WrongKey,
            Some(key) if key.is_over(now) => AuditReason::KeyExpired,
            Some(key) => match self.owner(&key).await? {
                None => AuditReason::UnknownKey,
                Some(user) if !self.is_called(&user, by).await? => AuditReason::OtherUsersKey,
                Some(user) if user.disabled => AuditReason::UserDisabled,
                Some(user) => {
                    let today = Day::from(now);
                    if key.last_used.is_first_on(today) {
                        self.uses.take(key.id, today);
                    }
                    return Ok(Ok(KeyHolder { user, key }));
                }
            },
        };
        let mut entry = AuditEntry::of(AuditAction::ApiKeyUse).by_request(&sender());
        if let Some(key) = &known {
            entry = entry.whom(key.owner.as_str());
        }
        let entry = entry.detail("key_id", shown.id.as_str()).because(Some(refusal));
        self.audit.tell(match by {
            Some(tried) => entry.who(tried),
            None => entry,
        });
        Ok(Err(refusal))
    }

    /// The owner, whatever its name is now.
    async fn owner(&self, key: &ApiKey) -> Result<Option<Arc<User>>, RepositoryError> {
        match self.users.find_in_memory(key.owner.as_str()).filter(|user| user.id == key.user) {
            Some(user) => Ok(Some(user)),
            None => self.users.find_by_id(key.user, &key.owner).await,
        }
    }

    /// Whether the user logs in by this name.
    async fn is_called(&self, user: &User, name: Option<&str>) -> Result<bool, RepositoryError> {
        let Some(name) = name.filter(|name| *name != user.username.as_str()) else {
            return Ok(true);
        };
        let Ok(name) = name.parse::<Username>() else { return Ok(false) };
        // As at a login: the owner of the very name comes first.
        if self.users.find(&name).await?.is_some() {
            return Ok(false);
        }
        let folded = self.users.find_folded(&name).await?;
        Ok(folded.is_some_and(|found| found.id == user.id))
    }

    /// Stores when keys were used, as long as it is polled.
    pub async fn watch(&self) {
        self.uses.run(USES, async |uses| self.keys.store_uses(uses).await).await;
    }

    /// Stores it a last time, for a server that ends and does not wait long.
    pub async fn end(&self) {
        self.uses.end(USES, async |uses| self.keys.store_uses(uses).await).await;
    }
}
