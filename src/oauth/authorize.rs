//! Authorization requests (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1): read and checked
//! into one type, or refused in the way that each error has.

use crate::accounts::Clients;
use crate::domain::{
    Client, ClientAuthMethod, ClientGrant, OFFLINE_ACCESS, RepositoryError, ScopeName, Scopes,
    Session, User, is_openid_scope,
};
use crate::oauth::authorize_error::{Answer, AuthorizeError, RequestFault, ResponseMode, Unsent};
use crate::oauth::parameters::Parameters;
use crate::tokens::Granted;
use std::sync::Arc;

/// Bytes of all parameters that are kept while the user logs in, `state` and `nonce` among them. After the
/// login they are in the URL once as they are and once sealed, which fits `server.limit_request_line`.
const MOST_BYTES: usize = 2816;

/// Seconds for which a login within the request counts as a new one, whatever the request wants: as long may
/// its next page stay open.
const STAYS_NEW: i64 = 5 * 60;

/// Characters of an S256 challenge: 32 bytes in base64url (RFC 7636 §4.2).
const CHALLENGE: usize = 43;

/// What the request wants of the user (OpenID Connect Core §3.1.2.1, `prompt`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the words of a list")]
pub struct Prompt {
    /// Nothing: no page may be shown.
    pub none: bool,
    /// To log in again.
    pub login: bool,
    /// To be asked what the client may do.
    pub consent: bool,
    /// To choose an account.
    pub select_account: bool,
}

/// A request that can be granted.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Whom the user is sent back to.
    pub client: Arc<Client>,
    /// Where and how.
    pub answer: Answer,
    /// Whether the request said where.
    pub names_redirect: bool,
    /// What is asked for, of what the client may have.
    pub scopes: Scopes,
    /// The challenge that redeems the code.
    pub challenge: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What it wants of the user.
    pub prompt: Prompt,
    /// Seconds that the login may be old.
    pub max_age: Option<i64>,
    /// Who might be logging in.
    pub login_hint: Option<String>,
    /// An ID token of the user that is expected.
    pub id_token_hint: Option<String>,
    /// Languages, the best first.
    pub ui_locales: Option<String>,
    /// What the tokens are for beside this server.
    pub resource: Option<String>,
    /// The parameters that count, to be sent again after a login.
    query: String,
}

/// The parameters that count, in the order in which they are sent again.
const KNOWN: [&str; 16] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "ui_locales",
    "resource",
    "acr_values",
    "display",
];

impl AuthorizationRequest {
    /// Reads a request; `audiences` are what tokens may be for.
    pub async fn read(
        parameters: &Parameters,
        clients: &Clients,
        audiences: &[&str],
    ) -> Result<Self, AuthorizeError> {
        let (client, redirect_uri, names_redirect) = addressee(parameters, clients).await?;
        // From here on, errors are the client's to know.
        let state = parameters.first("state").map(str::to_owned);
        let mut answer =
            Answer { redirect_uri: redirect_uri.to_owned(), mode: ResponseMode::Query, state };
        match parameters.once("response_mode").map(|mode| mode.map(str::parse).transpose()) {
            Ok(Ok(mode)) => answer.mode = mode.unwrap_or(answer.mode),
            Ok(Err(())) => return Err(answer.error(RequestFault::ResponseMode)),
            Err(name) => return Err(answer.error(RequestFault::Repeated(name))),
        }
        match Self::read_rest(parameters, client, (answer.clone(), names_redirect), audiences) {
            Ok(request) => Ok(request),
            Err(fault) => Err(answer.error(fault)),
        }
    }

    fn read_rest(
        parameters: &Parameters,
        client: Arc<Client>,
        (answer, names_redirect): (Answer, bool),
        audiences: &[&str],
    ) -> Result<Self, RequestFault> {
        let once = |name| parameters.once(name).map_err(RequestFault::Repeated);
        let owned = |name| once(name).map(|text| text.map(str::to_owned));
        for (name, fault) in [
            ("request", RequestFault::RequestObject),
            ("request_uri", RequestFault::RequestUri),
            ("registration", RequestFault::Registration),
        ] {
            if parameters.first(name).is_some() {
                return Err(fault);
            }
        }
        once("state")?;
        match once("response_type")? {
            None => return Err(RequestFault::Missing("response_type")),
            Some("code") if client.metadata.may_redeem(ClientGrant::AuthorizationCode) => {}
            Some("code") => return Err(RequestFault::Unauthorized),
            Some(_) => return Err(RequestFault::ResponseType),
        }
        let scopes = scopes(once("scope")?, &client)?;
        let challenge =
            challenge(once("code_challenge")?, once("code_challenge_method")?, &client)?;
        let prompt = prompt(once("prompt")?.unwrap_or_default())?;
        let max_age = once("max_age")?.map(seconds).transpose()?;
        let resource = resource(parameters, audiences)?;
        let query = parameters.only(&KNOWN);
        if query.len() > MOST_BYTES {
            return Err(RequestFault::TooLong);
        }
        Ok(Self {
            client,
            answer,
            names_redirect,
            scopes,
            challenge,
            nonce: owned("nonce")?,
            prompt,
            max_age,
            login_hint: owned("login_hint")?,
            id_token_hint: owned("id_token_hint")?,
            ui_locales: owned("ui_locales")?,
            resource,
            query,
        })
    }

    /// What the user of a session grants by it.
    #[must_use]
    pub fn granted(&self, user: &User, session: &Session, scopes: &Scopes) -> Granted {
        Granted {
            client: self.client.id.clone(),
            client_epoch: self.client.epoch,
            user: user.id,
            username: user.username.to_string(),
            epoch: user.epoch,
            scope: scopes.to_string(),
            redirect_uri: self.answer.redirect_uri.clone(),
            names_redirect: self.names_redirect,
            challenge: self.challenge.clone(),
            nonce: self.nonce.clone(),
            auth_time: session.auth_time.seconds(),
            amr: session.amr.to_string(),
            sid: session.id.to_string(),
            resource: self.resource.clone(),
        }
    }

    /// Whether a login of this age, in seconds, is new enough; the user who has just logged in because this
    /// request asked for it is not asked again (OpenID Connect Core §3.1.2.3).
    #[must_use]
    pub fn accepts_login(&self, age: i64, is_for_this: bool) -> bool {
        is_new(self.prompt.login, self.max_age, (age, is_for_this))
    }

    /// Whether it wants a new login, also of a user whom another provider knows already.
    #[must_use]
    pub fn wants_new_login(&self) -> bool {
        self.prompt.login || self.max_age.is_some()
    }

    /// The parameters that count, as a query.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }
}

/// Whom the response goes to, and where: without both nothing is sent anywhere (RFC 6749 §4.1.2.1).
async fn addressee<'p>(
    parameters: &'p Parameters,
    clients: &Clients,
) -> Result<(Arc<Client>, &'p str, bool), AuthorizeError> {
    let unsent = |fault| AuthorizeError::Unsent(fault);
    let once = |name| parameters.once(name).map_err(|name| unsent(Unsent::Repeated(name)));
    let id = once("client_id")?.ok_or(unsent(Unsent::NoClient))?;
    let redirect_uri = once("redirect_uri")?;
    let found = clients.find(id).await.map_err(AuthorizeError::Unavailable)?;
    let client = found.ok_or(unsent(Unsent::UnknownClient))?;
    let Some(uri) = redirect_uri else { return Err(unsent(Unsent::NoRedirect)) };
    if client.metadata.redirects_to(uri) {
        Ok((client, uri, true))
    } else {
        Err(unsent(Unsent::UnknownRedirect))
    }
}

/// What the client may have of what it asks for; something must be left (RFC 6749 §3.3). Without `scope`: all
/// that is registered of it. Scopes that nobody knows count for nothing (OpenID Connect Core §3.1.2.1).
fn scopes(asked: Option<&str>, client: &Client) -> Result<Scopes, RequestFault> {
    let own = &client.metadata.scope;
    let left = |scopes: Scopes| {
        if scopes.is_empty() { Err(RequestFault::NoScope) } else { Ok(scopes) }
    };
    let Some(asked) = asked else { return left(own.clone()) };
    let may_refresh = client.metadata.may_redeem(ClientGrant::RefreshToken);
    let mut scopes = Scopes::default();
    for name in asked.split(' ').filter(|name| !name.is_empty()) {
        if !ScopeName::is_valid(name) {
            return Err(RequestFault::Scope);
        }
        let is_granted = if name == OFFLINE_ACCESS { may_refresh } else { is_openid_scope(name) };
        if is_granted || own.contains(name) {
            scopes.insert_known(name);
        }
    }
    left(scopes)
}

/// PKCE by S256, for every client that is not excused (RFC 9700 §2.1.1).
fn challenge(
    challenge: Option<&str>,
    method: Option<&str>,
    client: &Client,
) -> Result<Option<String>, RequestFault> {
    let is_public = client.metadata.token_endpoint_auth_method == ClientAuthMethod::None;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match (challenge, method) {
        (None, None) if !is_public && !client.metadata.require_pkce => Ok(None),
        (None, _) => Err(RequestFault::Missing("code_challenge")),
        (Some(challenge), Some("S256")) => {
            let is_one = challenge.len() == CHALLENGE && challenge.bytes().all(is_plain);
            if is_one { Ok(Some(challenge.to_owned())) } else { Err(RequestFault::Challenge) }
        }
        (Some(_), _) => Err(RequestFault::ChallengeMethod),
    }
}

fn prompt(text: &str) -> Result<Prompt, RequestFault> {
    let mut prompt = Prompt::default();
    let values = text.split(' ').filter(|value| !value.is_empty());
    for value in values.clone() {
        match value {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(RequestFault::UnknownPrompt),
        }
    }
    if prompt.none && values.clone().any(|value| value != "none") {
        return Err(RequestFault::Prompt);
    }
    Ok(prompt)
}

fn is_new(prompt_login: bool, max_age: Option<i64>, (age, is_for_this): (i64, bool)) -> bool {
    let is_young = max_age.is_none_or(|most| most > 0 && age <= most);
    (!prompt_login && is_young) || (is_for_this && age <= STAYS_NEW)
}

fn seconds(text: &str) -> Result<i64, RequestFault> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(RequestFault::MaxAge);
    }
    // More than all seconds there are is as good as the most.
    Ok(text.parse().unwrap_or(i64::MAX))
}

/// This server, something below it, or the configured audience; one at most (RFC 8707 §2).
fn resource(parameters: &Parameters, audiences: &[&str]) -> Result<Option<String>, RequestFault> {
    let Ok(asked) = parameters.once("resource") else { return Err(RequestFault::Target) };
    let Some(asked) = asked else { return Ok(None) };
    let is_below = |audience: &&str| {
        let rest = asked.strip_prefix(*audience);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\#?".contains(&byte);
    let is_plain = asked.bytes().all(plain) && asked.split('/').all(|part| part != "..");
    if is_plain && audiences.iter().any(is_below) {
        Ok(Some(asked.to_owned()))
    } else {
        Err(RequestFault::Target)
    }
}

impl From<RepositoryError> for AuthorizeError {
    fn from(cause: RepositoryError) -> Self {
        Self::Unavailable(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_as_new_as_the_request_wants_it() {
        for (prompt_login, max_age, age, alone, for_this) in [
            (false, None, 1_000_000, true, true),
            (false, Some(60), 60, true, true),
            (false, Some(60), 61, false, true),
            (false, Some(60), STAYS_NEW + 1, false, false),
            (false, Some(900), STAYS_NEW + 1, true, true),
            (false, Some(0), -1, false, true),
            (false, Some(0), STAYS_NEW, false, true),
            (false, Some(0), STAYS_NEW + 1, false, false),
            (true, None, 0, false, true),
            (true, Some(900), STAYS_NEW, false, true),
            (true, Some(900), STAYS_NEW + 1, false, false),
        ] {
            let of = |is_for_this| is_new(prompt_login, max_age, (age, is_for_this));
            assert_eq!(
                (of(false), of(true)),
                (alone, for_this),
                "{prompt_login} {max_age:?} {age}"
            );
        }
    }
}
