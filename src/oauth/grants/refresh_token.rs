//! The refresh token grant: RFC 6749 §6.

use crate::accounts::{RefusedRefresh, Renewed};
use crate::domain::{AuditReason, Client, RefreshToken, Scopes, Secret, User, is_openid_scope};
use crate::oauth::error::GrantError;
use crate::oauth::response::{GrantContext, TokenResponse};
use crate::oauth::scope::{granted, scope_names};
use crate::oauth::session::SessionGrant;
use crate::tokens::NewToken;

/// A refresh token, to be redeemed for an access token and the next refresh token.
#[derive(Debug)]
pub struct RefreshTokenGrant {
    /// The token.
    pub refresh_token: Secret,
    /// Scopes that the access token is to have, separated by white space; empty: all of the login's.
    pub scope: String,
}

impl RefreshTokenGrant {
    /// Issues an access token with the scopes of the login, or fewer if those are asked for, and as
    /// far as the user still holds them, and the client may have them.
    pub async fn redeem(
        self,
        client: Option<&Client>,
        context: GrantContext<'_>,
    ) -> Result<TokenResponse, GrantError> {
        let accounts = context.accounts;
        let read = accounts.read_refresh_token(&self.refresh_token);
        let Some(token) = read else { return Err(refused(&RefusedRefresh::unknown(), &context)) };
        let asked = self.asked(token, client, &context).await?;
        let renewed = accounts.renew(token, client).await.map_err(GrantError::Unavailable)?;
        let renewed = renewed.map_err(|why| refused(&why, &context))?;
        let asked = asked.unwrap_or_else(|| renewed.scopes.clone());
        // Once more: they may have been taken away a moment ago.
        let held = held(&asked, &renewed.user, client)?;
        let repeated = renewed.is_repeated.then(|| ("repeated", "true".to_owned()));
        let more: Vec<_> =
            [("grant_type", "refresh_token".to_owned())].into_iter().chain(repeated).collect();
        if let Some(client) = client
            && let Some(grant) = SessionGrant::of_family(token.family, &renewed, held.clone())
        {
            return grant.issue(client, Some(renewed.next), &more, &context);
        }
        let Renewed { user, login, next, .. } = renewed;
        let new = NewToken::to(&user).scopes(&held).of_family(token.family);
        let new = new.by_password().authenticated_at(login.auth_time).issued_to(client);
        let issued = context.tokens.create_access_token(new)?;
        let about = (issued.id.as_str(), &held, issued.expires_in);
        let mut more = more;
        more.insert(1, ("family_id", token.family.to_string()));
        accounts.audit_token(&user, about, &more, &context.sender);
        Ok(TokenResponse::bearer(issued, &held, Some(next)))
    }

    /// The requested scopes, or those of the login: all of them are the family's, and the user holds at
    /// least one, unless there are none. Looked at before anything changes: what is refused for them
    /// uses up no token.
    async fn asked(
        &self,
        token: RefreshToken,
        client: Option<&Client>,
        context: &GrantContext<'_>,
    ) -> Result<Option<Scopes>, GrantError> {
        let found = context.accounts.family_scopes(token, client).await;
        let Some((scopes, user)) = found.map_err(GrantError::Unavailable)? else { return Ok(None) };
        let asked = match scope_names(&self.scope).next() {
            Some(_) => granted(&self.scope, &scopes),
            None => Ok(scopes),
        };
        let asked = asked.and_then(|asked| match &user {
            Some(user) => held(&asked, user, client).map(|_| asked),
            None => Ok(asked),
        });
        asked.map(Some).inspect_err(|_| {
            let (token, reason) = (Some(token), AuditReason::ScopeNotAllowed);
            let why = RefusedRefresh { token, user: None, reason };
            context.accounts.audit_refused_refresh(&why, &context.sender);
        })
    }
}

/// Those of the scopes that the user holds or, as those of OpenID Connect, has allowed, and the client may
/// have: at least one, unless none was asked for.
fn held(asked: &Scopes, user: &User, client: Option<&Client>) -> Result<Scopes, GrantError> {
    let is_held = |scope: &&str| {
        let is_the_clients = |client: &Client| client.metadata.scope.contains(scope);
        let is_allowed = client.is_some() && is_openid_scope(scope);
        is_allowed || (user.scopes.contains(scope) && client.is_none_or(is_the_clients))
    };
    let mut held = Scopes::default();
    asked.iter().filter(is_held).for_each(|scope| held.insert_known(scope));
    if held.iter().next().is_none() && asked.iter().next().is_some() {
        return Err(GrantError::InvalidScope(asked.iter().map(str::to_owned).collect()));
    }
    Ok(held)
}

fn refused(why: &RefusedRefresh, context: &GrantContext<'_>) -> GrantError {
    context.accounts.audit_refused_refresh(why, &context.sender);
    match why.reason {
        AuditReason::UserDisabled => GrantError::Disabled,
        _ => GrantError::InvalidRefreshToken,
    }
}
