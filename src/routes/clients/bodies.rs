//! What is sent to and from `/oauth/clients`, in the words of RFC 7591.

use crate::domain::{Client, ClientId, ClientMetadata, ClientSecret, Secret};
use crate::extract;
use crate::routes::clients::metadata::MetadataBody;
use paperclip::actix::Apiv2Schema;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

crate::rules! {
    "client-id" = |text, _| {
        text.parse::<ClientId>().map(drop).map_err(|error| error.to_string().into())
    };
    "client-id-or-empty" = |text, _| {
        if text.is_empty() {
            return Ok(());
        }
        text.parse::<ClientId>().map(drop).map_err(|error| error.to_string().into())
    };
}

/// A body with a registration.
pub(super) type ClientJson<T> = extract::Json<T, { 64 * 1024 }>;

/// A body about a secret.
pub(super) type RotationJson<T> = extract::Json<T, { 16 * 1024 }>;

#[derive(Deserialize, JsonSchema)]
#[schemars(
    rename = "ClientRegistration",
    extend("example" = json!({
        "client_name": "Nightly reports",
        "grant_types": ["client_credentials"],
        "scope": "items",
    }))
)]
pub(super) struct ClientBody {
    /// Names it; a random one if absent
    #[serde(default)]
    #[schemars(
        with = "Option<String>",
        extend("x-rule" = "client-id", "default" = null, "maxLength" = ClientId::LONGEST)
    )]
    pub(super) client_id: Option<ClientId>,
    /// A secret that was made elsewhere, of at least 32 bytes; one is made if absent
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "password", "default" = null))]
    pub(super) client_secret: Option<Secret>,
    #[serde(flatten)]
    pub(super) metadata: MetadataBody,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClientSecretRotation", extend("example" = json!({"keep_old_seconds": 86_400})))]
pub(super) struct RotationBody {
    /// A secret that was made elsewhere, of at least 32 bytes; one is made if absent
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "password", "default" = null))]
    pub(super) client_secret: Option<Secret>,
    /// How long the secret before it counts; 0 ends all tokens of the client, too
    #[serde(default = "a_day")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub(super) keep_old_seconds: u32,
}

fn a_day() -> u32 {
    86_400
}

/// Which page of clients.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ClientsQuery {
    /// The last id of the page before; empty for the first page
    #[serde(default, deserialize_with = "id_or_empty")]
    #[schemars(
        with = "String",
        length(max = ClientId::LONGEST),
        extend("default" = null, "x-rule" = "client-id-or-empty")
    )]
    pub(super) after: Option<ClientId>,
    /// How many clients
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 1000))]
    pub(super) limit: u32,
}

fn usual_limit() -> u32 {
    100
}

fn id_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ClientId>, D::Error> {
    let id = String::deserialize(deserializer)?;
    if id.is_empty() {
        return Ok(None);
    }
    id.parse().map(Some).map_err(serde::de::Error::custom)
}

/// A client, without its secrets.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "ClientRecord")]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the registration")]
pub(super) struct ClientRecord {
    /// Names it.
    #[openapi(example = "reports")]
    client_id: String,
    /// When it was registered, in seconds since 1970.
    #[openapi(example = "1769846400")]
    client_id_issued_at: i64,
    /// What users are shown.
    #[openapi(example = "Nightly reports")]
    client_name: Option<String>,
    /// Where its users may be sent back to.
    #[openapi(example = "[]")]
    redirect_uris: Vec<String>,
    /// The same after a logout.
    #[openapi(example = "[]")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended.
    backchannel_logout_uri: Option<String>,
    /// What signs its ID tokens.
    #[openapi(example = "RS256")]
    id_token_signed_response_alg: String,
    /// What it asks for with a redirect.
    #[openapi(example = "[\"code\"]")]
    response_types: Vec<String>,
    /// Whether its requests must have a PKCE challenge.
    #[openapi(example = "true")]
    require_pkce: bool,
    /// Whether its users are not asked what it may do.
    #[openapi(example = "false")]
    skip_consent: bool,
    /// How it proves who it is.
    #[openapi(example = "client_secret_basic")]
    token_endpoint_auth_method: String,
    /// What it may redeem.
    #[openapi(example = "[\"client_credentials\"]")]
    grant_types: Vec<String>,
    /// The most that its tokens may carry.
    #[openapi(example = "items")]
    scope: String,
    /// Its public keys.
    jwks: Option<Value>,
    /// Where they are fetched from instead.
    #[openapi(example = "https://app.example.com/keys")]
    jwks_uri: Option<String>,
    /// Whether it may introspect the tokens of all.
    #[openapi(example = "false")]
    introspect: bool,
    /// Whether its assertions may name the token endpoint as their audience.
    #[openapi(example = "false")]
    token_endpoint_audience: bool,
    /// Its secrets, the oldest first.
    secrets: Vec<SecretRecord>,
    /// `configuration` or `database`.
    #[openapi(example = "database")]
    source: &'static str,
}

/// When a secret was made, and when it ends.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "ClientSecretRecord")]
pub(super) struct SecretRecord {
    /// When it was made (RFC 3339).
    #[openapi(example = "2026-01-31T08:00:00Z")]
    created_at: String,
    /// When it ends (RFC 3339).
    #[openapi(example = "2026-02-01T08:00:00Z")]
    expires_at: Option<String>,
}

impl ClientRecord {
    pub(super) fn of(client: &Client) -> Self {
        let ClientMetadata {
            client_name,
            redirect_uris,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            id_token_signed_response_alg,
            require_pkce,
            skip_consent,
            token_endpoint_auth_method,
            grant_types,
            scope,
            jwks,
            jwks_uri,
            introspect,
            token_endpoint_audience,
        } = client.metadata.clone();
        let types = client.metadata.response_types();
        let secret = |secret: &ClientSecret| SecretRecord {
            created_at: secret.created_at.to_string(),
            expires_at: secret.expires_at.map(|end| end.to_string()),
        };
        Self {
            client_id: client.id.to_string(),
            client_id_issued_at: client.created_at.seconds(),
            client_name,
            redirect_uris,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            id_token_signed_response_alg: id_token_signed_response_alg.to_string(),
            response_types: types.iter().map(ToString::to_string).collect(),
            require_pkce,
            skip_consent,
            token_endpoint_auth_method: token_endpoint_auth_method.to_string(),
            grant_types: grant_types.iter().map(ToString::to_string).collect(),
            scope: scope.to_string(),
            jwks,
            jwks_uri,
            introspect,
            token_endpoint_audience,
            secrets: client.secrets.iter().map(secret).collect(),
            source: client.source(),
        }
    }
}

/// A page of clients.
#[derive(Serialize, Apiv2Schema)]
pub(super) struct ClientPage {
    /// The clients.
    pub(super) clients: Vec<ClientRecord>,
    /// The `after` of the following page; absent on the last.
    #[openapi(example = "reports")]
    pub(super) next: Option<String>,
}

/// A client with its new secret, which is shown here and never again (RFC 7591 §3.2.1).
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "RegisteredClient")]
pub(super) struct RegisteredClient {
    /// Names it.
    #[openapi(example = "reports")]
    client_id: String,
    /// When it was registered, in seconds since 1970.
    #[openapi(example = "1769846400")]
    client_id_issued_at: i64,
    /// The secret, if one was made here.
    #[openapi(example = "bwc_…")]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// Always 0: it does not end by itself.
    #[openapi(example = "0")]
    client_secret_expires_at: i64,
    /// What users are shown.
    #[openapi(example = "Nightly reports")]
    client_name: Option<String>,
    /// Where its users may be sent back to.
    #[openapi(example = "[]")]
    redirect_uris: Vec<String>,
    /// How it proves who it is.
    #[openapi(example = "client_secret_basic")]
    token_endpoint_auth_method: String,
    /// What it may redeem.
    #[openapi(example = "[\"client_credentials\"]")]
    grant_types: Vec<String>,
    /// The most that its tokens may carry.
    #[openapi(example = "items")]
    scope: String,
}

impl RegisteredClient {
    pub(super) fn of(client: &Client, secret: Option<&Secret>) -> Self {
        let ClientRecord {
            client_id,
            client_id_issued_at,
            client_name,
            redirect_uris,
            token_endpoint_auth_method,
            grant_types,
            scope,
            ..
        } = ClientRecord::of(client);
        Self {
            client_id,
            client_id_issued_at,
            client_secret: secret.map(|secret| secret.expose().to_owned()),
            client_secret_expires_at: 0,
            client_name,
            redirect_uris,
            token_endpoint_auth_method,
            grant_types,
            scope,
        }
    }
}
