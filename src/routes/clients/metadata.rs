//! What is registered of a client, as it is sent.

use crate::api_error::ApiError;
use crate::domain::{
    ClientAuthMethod, ClientFault, ClientGrant, ClientMetadata, IdTokenAlgorithm, RepositoryError,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What is registered. An empty list, an empty text and null count as absent.
#[derive(Deserialize, JsonSchema)]
pub(super) struct MetadataBody {
    /// What users are shown
    #[serde(default)]
    #[schemars(extend("default" = null))]
    client_name: Option<String>,
    /// Where its users may be sent back to
    #[serde(default)]
    redirect_uris: Vec<String>,
    /// The same after a logout
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended
    #[serde(default)]
    #[schemars(extend("default" = null))]
    backchannel_logout_uri: Option<String>,
    /// What signs its ID tokens; `RS256` if absent
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("default" = null))]
    id_token_signed_response_alg: Option<String>,
    /// `code` alone, for `authorization_code`
    #[serde(default)]
    response_types: Vec<String>,
    /// Whether its requests must have a PKCE challenge; they must if absent
    #[serde(default)]
    #[schemars(extend("default" = null))]
    require_pkce: Option<bool>,
    /// Whether it is one of the operator's own: its users are not asked what it may do
    #[serde(default)]
    skip_consent: bool,
    /// How it proves who it is
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("default" = null))]
    token_endpoint_auth_method: Option<String>,
    /// What it may redeem; `authorization_code` if absent
    #[serde(default)]
    grant_types: Vec<String>,
    /// The most that its tokens may carry, separated by spaces
    #[serde(default)]
    scope: String,
    /// Its public keys: a JWK Set
    #[serde(default)]
    #[schemars(extend("default" = null))]
    jwks: Option<Value>,
    /// Where its public keys are fetched from instead
    #[serde(default)]
    #[schemars(extend("default" = null))]
    jwks_uri: Option<String>,
    /// Whether it may introspect the tokens of all
    #[serde(default)]
    introspect: bool,
    /// Whether its assertions may name the token endpoint as their audience instead of the issuer
    #[serde(default)]
    token_endpoint_audience: bool,
}

impl TryFrom<MetadataBody> for ClientMetadata {
    type Error = ApiError;

    fn try_from(body: MetadataBody) -> Result<Self, ApiError> {
        let fault = |field, problem: String| {
            ApiError::from(RepositoryError::BadClient(ClientFault::new(field, problem)))
        };
        let defaults = Self::default();
        let method = body.token_endpoint_auth_method.filter(|method| !method.is_empty());
        let method = method.map(|method| method.parse::<ClientAuthMethod>()).transpose();
        let grants = body.grant_types.iter().map(|grant| grant.parse::<ClientGrant>());
        let grants = grants.collect::<Result<Vec<_>, _>>();
        if let Some(other) = body.response_types.iter().find(|one| *one != "code") {
            return Err(fault(
                "response_types",
                format!("expected `code`, not `{}`", shown(other)),
            ));
        }
        let algorithm = body.id_token_signed_response_alg.filter(|name| !name.is_empty());
        let algorithm = algorithm.map(|name| name.parse::<IdTokenAlgorithm>()).transpose();
        Ok(Self {
            client_name: body.client_name.filter(|name| !name.is_empty()),
            redirect_uris: body.redirect_uris,
            post_logout_redirect_uris: body.post_logout_redirect_uris,
            backchannel_logout_uri: body.backchannel_logout_uri.filter(|uri| !uri.is_empty()),
            id_token_signed_response_alg: algorithm
                .map_err(|problem| fault("id_token_signed_response_alg", problem))?
                .unwrap_or(defaults.id_token_signed_response_alg),
            require_pkce: body.require_pkce.unwrap_or(defaults.require_pkce),
            skip_consent: body.skip_consent,
            token_endpoint_auth_method: method
                .map_err(|problem| fault("token_endpoint_auth_method", problem))?
                .unwrap_or(defaults.token_endpoint_auth_method),
            grant_types: Some(grants.map_err(|problem| fault("grant_types", problem))?)
                .filter(|grants| !grants.is_empty())
                .unwrap_or(defaults.grant_types),
            scope: body.scope.parse().map_err(|error| fault("scope", format!("{error}")))?,
            jwks: body.jwks.filter(|jwks| !jwks.is_null()),
            jwks_uri: body.jwks_uri.filter(|uri| !uri.is_empty()),
            introspect: body.introspect,
            token_endpoint_audience: body.token_endpoint_audience,
        })
    }
}

/// Texts from outside may be long, and hold anything.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
