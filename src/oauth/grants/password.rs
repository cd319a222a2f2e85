//! The password grant: RFC 6749 §4.3.

use crate::accounts::{LoginAttempt, LoginMethod};
use crate::domain::{Client, FamilyId, LoginOutcome, Scopes, Secret, User};
use crate::oauth::error::GrantError;
use crate::oauth::response::{GrantContext, TokenResponse};
use crate::oauth::scope::granted;
use crate::tokens::{IssuedToken, NewToken};
use std::sync::Arc;

/// A username and a password, to be redeemed for a token.
#[derive(Debug)]
pub struct PasswordGrant {
    /// The username.
    pub username: String,
    /// The password as it was typed.
    pub password: Secret,
    /// The requested scopes, separated by white space; may be empty.
    pub scope: String,
}

impl PasswordGrant {
    /// Issues a token with exactly the requested scopes.
    ///
    /// Checks scopes only after the password, so that nobody learns what another user may do.
    pub async fn redeem(self, context: GrantContext<'_>) -> Result<TokenResponse, GrantError> {
        self.redeem_by(None, context).await
    }

    /// The same for a registered client, whose tokens may carry its own scopes only.
    pub(crate) async fn redeem_by(
        self,
        client: Option<&Client>,
        context: GrantContext<'_>,
    ) -> Result<TokenResponse, GrantError> {
        if let Some(client) = client {
            granted(&self.scope, &client.metadata.scope)?;
        }
        let accounts = context.accounts;
        let method = LoginMethod::PasswordGrant;
        let mut login = accounts.begin_login(method, &self.username, context.sender.clone());
        let result = self.issue(&mut login, client, &context).await;
        login.end(result.as_ref().map_or_else(GrantError::outcome, |_| LoginOutcome::Accepted));
        let Issued { user, scopes, token, family } = result?;
        let about = (token.id.as_str(), &scopes, token.expires_in);
        let more = family.as_ref().map(|(id, _)| ("family_id", id.to_string()));
        accounts.audit_token(&user, about, more.as_slice(), &context.sender);
        Ok(TokenResponse::bearer(token, &scopes, family.and_then(|(_, first)| first)))
    }

    async fn issue(
        self,
        login: &mut LoginAttempt<'_>,
        client: Option<&Client>,
        context: &GrantContext<'_>,
    ) -> Result<Issued, GrantError> {
        let user = context
            .accounts
            .identify(login, self.password)
            .await?
            .ok_or(GrantError::InvalidCredentials)?;
        let user = context.accounts.renewed(user).await.map_err(GrantError::Unavailable)?;
        let user = user.ok_or(GrantError::InvalidCredentials)?;
        if context.strict && user.disabled {
            return Err(GrantError::Disabled);
        }
        let scopes = granted(&self.scope, &user.scopes)?;
        let family = context.accounts.begin_family(&user, &scopes, client).await;
        let family = family.map_err(GrantError::Unavailable)?;
        let new = NewToken::to(&user).scopes(&scopes).by_password().issued_to(client);
        let new = match &family {
            Some((id, _)) => new.of_family(*id),
            None => new,
        };
        let token = context.tokens.create_access_token(new)?;
        Ok(Issued { user, scopes, token, family })
    }
}

/// What a password was redeemed for.
struct Issued {
    user: Arc<User>,
    scopes: Scopes,
    token: IssuedToken,
    /// With its first refresh token, if there is one.
    family: Option<(FamilyId, Option<Secret>)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::memory::{MemoryUsers, accounts, hashed};
    use crate::domain::{Origin, SystemClock};
    use crate::settings::TokenSettings;
    use crate::tokens::Tokens;

    fn tokens() -> Tokens {
        let secret = Secret::new("a signing secret of at least 32 bytes");
        Tokens::new(&secret, &TokenSettings::default(), Arc::new(SystemClock)).unwrap()
    }

    async fn users() -> Arc<MemoryUsers> {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        users.edit("johndoe", |user| user.scopes = Arc::new("me items".parse().unwrap()));
        users
    }

    async fn redeem(
        users: &Arc<MemoryUsers>,
        strict: bool,
        form: [&str; 3],
    ) -> Result<TokenResponse, GrantError> {
        let [username, password, scope] = form;
        let grant = PasswordGrant {
            username: username.into(),
            password: Secret::new(password),
            scope: scope.into(),
        };
        let accounts = accounts(users, 4);
        let tokens = tokens();
        let (accounts, tokens, sender) = (&accounts, &tokens, Origin::Local.into());
        grant.redeem(GrantContext { accounts, sender, tokens, strict }).await
    }

    #[tokio::test]
    async fn the_token_carries_the_requested_scopes() {
        let users = users().await;
        for (asked, given) in [
            ("", ""),
            ("me", "me"),
            ("items me", "items me"),
            ("  me\titems  me ", "me items"),
            ("me\u{1c}\u{3000}items\u{85}", "me items"),
        ] {
            let response = redeem(&users, false, ["johndoe", "swordfish", asked]).await.unwrap();
            assert_eq!(
                (response.scope.as_deref().unwrap_or_default(), response.expires_in),
                (given, 1800)
            );
            let claims = tokens().verify(&response.access_token).unwrap();
            assert_eq!(claims.subject.as_str(), "johndoe");
            assert_eq!(claims.scopes.to_string(), given);
        }
    }

    #[tokio::test]
    async fn the_response_is_that_of_the_rfc() {
        let response = redeem(&users().await, true, ["johndoe", "swordfish", "me"]).await.unwrap();
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"access_token": response.access_token, "token_type": "bearer",
                               "expires_in": 1800, "scope": "me"})
        );
        let response = redeem(&users().await, true, ["johndoe", "swordfish", " "]).await.unwrap();
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"access_token": response.access_token, "token_type": "bearer",
                               "expires_in": 1800}),
            "a scope is never empty"
        );
    }

    #[tokio::test]
    async fn scopes_that_the_user_lacks_are_named() {
        let users = users().await;
        for (asked, refused, description) in [
            ("  me  admin me", vec!["admin"], "Scope not allowed: admin"),
            ("b a me b a", vec!["b", "a"], "Scope not allowed: b a"),
            ("me a\"b", vec!["a\"b"], "Malformed scope"),
            ("é x me", vec!["é", "x"], "Malformed scope, and not allowed: x"),
            ("ME", vec!["ME"], "Scope not allowed: ME"),
        ] {
            let error = redeem(&users, false, ["johndoe", "swordfish", asked]).await.err().unwrap();
            assert_eq!(error.code(), "invalid_scope");
            assert_eq!(error.description(), description);
            assert!(matches!(error, GrantError::InvalidScope(names) if names == refused));
        }
    }

    #[tokio::test]
    async fn a_wrong_login_does_not_say_what_is_wrong() {
        let users = users().await;
        for form in [
            ["johndoe", "wrong", "me"],
            ["nobody", "swordfish", "me"],
            ["johndoe", "wrong", "admin"],
            ["", "", "\""],
        ] {
            let error = redeem(&users, true, form).await.err().unwrap();
            assert!(matches!(error, GrantError::InvalidCredentials), "{form:?}");
            assert_eq!(error.code(), "invalid_grant");
            assert_eq!(error.description(), "Incorrect username or password");
        }
    }

    #[tokio::test]
    async fn a_disabled_user_gets_a_token_unless_strict() {
        let users = users().await;
        users.edit("johndoe", |user| user.disabled = true);
        assert!(redeem(&users, false, ["johndoe", "swordfish", "me"]).await.is_ok());
        let error = redeem(&users, true, ["johndoe", "swordfish", "me"]).await.err().unwrap();
        assert!(matches!(error, GrantError::Disabled));
        assert_eq!(error.code(), "invalid_grant");
        let error = redeem(&users, true, ["johndoe", "wrong", "me"]).await.err().unwrap();
        assert!(
            matches!(error, GrantError::InvalidCredentials),
            "disabled is told to its user only"
        );
    }

    #[tokio::test]
    async fn more_scopes_than_fit_are_the_callers_fault() {
        let users = users().await;
        let many: Vec<_> = (0..2000).map(|n| format!("scope:{n}")).collect();
        users.edit("johndoe", |user| user.scopes = Arc::new(many.join(" ").parse().unwrap()));
        let asked = many.join(" ");
        let error = redeem(&users, false, ["johndoe", "swordfish", &asked]).await.err().unwrap();
        assert_eq!(error.code(), "invalid_scope");
    }

    #[tokio::test]
    async fn an_unresponsive_store_is_a_temporary_error() {
        let users = users().await;
        users.stop_answering();
        let error = redeem(&users, false, ["johndoe", "swordfish", ""]).await.err().unwrap();
        assert_eq!(error.code(), "temporarily_unavailable");
    }
}
