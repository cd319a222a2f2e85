//! Refresh tokens: each login has a family of them, which renews its access token until it ends.

use crate::accounts::Accounts;
use crate::accounts::authorizations::known;
use crate::domain::{
    AuditAction, AuditEntry, AuditReason, Client, ClientAuthMethod, ClientGrant, Family, FamilyId,
    FamilyLogin, FamilyRules, FamilyUse, FoundFamily, NewFamily, RefreshFamilies, RefreshToken,
    RepositoryError, Rotation, Scopes, Secret, Sender, SessionId, Timestamp, User, Username,
};
use crate::tokens::RefreshKey;
use std::sync::Arc;
use std::time::Duration;

/// How refresh tokens are made and stored, and how long they live.
pub struct RefreshTokens {
    /// Where their families are.
    pub families: Arc<dyn RefreshFamilies>,
    /// Makes them.
    pub key: RefreshKey,
    /// How long they live.
    pub rules: FamilyRules,
    /// Seconds until nobody needs to know an access token any more that is issued now.
    pub access_life: i64,
    /// Whether logins by password get them.
    pub for_passwords: bool,
}

/// What a refresh token was used for.
pub(crate) struct Renewed {
    pub(crate) user: Arc<User>,
    /// The family's.
    pub(crate) scopes: Scopes,
    /// The login.
    pub(crate) login: FamilyLogin,
    /// The session in which it was granted.
    pub(crate) session: Option<SessionId>,
    /// What its tokens are for beside this server.
    pub(crate) resource: Option<String>,
    /// The refresh token to go on with.
    pub(crate) next: Secret,
    /// Whether this one was used before.
    pub(crate) is_repeated: bool,
}

/// What became of a login that was to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginEnd {
    /// It has ended, now or before.
    Ended,
    /// It goes on: another client's refresh token was shown.
    OfAnotherClient,
    /// What was shown is no refresh token of these servers.
    NoRefreshToken,
}

impl RefreshTokens {
    pub(super) fn access_until(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.seconds().saturating_add(self.access_life))
    }

    /// How long a family lives: without refresh tokens, as long as its one access token.
    pub(super) fn rules_if(&self, may_refresh: bool) -> FamilyRules {
        let lifetime = Duration::from_secs(self.access_life.unsigned_abs());
        if may_refresh { self.rules } else { FamilyRules { lifetime, ..self.rules } }
    }
}

impl Accounts {
    /// The same with refresh tokens.
    #[must_use]
    pub(crate) fn with_refresh_tokens(self, refresh_tokens: RefreshTokens) -> Self {
        Self { refresh_tokens: Some(Arc::new(refresh_tokens)), ..self }
    }

    /// Begins a family for a user who has logged in; returns its id, and its first token if there are
    /// refresh tokens here and for the client. What a registered client gets has a family in any case, so
    /// that its tokens end when the client does. None for other clients where there are no refresh tokens,
    /// for a user who is disabled, or whose tokens were ended meanwhile.
    pub(crate) async fn begin_family(
        &self,
        user: &User,
        scopes: &Scopes,
        client: Option<&Client>,
    ) -> Result<Option<(FamilyId, Option<Secret>)>, RepositoryError> {
        let Some(refresh) = &self.refresh_tokens else { return Ok(None) };
        let may_refresh = refresh.for_passwords
            && client.is_none_or(|client| client.metadata.may_redeem(ClientGrant::RefreshToken));
        if client.is_none() && !may_refresh {
            return Ok(None);
        }
        let id = FamilyId(rand::random());
        let new = NewFamily {
            id,
            client: client.map(known),
            user: user.id,
            epoch: user.epoch,
            session: None,
            is_offline: false,
            scopes: scopes.clone(),
            access_until: refresh.access_until(self.clock.now()),
            login: None,
            resource: None,
            hears_of_logout: false,
        };
        let has_begun = refresh.families.begin(new, refresh.rules_if(may_refresh)).await?;
        let first = || refresh.key.write(RefreshToken { family: id, generation: 0 });
        Ok(has_begun.then(|| (id, may_refresh.then(first))))
    }

    /// Reads a refresh token that one of these servers has made.
    pub(crate) fn read_refresh_token(&self, text: &Secret) -> Option<RefreshToken> {
        self.refresh_tokens.as_ref()?.key.read(text.expose())
    }

    /// The scopes of a token's family, if it is the client's and could be used now, and its user, unless
    /// the user's tokens were ended a moment ago.
    pub(crate) async fn family_scopes(
        &self,
        token: RefreshToken,
        client: Option<&Client>,
    ) -> Result<Option<(Scopes, Option<Arc<User>>)>, RepositoryError> {
        let Some(refresh) = &self.refresh_tokens else { return Ok(None) };
        let found = refresh.families.find(token.family, refresh.rules).await?;
        let Some(found) = found.filter(|found| found.client == client.map(known)) else {
            return Ok(None);
        };
        let user = self.user_of(&found.family).await?;
        Ok(Some((found.family.scopes, user)))
    }

    /// The family of a refresh token and its user, if the token is the newest one and could be used now.
    pub(crate) async fn look_at_refresh_token(
        &self,
        token: RefreshToken,
    ) -> Result<Option<(FoundFamily, Arc<User>)>, RepositoryError> {
        let Some(refresh) = &self.refresh_tokens else { return Ok(None) };
        let found = refresh.families.find(token.family, refresh.rules).await?;
        let Some(found) = found.filter(|found| found.generation <= token.generation) else {
            return Ok(None);
        };
        let user = self.user_of(&found.family).await?;
        Ok(user.map(|user| (found, user)))
    }

    /// Uses a refresh token: for the next one, with the user as stored now, or to find that it was
    /// stolen.
    pub(crate) async fn renew(
        &self,
        token: RefreshToken,
        client: Option<&Client>,
    ) -> Result<Result<Renewed, RefusedRefresh>, RepositoryError> {
        let Some(refresh) = &self.refresh_tokens else { return Ok(Err(RefusedRefresh::unknown())) };
        let access_until = refresh.access_until(self.clock.now());
        let rotates = client.is_none_or(|client| {
            client.metadata.token_endpoint_auth_method == ClientAuthMethod::None
        });
        let presented = FamilyUse { token, client: client.map(known), rotates, access_until };
        let refused = |user, reason| Ok(Err(RefusedRefresh { token: Some(token), user, reason }));
        let (family, generation, is_repeated) =
            match refresh.families.rotate(presented, refresh.rules).await? {
                Rotation::Renewed { family, generation, is_repeated } => {
                    (family, generation, is_repeated)
                }
                Rotation::Reused(user) => return refused(user, AuditReason::TokenReused),
                Rotation::Disabled(user) => return refused(Some(user), AuditReason::UserDisabled),
                Rotation::Ended(user) => return refused(user, AuditReason::TokenEnded),
            };
        let next = RefreshToken { family: token.family, generation };
        Ok(match self.user_of(&family).await? {
            Some(user) => {
                let Family { scopes, login, session, resource, .. } = family;
                let next = refresh.key.write(next);
                Ok(Renewed { user, scopes, login, session, resource, next, is_repeated })
            }
            None => return refused(Some(family.username), AuditReason::TokenEnded),
        })
    }

    /// Ends the login of a refresh token, with its access tokens. Whoever holds one, however old, may end
    /// the login; that of a registered client only this client (RFC 7009 §2.1).
    pub(crate) async fn end_login(
        &self,
        token: &Secret,
        client: Option<&Client>,
        sender: &Sender,
    ) -> Result<LoginEnd, RepositoryError> {
        let Some(refresh) = &self.refresh_tokens else { return Ok(LoginEnd::NoRefreshToken) };
        let Some(token) = refresh.key.read(token.expose()) else {
            return Ok(LoginEnd::NoRefreshToken);
        };
        let entry = AuditEntry::of(AuditAction::TokenRevoke)
            .by_request(sender)
            .detail("family_id", token.family.to_string());
        if let Some(user) = refresh.families.end(token.family, client.map(known)).await? {
            self.audit.tell(entry.whom(user.as_str()));
            return Ok(LoginEnd::Ended);
        }
        let living = refresh.families.find(token.family, refresh.rules).await?;
        let owner = living.and_then(|found| found.client);
        if owner.is_some_and(|owner| client.is_none_or(|client| client.id != owner.id)) {
            self.audit.tell(entry.because(Some(AuditReason::OtherClient)));
            return Ok(LoginEnd::OfAnotherClient);
        }
        Ok(LoginEnd::Ended)
    }

    /// The user of a family; `None` if the user's tokens were ended a moment ago.
    async fn user_of(&self, family: &Family) -> Result<Option<Arc<User>>, RepositoryError> {
        let is_its = |user: &Arc<User>| user.id == family.user && user.epoch == family.epoch;
        let found = self.users.find_by_id(family.user, &family.username).await?;
        if let Some(user) = found.filter(is_its) {
            return Ok(Some(user));
        }
        // What is in memory may be a second old.
        let found = self.users.find_now(family.user, &family.username).await?;
        Ok(found.filter(is_its))
    }

    /// Tells of a refresh token that was refused.
    pub(crate) fn audit_refused_refresh(&self, refused: &RefusedRefresh, sender: &Sender) {
        let mut entry = AuditEntry::of(AuditAction::TokenRefresh)
            .by_request(sender)
            .because(Some(refused.reason));
        if let Some(user) = &refused.user {
            entry = entry.who(user.as_str());
        }
        if let Some(token) = refused.token {
            entry = entry.detail("family_id", token.family.to_string());
        }
        self.audit.tell(entry);
    }
}

/// A refresh token that was refused: which, whose, and why.
pub(crate) struct RefusedRefresh {
    pub(crate) token: Option<RefreshToken>,
    pub(crate) user: Option<Username>,
    pub(crate) reason: AuditReason,
}

impl RefusedRefresh {
    /// Nobody here has made it.
    pub(crate) fn unknown() -> Self {
        Self { token: None, user: None, reason: AuditReason::UnknownToken }
    }
}
