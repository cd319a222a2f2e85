//! Users who log in at other providers: found by their identity, linked, signed up, unlinked.

use crate::accounts::audit_change::of_repository;
use crate::accounts::{AccountError, Audit, Author, Newcomers};
use crate::domain::{
    AuditAction, AuditEntry, AuditReason, Clock, Identities, Identity, Journey, KeyHash, NewUser,
    PasswordHash, RepositoryError, Scopes, Sender, Shown, Subject, Timestamp, User, UserId,
    Username, check_email, check_full_name, check_new_name,
};
use rand::Rng as _;
use std::sync::Arc;

/// The identities of users at other providers.
#[derive(Clone)]
pub struct ProviderIdentities {
    identities: Arc<dyn Identities>,
    clock: Arc<dyn Clock>,
    audit: Audit,
    newcomers: Newcomers,
}

/// Somebody who has logged in at a provider, and what the settings make of that.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Who it is there.
    pub shown: Shown,
    /// The e-mail address, if the provider has verified it.
    pub email: Option<String>,
    /// Whether the provider's word on that address leads to the account that has it.
    pub is_trusted: bool,
    /// Whether whoever has no account gets one.
    pub may_sign_up: bool,
    /// Whether a verified address decides that.
    pub asks_for_email: bool,
    /// Names to try for a new account, the best first.
    pub names: Vec<String>,
    /// The full name for a new account.
    pub full_name: Option<String>,
}

/// Why somebody who has logged in at a provider is not let in here.
#[derive(Debug)]
pub enum Unwelcome {
    /// Nobody has the identity, and nobody new is taken.
    Unknown,
    /// The provider has not verified the e-mail address, and that decides.
    Unverified,
    /// The address belongs to an account that can only be linked by its user.
    EmailTaken,
    /// The user is disabled.
    Disabled,
    /// The database failed.
    Repository(RepositoryError),
}

impl From<RepositoryError> for Unwelcome {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::EmailExists => Self::EmailTaken,
            error => Self::Repository(error),
        }
    }
}

impl Unwelcome {
    /// The word in the audit log.
    #[must_use]
    pub fn reason(&self) -> AuditReason {
        match self {
            Self::Unknown => AuditReason::UnknownIdentity,
            Self::Unverified => AuditReason::EmailUnverified,
            Self::EmailTaken => AuditReason::EmailTaken,
            Self::Disabled => AuditReason::UserDisabled,
            Self::Repository(error) => of_repository(error),
        }
    }
}

impl ProviderIdentities {
    /// Takes the repository, the clock, who tells the audit log, and who tells of new users.
    #[must_use]
    pub fn new(
        identities: Arc<dyn Identities>,
        clock: Arc<dyn Clock>,
        (audit, newcomers): (Audit, Newcomers),
    ) -> Self {
        Self { identities, clock, audit, newcomers }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// See [`Identities::depart`].
    pub async fn depart(&self, state: KeyHash, journey: Journey) -> Result<(), RepositoryError> {
        self.identities.depart(state, journey).await
    }

    /// See [`Identities::arrive`].
    pub async fn arrive(&self, state: KeyHash) -> Result<Option<Journey>, RepositoryError> {
        self.identities.arrive(state).await
    }

    /// The user who has logged in at a provider: known by the identity, linked by a trusted address, or new.
    pub async fn welcome(
        &self,
        arrival: &Arrival,
        sender: &Sender,
    ) -> Result<Arc<User>, Unwelcome> {
        let user = match self.identities.log_in(&arrival.shown, self.now()).await? {
            Some(user) => user,
            None => self.newcomer(arrival, sender).await?,
        };
        if user.disabled { Err(Unwelcome::Disabled) } else { Ok(Arc::new(user)) }
    }

    async fn newcomer(&self, arrival: &Arrival, sender: &Sender) -> Result<User, Unwelcome> {
        if let Some(email) = &arrival.email
            && let Some(user) = self.identities.of_email(email).await?
        {
            if !arrival.is_trusted {
                return Err(Unwelcome::EmailTaken);
            }
            if user.disabled {
                return Err(Unwelcome::Disabled);
            }
            let linked = self.identities.link(&arrival.shown, user.id, self.now()).await?;
            let entry = of(AuditAction::IdentityLink, &arrival.shown.subject);
            let entry = entry.by_request(sender).whom(linked.username.as_str());
            self.audit.tell(entry.detail("by", "email"));
            return Ok(linked);
        }
        if !arrival.may_sign_up {
            let lacks_email = arrival.asks_for_email && arrival.email.is_none();
            return Err(if lacks_email { Unwelcome::Unverified } else { Unwelcome::Unknown });
        }
        let user = self.sign_up(arrival).await?;
        let entry = of(AuditAction::UserCreate, &arrival.shown.subject).by_request(sender);
        self.audit
            .tell(entry.whom(user.username.as_str()).detail("scopes", user.scopes.to_string()));
        self.newcomers.tell(&user).await;
        Ok(user)
    }

    /// Takes the first name that is free: the best one, the best one with a number, or a random one.
    async fn sign_up(&self, arrival: &Arrival) -> Result<User, RepositoryError> {
        let best = arrival.names.iter().find_map(|name| free_form(name));
        let number = rand::rng().random_range(10..1_000_000_u32);
        let numbered = best
            .iter()
            .flat_map(|name| [2, 3, number].map(|number| free_form(&format!("{name}{number}"))));
        let numbered: Vec<_> = numbered.flatten().collect();
        let last = free_form(&format!("user{:x}", rand::random::<u64>()));
        let tried = best.iter().chain(&numbered).chain(&last);
        for username in tried {
            let email = arrival.email.clone().filter(|email| check_email(email).is_ok());
            let full_name = arrival.full_name.clone();
            let new = NewUser {
                username: username.clone(),
                email,
                full_name: full_name.filter(|name| check_full_name(name).is_ok()),
                disabled: false,
                password_hash: PasswordHash::NoPassword,
                scopes: Scopes::default(),
            };
            match self.identities.sign_up(&arrival.shown, new, self.now()).await {
                Err(RepositoryError::Exists) => {}
                done => return done,
            }
        }
        Err(RepositoryError::Exists)
    }

    /// Links an identity to the user who is logged in.
    pub async fn link(
        &self,
        shown: &Shown,
        user: UserId,
        author: &Author,
    ) -> Result<User, AccountError> {
        let linked = self.identities.link(shown, user, self.now()).await;
        let linked = linked.map_err(AccountError::from);
        let entry = of(AuditAction::IdentityLink, &shown.subject);
        self.audit.tell_change(entry, author, linked.as_ref().err().map(AccountError::reason));
        linked
    }

    /// The identities of a user.
    pub async fn list(&self, user: UserId) -> Result<Vec<Identity>, RepositoryError> {
        self.identities.list(user).await
    }

    /// Unlinks an identity of a user.
    pub async fn unlink(
        &self,
        subject: &Subject,
        owner: &Username,
        author: &Author,
    ) -> Result<(), AccountError> {
        let unlinked = self.identities.unlink(subject, owner, self.now()).await;
        let unlinked = unlinked.map_err(AccountError::from);
        let entry = of(AuditAction::IdentityUnlink, subject).whom(owner.as_str());
        self.audit.tell_change(entry, author, unlinked.as_ref().err().map(AccountError::reason));
        unlinked
    }

    /// Tells how a login at a provider ended.
    pub fn told(
        &self,
        provider: &str,
        who: Option<&str>,
        reason: Option<AuditReason>,
        sender: &Sender,
    ) {
        let entry = AuditEntry::of(AuditAction::ProviderLogin)
            .by_request(sender)
            .detail("provider", provider)
            .because(reason);
        self.audit.tell(match who {
            Some(who) => entry.who(who),
            None => entry,
        });
    }
}

fn of(action: AuditAction, subject: &Subject) -> AuditEntry {
    AuditEntry::of(action).detail("provider", &*subject.provider).detail("subject", &*subject.id)
}

/// A name made of what a provider calls somebody: of an address, what is before the `@`; without characters
/// that trouble URLs. `None` if nothing is left.
fn free_form(text: &str) -> Option<Username> {
    let text = text.split('@').next().unwrap_or_default();
    let plain = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let text: String = text.chars().filter(plain).take(60).collect();
    let name: Username = text.trim_matches(['.', '-', '_']).parse().ok()?;
    check_new_name(&name).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_what_a_provider_says() {
        let made = |text: &str| free_form(text).map(|name| name.to_string());
        assert_eq!(made("jane.doe@example.com").as_deref(), Some("jane.doe"));
        assert_eq!(made("Jane Doe").as_deref(), Some("JaneDoe"));
        assert_eq!(made("홍길동").as_deref(), Some("홍길동"));
        for text in ["", "me", "..", "@x", "\u{202e}", "<>"] {
            assert_eq!(made(text), None, "{text}");
        }
    }
}
