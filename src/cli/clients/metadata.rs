//! What is registered of a client, as flags.

use crate::cli::report::CommandError;
use crate::domain::{ClientAuthMethod, ClientGrant, ClientMetadata, IdTokenAlgorithm, ScopeName};
use clap::Args;
use serde_json::Value;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

/// What is registered of a client.
#[derive(Debug, Args)]
pub(in crate::cli) struct Metadata {
    /// What users are shown; an empty one: nothing.
    #[arg(long = "name", value_name = "TEXT")]
    client_name: Option<String>,
    /// Where its users may be sent back to; may be repeated, an empty one: nowhere.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// The same after a logout.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended; an empty one: nowhere.
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// What signs its ID tokens: RS256 (the default), or the algorithm of tokens.algorithm.
    #[arg(long = "id-token-alg", value_name = "ALGORITHM")]
    id_token_signed_response_alg: Option<IdTokenAlgorithm>,
    /// Whether its requests must have a PKCE challenge. Only a client that proves who it is can do without.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_pkce: Option<bool>,
    /// Whether it is one of your own, so that its users are not asked what it may do.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    skip_consent: Option<bool>,
    #[arg(
        long,
        value_name = "METHOD",
        help = "How it proves who it is: client_secret_basic (the default), client_secret_post, \
                private_key_jwt or none"
    )]
    auth_method: Option<ClientAuthMethod>,
    #[arg(
        long = "grant-type",
        value_name = "GRANT",
        help = "What it may redeem: authorization_code (the default), client_credentials, password, \
                refresh_token; may be repeated"
    )]
    pub(super) grant_types: Vec<ClientGrant>,
    /// A scope that its tokens may carry; may be repeated, an empty one: none.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Option<ScopeName>>,
    /// A file with its public keys, a JWK Set; an empty name: none.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where its public keys are fetched from instead of --jwks; an empty one: nowhere.
    #[arg(long, value_name = "URI", conflicts_with = "jwks")]
    jwks_uri: Option<String>,
    /// Whether it may introspect the tokens of all.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    introspect: Option<bool>,
    /// Whether its assertions may name the token endpoint as their audience instead of the issuer.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    token_endpoint_audience: Option<bool>,
}

fn scope(text: &str) -> Result<Option<ScopeName>, String> {
    match text.parse::<ScopeName>() {
        Ok(scope) => Ok(Some(scope)),
        Err(_) if text.is_empty() => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Longest file with keys, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

impl Metadata {
    /// What makes a registration what was asked for.
    pub(super) fn edit(
        self,
    ) -> Result<impl FnOnce(ClientMetadata) -> ClientMetadata + Send + 'static, CommandError> {
        let jwks = self
            .jwks
            .map(|file| if file.as_os_str().is_empty() { Ok(None) } else { keys(&file).map(Some) });
        let jwks: Option<Option<Value>> = jwks.transpose()?;
        let has_jwks = jwks.as_ref().is_some_and(Option::is_some);
        let uris = |uris: Vec<String>, before: Vec<String>| match &*uris {
            [] => before,
            _ => uris.into_iter().filter(|uri| !uri.is_empty()).collect(),
        };
        Ok(move |before: ClientMetadata| ClientMetadata {
            client_name: match self.client_name {
                Some(name) => Some(name).filter(|name| !name.is_empty()),
                None => before.client_name,
            },
            redirect_uris: uris(self.redirect_uris, before.redirect_uris),
            post_logout_redirect_uris: uris(
                self.post_logout_redirect_uris,
                before.post_logout_redirect_uris,
            ),
            backchannel_logout_uri: match self.backchannel_logout_uri {
                Some(uri) => Some(uri).filter(|uri| !uri.is_empty()),
                None => before.backchannel_logout_uri,
            },
            id_token_signed_response_alg: self
                .id_token_signed_response_alg
                .unwrap_or(before.id_token_signed_response_alg),
            require_pkce: self.require_pkce.unwrap_or(before.require_pkce),
            skip_consent: self.skip_consent.unwrap_or(before.skip_consent),
            token_endpoint_auth_method: self
                .auth_method
                .unwrap_or(before.token_endpoint_auth_method),
            grant_types: match &*self.grant_types {
                [] => before.grant_types,
                _ => self.grant_types,
            },
            scope: match &*self.scopes {
                [] => before.scope,
                _ => self.scopes.into_iter().flatten().collect(),
            },
            // The keys are in one place: a new one takes the place of the other.
            jwks: match (jwks, &self.jwks_uri) {
                (Some(jwks), _) => jwks,
                (None, Some(uri)) if !uri.is_empty() => None,
                _ => before.jwks,
            },
            jwks_uri: match self.jwks_uri {
                Some(uri) => Some(uri).filter(|uri| !uri.is_empty()),
                None if has_jwks => None,
                None => before.jwks_uri,
            },
            introspect: self.introspect.unwrap_or(before.introspect),
            token_endpoint_audience: self
                .token_endpoint_audience
                .unwrap_or(before.token_endpoint_audience),
        })
    }
}

fn keys(file: &PathBuf) -> Result<Value, CommandError> {
    let fail =
        |cause: &dyn fmt::Display| CommandError::Failed(format!("{}: {cause}", file.display()));
    let mut text = String::new();
    let read = fs::File::open(file).and_then(|it| it.take(LONGEST_FILE).read_to_string(&mut text));
    read.map_err(|cause| fail(&cause))?;
    serde_json::from_str(&text).map_err(|_| fail(&"expected a JWK Set, which is JSON"))
}
