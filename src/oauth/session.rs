//! Tokens of what a user has granted a client in a browser: an access token and, with `openid`, an ID token
//! (OpenID Connect Core §3.1.3.3, §12.2).

use crate::accounts::{FoundCode, Renewed};
use crate::domain::{
    Client, FamilyId, FamilyLogin, OPENID, Scopes, Secret, SessionId, Timestamp, User,
    is_openid_scope,
};
use crate::oauth::error::GrantError;
use crate::oauth::response::{GrantContext, TokenResponse};
use crate::tokens::{NewIdToken, NewToken, TokenSession};
use std::sync::Arc;

/// What was granted.
pub(super) struct SessionGrant {
    pub(super) family: FamilyId,
    pub(super) session: SessionId,
    pub(super) user: Arc<User>,
    pub(super) scopes: Scopes,
    pub(super) login: FamilyLogin,
    pub(super) resource: Option<String>,
    /// Only the first ID token has it.
    pub(super) nonce: Option<String>,
}

impl SessionGrant {
    /// What a code stands for.
    pub(super) fn of_code(found: &FoundCode, user: Arc<User>) -> Option<Self> {
        let granted = &found.granted;
        Some(Self {
            family: found.family,
            session: granted.sid.parse().ok()?,
            user,
            scopes: granted.scope.parse().ok()?,
            login: FamilyLogin {
                auth_time: Timestamp(granted.auth_time),
                amr: granted.amr.clone(),
            },
            resource: granted.resource.clone(),
            nonce: granted.nonce.clone(),
        })
    }

    /// What a refresh token renews; `None` for a login without a browser.
    pub(super) fn of_family(family: FamilyId, renewed: &Renewed, scopes: Scopes) -> Option<Self> {
        Some(Self {
            family,
            session: renewed.session?,
            user: Arc::clone(&renewed.user),
            scopes,
            login: renewed.login.clone(),
            resource: renewed.resource.clone(),
            nonce: None,
        })
    }

    /// Issues the tokens, with the scopes that the user still holds, and the client may have.
    pub(super) fn issue(
        self,
        client: &Client,
        refresh_token: Option<Secret>,
        more: &[(&'static str, String)],
        context: &GrantContext<'_>,
    ) -> Result<TokenResponse, GrantError> {
        let Self { family, session, user, scopes, login, resource, nonce } = self;
        let held = held_now(&scopes, &user, client);
        let (amr, resource) = (login.amr.as_str(), resource.as_deref());
        let token = TokenSession { amr, resource };
        let new = NewToken::to(&user).scopes(&held).of_family(family).issued_to(Some(client));
        let issued = context.tokens.create_access_token(new.in_session(token, login.auth_time))?;
        let sid = session.to_string();
        let id_token = held.contains(OPENID).then(|| {
            context.tokens.create_id_token(NewIdToken {
                user: user.id,
                client: &client.id,
                algorithm: client.metadata.id_token_signed_response_alg.key(),
                auth_time: login.auth_time,
                amr,
                sid: &sid,
                nonce: nonce.as_deref(),
                access_token: &issued.access_token,
            })
        });
        let id_token = id_token.transpose()?;
        let about = (issued.id.as_str(), &held, issued.expires_in);
        let client = ("client_id", client.id.to_string());
        let more: Vec<_> =
            [("family_id", family.to_string()), client].into_iter().chain(more.to_vec()).collect();
        context.accounts.audit_token(&user, about, &more, &context.sender);
        Ok(TokenResponse { id_token, ..TokenResponse::bearer(issued, &held, refresh_token) })
    }
}

/// The scopes that count now.
pub(crate) fn held_now(scopes: &Scopes, user: &User, client: &Client) -> Scopes {
    let mut held = Scopes::default();
    let is_held = |scope: &&str| {
        is_openid_scope(scope)
            || (user.scopes.contains(scope) && client.metadata.scope.contains(scope))
    };
    scopes.iter().filter(is_held).for_each(|scope| held.insert_known(scope));
    held
}
