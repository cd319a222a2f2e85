//! Logins at other providers: OpenID Connect, and GitHub's OAuth 2.0. Every fact is checked here; what is
//! made of them is for `accounts`.

mod error;
mod github;
mod openid;
mod provider;

pub use error::ProviderFault;
pub use provider::Provider;

use crate::accounts::{Arrival, ProviderIdentities};
use crate::domain::{ClientAuthMethod, KeyHash, Secret, Shown, Subject, Timestamp};
use crate::outgoing::{Documents, Outgoing, Request, Response};
use crate::tokens::{ClientKeys, challenge_of, state_hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use openid::Metadata;
use provider::Kind;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The other providers.
pub struct Upstream {
    providers: Vec<Provider>,
    /// The users who log in there.
    pub identities: ProviderIdentities,
    outgoing: Outgoing,
    metadata: Documents<Metadata>,
    keys: Documents<ClientKeys>,
}

/// What a login is begun and finished with; each is another one for each login.
#[derive(Clone, Copy, Debug)]
pub struct Proofs<'a> {
    /// Where the provider sends the browser back to.
    pub redirect_uri: &'a str,
    /// Ties the response to the browser.
    pub state: &'a str,
    /// Ties the ID token to the login.
    pub nonce: &'a str,
    /// Ties the code to the login (RFC 7636).
    pub verifier: &'a str,
    /// What the login must be like.
    pub demand: Demand,
}

/// What a login at a provider must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Any: a user who is logged in there may stay so.
    Any,
    /// The user chooses an account there.
    Choice,
    /// The user logs in again there, not earlier than then.
    New(Timestamp),
}

impl Demand {
    fn since(self) -> Option<Timestamp> {
        match self {
            Self::Any | Self::Choice => None,
            Self::New(since) => Some(since),
        }
    }
}

/// What a provider's response says, as it came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    /// See RFC 6749 §4.1.2.
    pub code: &'a str,
    /// See RFC 6749 §4.1.2.1.
    pub error: &'a str,
    /// See RFC 9207.
    pub iss: &'a str,
}

/// Where a provider is asked, complete.
struct Places {
    authorization: String,
    token: String,
    userinfo: Option<String>,
    jwks: Option<String>,
    /// Whether each response names the issuer.
    names_issuer: bool,
    auth_method: ClientAuthMethod,
}

/// A token endpoint's response (RFC 6749 §5.1, §5.2); GitHub's errors come with the status 200.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<Secret>,
    id_token: Option<Secret>,
    error: Option<String>,
}

impl Upstream {
    /// Takes the providers, the users who log in there, and who asks them.
    #[must_use]
    pub fn new(
        providers: Vec<Provider>,
        identities: ProviderIdentities,
        outgoing: Outgoing,
    ) -> Self {
        let metadata = Documents::new(outgoing.clone(), Metadata::read);
        let keys = Documents::new(outgoing.clone(), ClientKeys::fetched);
        Self { providers, identities, outgoing, metadata, keys }
    }

    /// All of them, in the order of their names.
    #[must_use]
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// Whether the word of one of them counts for this address.
    #[must_use]
    pub fn trusts(&self, email: &str) -> bool {
        self.providers.iter().any(|provider| provider.trusts(email))
    }

    /// The one with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// What is kept of a state.
    #[must_use]
    pub fn state_hash(state: &str) -> KeyHash {
        state_hash(state)
    }

    /// Where the browser is sent to.
    pub async fn departure(
        &self,
        provider: &Provider,
        proofs: Proofs<'_>,
    ) -> Result<String, ProviderFault> {
        if provider.kind == Kind::Github && proofs.demand.since().is_some() {
            // It neither asks users to log in again nor says when they did.
            return Err(ProviderFault::NotRenewed);
        }
        let places = self.places(provider).await?;
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.client_id)
            .append_pair("redirect_uri", proofs.redirect_uri)
            .append_pair("scope", &provider.scopes)
            .append_pair("state", proofs.state)
            .append_pair("code_challenge", &challenge_of(proofs.verifier))
            .append_pair("code_challenge_method", "S256");
        if provider.kind != Kind::Github {
            query.append_pair("nonce", proofs.nonce);
        }
        // With `max_age`, the ID token says when it was (OpenID Connect Core §3.1.2.1).
        let wants: &[(&str, &str)] = match proofs.demand {
            Demand::Any => &[],
            Demand::Choice => &[("prompt", "select_account")],
            Demand::New(_) => &[("prompt", "login"), ("max_age", "0")],
        };
        query.extend_pairs(wants);
        let join = if places.authorization.contains('?') { '&' } else { '?' };
        Ok(format!("{}{join}{}", places.authorization, query.finish()))
    }

    /// Who came back.
    pub async fn arrival(
        &self,
        provider: &Provider,
        answer: Answer<'_>,
        proofs: Proofs<'_>,
    ) -> Result<Arrival, ProviderFault> {
        let places = self.places(provider).await?;
        if let Kind::OpenId { issuer, .. } = &provider.kind
            && answer.iss != issuer
            && (places.names_issuer || !answer.iss.is_empty())
        {
            return Err(ProviderFault::WrongIssuer);
        }
        if !answer.error.is_empty() {
            let plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
            let error = answer.error.chars().filter(plain).take(100).collect();
            return Err(ProviderFault::Refused(error));
        }
        if answer.code.is_empty() {
            return Err(ProviderFault::nonsense("the response has neither a code nor an error"));
        }
        let tokens = self.redeem(provider, &places, (answer.code, proofs)).await?;
        match &provider.kind {
            Kind::Github => self.github_user(provider, &places, tokens).await,
            Kind::OpenId { issuer, .. } => {
                self.openid_user(provider, (issuer, &places), proofs, tokens).await
            }
        }
    }

    async fn places(&self, provider: &Provider) -> Result<Places, ProviderFault> {
        let own = provider.endpoints.clone();
        let found = match &provider.kind {
            Kind::OpenId { issuer, is_discovered: true } => {
                let url = openid::metadata_url(issuer);
                let found = self.metadata.get(&url).await;
                let found = found.map_err(ProviderFault::away("the provider's metadata"))?;
                if found.issuer != *issuer {
                    return Err(ProviderFault::WrongIssuer);
                }
                Some(found)
            }
            _ => None,
        };
        let found = found.as_deref();
        let lacks = |what: &str| ProviderFault::nonsense(format!("the metadata has no {what}"));
        let by_post = found.is_some_and(Metadata::takes_only_post);
        let usual = match (&provider.secret, by_post) {
            (None, _) => ClientAuthMethod::None,
            (Some(_), true) => ClientAuthMethod::ClientSecretPost,
            (Some(_), false) => ClientAuthMethod::ClientSecretBasic,
        };
        Ok(Places {
            authorization: own
                .authorization
                .or(found.and_then(|it| it.authorization_endpoint.clone()))
                .ok_or_else(|| lacks("authorization_endpoint"))?,
            token: own
                .token
                .or(found.and_then(|it| it.token_endpoint.clone()))
                .ok_or_else(|| lacks("token_endpoint"))?,
            userinfo: own.userinfo.or(found.and_then(|it| it.userinfo_endpoint.clone())),
            jwks: own.jwks.or(found.and_then(|it| it.jwks_uri.clone())),
            names_issuer: found.is_some_and(|it| it.names_issuer),
            auth_method: provider.auth_method.unwrap_or(usual),
        })
    }

    /// Redeems a code (RFC 6749 §4.1.3).
    async fn redeem(
        &self,
        provider: &Provider,
        places: &Places,
        (code, proofs): (&str, Proofs<'_>),
    ) -> Result<Received, ProviderFault> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", proofs.redirect_uri),
            ("code_verifier", proofs.verifier),
        ];
        let secret = provider.secret.as_ref().map(Secret::expose).unwrap_or_default();
        let by_basic = places.auth_method == ClientAuthMethod::ClientSecretBasic;
        if !by_basic {
            form.push(("client_id", &provider.client_id));
        }
        if places.auth_method == ClientAuthMethod::ClientSecretPost {
            form.push(("client_secret", secret));
        }
        let mut request = Request::post(&places.token, form);
        if by_basic {
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&provider.client_id), encoded(secret));
            request = request.authorized(Secret::new(format!("Basic {}", STANDARD.encode(pair))));
        }
        let response = self.outgoing.send(request).await;
        let response = response.map_err(ProviderFault::away("the token endpoint"))?;
        let answer: TokenAnswer = serde_json::from_slice(&response.body).map_err(|_| {
            let status = response.status;
            ProviderFault::nonsense(format!("the token endpoint's response ({status}) is no JSON"))
        })?;
        match (response.status, answer) {
            (200, TokenAnswer { access_token: Some(token), id_token, error: None }) => {
                Ok((token, id_token))
            }
            (status, TokenAnswer { error, .. }) => {
                let error: String = error
                    .unwrap_or_default()
                    .chars()
                    .filter(char::is_ascii_graphic)
                    .take(50)
                    .collect();
                // It has not given this code, or another login has used it; GitHub has its own word.
                if matches!(error.as_str(), "invalid_grant" | "bad_verification_code") {
                    return Err(ProviderFault::Refused(error));
                }
                Err(ProviderFault::nonsense(format!(
                    "the token endpoint responds {status} {error}"
                )))
            }
        }
    }

    /// A JSON document for the holder of an access token.
    async fn ask(
        &self,
        url: &str,
        token: &Secret,
        what: &'static str,
    ) -> Result<Value, ProviderFault> {
        let authorization = Secret::new(format!("Bearer {}", token.expose()));
        let sent = self.outgoing.send(Request::get(url).authorized(authorization)).await;
        let Response { status, body, .. } = sent.map_err(ProviderFault::away(what))?;
        let read = serde_json::from_slice(&body).ok().filter(|_| status == 200);
        read.ok_or_else(|| ProviderFault::nonsense(format!("{what} responds {status}, or no JSON")))
    }
}

/// What a provider's tokens are: an access token and, by OpenID Connect, an ID token.
type Received = (Secret, Option<Secret>);

/// What follows for somebody from what a provider says.
fn arrival(
    provider: &Provider,
    id: &str,
    claims: &Map<String, Value>,
    email: Option<String>,
    names: &[&str],
) -> Result<Arrival, ProviderFault> {
    let subject = Subject::new(&provider.name, id);
    let subject = subject.ok_or_else(|| ProviderFault::nonsense("the user's id cannot be kept"))?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let found: Vec<String> = names.iter().filter_map(|name| text(name)).collect();
    let label = email.clone().or(found.first().cloned()).unwrap_or_default();
    let label: String = label.chars().filter(|c| !c.is_control()).take(254).collect();
    Ok(Arrival {
        shown: Shown { subject, label: label.into(), scopes: provider.scopes_of(claims) },
        is_trusted: email.as_deref().is_some_and(|email| provider.trusts(email)),
        asks_for_email: provider.asks_for_email(),
        may_sign_up: provider.takes(email.as_deref()),
        email,
        names: found,
        full_name: text("name"),
    })
}
