//! How clients prove who they are (RFC 6749 §2.3, RFC 7523 §2.2): once, in the way that they are
//! registered with.

use crate::accounts::Clients;
use crate::domain::{
    AuditReason, Client, ClientAuthMethod, KeyHash, RepositoryError, Secret, Sender,
};
use crate::oauth::error::GrantError;
use crate::tokens::{ClientKeys, client_secret_hash};
use percent_encoding::percent_decode_str;
use std::sync::Arc;

/// The only kind of assertion.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a request shows of the client that sends it.
#[derive(Debug, Default)]
pub struct ClientCredentials {
    /// The form's `client_id`.
    pub id: Option<String>,
    /// The form's `client_secret`.
    pub secret: Option<Secret>,
    /// The form's `client_assertion`.
    pub assertion: Option<Secret>,
    /// The form's `client_assertion_type`.
    pub assertion_type: Option<String>,
    /// HTTP Basic.
    pub basic: Option<BasicPair>,
}

/// Name and password of HTTP Basic, as sent.
#[derive(Debug)]
pub enum BasicPair {
    /// They can be read.
    Read(String, Secret),
    /// They cannot.
    Malformed,
}

/// Why a client is not authenticated.
enum Refusal {
    /// It does not prove who it is; the log is told why.
    Unproven(AuditReason),
    /// Something else.
    Other(GrantError),
}

impl From<RepositoryError> for Refusal {
    fn from(cause: RepositoryError) -> Self {
        Self::Other(GrantError::Unavailable(cause))
    }
}

/// One way to prove it.
enum Proof {
    /// None: who a public client says it is.
    Nothing,
    /// The hashes of what the secret may be.
    Secret([KeyHash; 2]),
    Assertion(Secret),
}

impl ClientCredentials {
    /// The client that sends the request; `None` if the request names no client at all.
    pub async fn authenticate(
        self,
        clients: &Clients,
        sender: &Sender,
    ) -> Result<Option<Arc<Client>>, GrantError> {
        let by_basic = self.basic.is_some();
        let tried = self.claimed_id();
        let (id, proof) = match self.proof() {
            Ok(Some(shown)) => shown,
            Ok(None) => return Ok(None),
            Err(Refusal::Other(error)) => return Err(error),
            Err(Refusal::Unproven(reason)) => {
                clients.audit_refused(tried.as_deref().unwrap_or_default(), reason, sender);
                return Err(GrantError::InvalidClient { by_basic });
            }
        };
        match prove(&id, proof, clients).await {
            Ok(client) => Ok(Some(client)),
            Err(Refusal::Other(error)) => Err(error),
            Err(Refusal::Unproven(reason)) => {
                clients.audit_refused(&id, reason, sender);
                Err(GrantError::InvalidClient { by_basic })
            }
        }
    }

    /// The same for a request that must come from a client.
    pub async fn require(
        self,
        clients: &Clients,
        sender: &Sender,
    ) -> Result<Arc<Client>, GrantError> {
        let by_basic = self.basic.is_some();
        let client = self.authenticate(clients, sender).await?;
        client.ok_or(GrantError::InvalidClient { by_basic })
    }

    /// Whether the request names a client that is registered.
    pub async fn names_one_of(&self, clients: &Clients) -> Result<bool, RepositoryError> {
        match self.claimed_id() {
            Some(id) => Ok(clients.find(&id).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Which client the request says it is from, by the first place that says it.
    fn claimed_id(&self) -> Option<String> {
        match &self.basic {
            Some(BasicPair::Read(id, _)) => Some(form_decoded(id)),
            _ => self.id.clone().or_else(|| ClientKeys::claimed(self.assertion.as_ref()?.expose())),
        }
    }

    /// The client's id and the one way in which it is proved. Two at a time are refused, whether right or
    /// wrong (RFC 6749 §2.3); an equal `client_id` beside one is fine.
    fn proof(self) -> Result<Option<(String, Proof)>, Refusal> {
        let invalid = || Refusal::Other(GrantError::InvalidRequest);
        let ways = [self.basic.is_some(), self.secret.is_some(), self.assertion.is_some()];
        if ways.into_iter().filter(|is_there| *is_there).count() > 1 {
            return Err(invalid());
        }
        if self.assertion.is_some() != self.assertion_type.is_some() {
            return Err(invalid());
        }
        match (self.basic, self.secret, self.assertion) {
            (Some(BasicPair::Malformed), ..) => Err(Refusal::Unproven(AuditReason::WrongSecret)),
            (Some(BasicPair::Read(name, password)), ..) => {
                let name = form_decoded(&name);
                if self.id.is_some_and(|id| id != name) {
                    return Err(invalid());
                }
                // RFC 6749 §2.3.1 wants both form-encoded; many clients send them as they are.
                let decoded = Secret::new(form_decoded(password.expose()));
                let hashes = [&decoded, &password].map(|text| client_secret_hash(text.expose()));
                Ok(Some((name, Proof::Secret(hashes))))
            }
            (None, Some(secret), _) => {
                let hash = client_secret_hash(secret.expose());
                Ok(Some((self.id.ok_or_else(invalid)?, Proof::Secret([hash; 2]))))
            }
            (None, None, Some(assertion)) => {
                if self.assertion_type.is_none_or(|kind| kind != JWT_BEARER) {
                    return Err(Refusal::Unproven(AuditReason::WrongAssertion));
                }
                let id = self.id.or_else(|| ClientKeys::claimed(assertion.expose()));
                let id = id.ok_or(Refusal::Unproven(AuditReason::WrongAssertion))?;
                Ok(Some((id, Proof::Assertion(assertion))))
            }
            (None, None, None) => Ok(self.id.map(|id| (id, Proof::Nothing))),
        }
    }
}

async fn prove(id: &str, proof: Proof, clients: &Clients) -> Result<Arc<Client>, Refusal> {
    let client = clients.find(id).await?;
    match proof {
        Proof::Nothing => check_public(client.as_deref())?,
        Proof::Secret(hashes) => check_secret(client.as_deref(), hashes, clients)?,
        Proof::Assertion(assertion) => {
            check_assertion(client.as_deref(), &assertion, clients).await?;
        }
    }
    client.ok_or(Refusal::Unproven(AuditReason::UnknownClient))
}

fn check_public(client: Option<&Client>) -> Result<(), Refusal> {
    match client.map(|client| client.metadata.token_endpoint_auth_method) {
        None => Err(Refusal::Unproven(AuditReason::UnknownClient)),
        Some(ClientAuthMethod::None) => Ok(()),
        Some(_) => Err(Refusal::Unproven(AuditReason::OtherAuthMethod)),
    }
}

/// Compares with as many secrets for any client, and for none.
fn check_secret(
    client: Option<&Client>,
    shown: [KeyHash; 2],
    clients: &Clients,
) -> Result<(), Refusal> {
    let now = clients.now();
    let nobodys = KeyHash::new([0; 32]);
    let live = client.map_or(&[][..], |client| &client.secrets);
    let live = live.iter().filter(|secret| secret.is_live(now)).map(|secret| secret.hash);
    let held = live.map(|hash| (hash, true)).chain([(nobodys, false); Client::MOST_SECRETS]);
    let mut is_right = false;
    for (hash, counts) in held.take(Client::MOST_SECRETS) {
        for shown in &shown {
            is_right |= hash.equals(shown) & counts;
        }
    }
    match client {
        None => Err(Refusal::Unproven(AuditReason::UnknownClient)),
        Some(client) if !client.metadata.has_secret() => {
            Err(Refusal::Unproven(AuditReason::OtherAuthMethod))
        }
        Some(_) if is_right => Ok(()),
        Some(_) => Err(Refusal::Unproven(AuditReason::WrongSecret)),
    }
}

async fn check_assertion(
    client: Option<&Client>,
    assertion: &Secret,
    clients: &Clients,
) -> Result<(), Refusal> {
    let unproven = |reason| Err(Refusal::Unproven(reason));
    let Some(issuer) = clients.issuer() else { return unproven(AuditReason::WrongAssertion) };
    let token_endpoint = format!("{issuer}/token");
    let audiences = [issuer, &token_endpoint];
    let keys = match client {
        Some(client) => keys_of(client, assertion, clients).await?,
        None => None,
    };
    let (Some(client), Some(keys)) = (client, keys) else {
        ClientKeys::pretend_to_verify(assertion.expose());
        return unproven(match client {
            None => AuditReason::UnknownClient,
            Some(_) => AuditReason::OtherAuthMethod,
        });
    };
    let audiences =
        if client.metadata.token_endpoint_audience { &audiences[..] } else { &audiences[..1] };
    let verified = keys.verify(assertion.expose(), (&client.id, audiences), clients.now());
    if client.metadata.token_endpoint_auth_method != ClientAuthMethod::PrivateKeyJwt {
        return unproven(AuditReason::OtherAuthMethod);
    }
    match verified {
        Ok(shown) if clients.is_first(shown.id, shown.until).await? => Ok(()),
        Ok(_) => unproven(AuditReason::ReplayedAssertion),
        Err(cause) => {
            log::debug!(target: "bailiwick.error", "an assertion of {} is refused: {cause}", client.id);
            unproven(AuditReason::WrongAssertion)
        }
    }
}

/// The keys that may verify what the client signs; `None` if it has none.
async fn keys_of(
    client: &Client,
    assertion: &Secret,
    clients: &Clients,
) -> Result<Option<Arc<ClientKeys>>, Refusal> {
    // Nobody else makes the server ask somebody.
    let metadata = &client.metadata;
    let is_meant = metadata.token_endpoint_auth_method == ClientAuthMethod::PrivateKeyJwt;
    let Some(uri) = metadata.jwks_uri.as_ref().filter(|_| is_meant) else {
        let keys = metadata.jwks.as_ref().and_then(|jwks| ClientKeys::read(jwks).ok());
        return Ok(keys.map(Arc::new));
    };
    match clients.published_keys(uri, assertion.expose()).await {
        Ok(keys) => Ok(Some(keys)),
        Err(cause) => {
            let id = &client.id;
            log::warn!(target: "bailiwick.error", "the keys of client {id} cannot be fetched from its jwks_uri: {cause}");
            Err(Refusal::Unproven(AuditReason::KeysUnavailable))
        }
    }
}

/// `application/x-www-form-urlencoded` for one value; bytes that are no text become a character that no
/// secret is stored with.
fn form_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
