//! The clients of the configuration.

use crate::accounts::{ClientRules, client_secret};
use crate::domain::{
    Client, ClientAuthMethod, ClientFault, ClientGrant, ClientId, ClientMetadata, ClientSecret,
    DOCS_CLIENT, DOCS_REDIRECT, KeyHash, ScopeTable, Scopes, Secret, Timestamp,
};
use crate::services::StartError;
use crate::settings::{ClientSettings, NamedFile, Settings, shown_path};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The clients of the configuration by their ids.
pub(super) type Configured = BTreeMap<ClientId, Arc<Client>>;

/// Those that can be used, or why one cannot.
pub(super) fn clients(settings: &Settings, rules: &ClientRules) -> Result<Configured, StartError> {
    let clients = settings.clients.iter().map(|(id, given)| {
        let faulty = |fault| StartError::new(format_args!("clients.{id}.{fault}"));
        let metadata = metadata(given).map_err(faulty)?;
        rules.check(&metadata).map_err(faulty)?;
        let is_service = metadata.may_redeem(ClientGrant::ClientCredentials);
        if is_service && settings.tokens.algorithm.asymmetric().is_none() {
            let problem =
                "client_credentials needs tokens.algorithm \"EdDSA\", \"ES256\" or \"RS256\"";
            return Err(faulty(ClientFault::new("grant_types", problem)));
        }
        let hashes = secrets(given, &metadata).map_err(faulty)?;
        Ok((id.clone(), Arc::new(client(id, metadata, &hashes))))
    });
    clients.collect()
}

/// The same without secrets, for commands: whoever runs one may not be allowed to read them.
pub(super) fn without_secrets(settings: &Settings) -> Configured {
    let clients = settings.clients.iter().map(|(id, given)| {
        let metadata = metadata(given).unwrap_or_default();
        (id.clone(), Arc::new(client(id, metadata, &[])))
    });
    clients.collect()
}

/// The page of the API's documentation, which signs users in as any client does. It may ask for whatever
/// they hold.
pub(super) fn docs(settings: &Settings, scopes: &ScopeTable) -> Option<Client> {
    let url = settings.server.public_url.as_ref().filter(|_| settings.docs.enabled)?;
    let mut scope = Scopes::default();
    scopes.iter().for_each(|(name, _)| scope.insert_known(name));
    let metadata = ClientMetadata {
        client_name: Some(settings.docs.title.clone()),
        redirect_uris: vec![format!("{}{DOCS_REDIRECT}", url.as_str())],
        skip_consent: true,
        token_endpoint_auth_method: ClientAuthMethod::None,
        scope,
        ..ClientMetadata::default()
    };
    Some(client(&DOCS_CLIENT.parse().ok()?, metadata, &[]))
}

fn client(id: &ClientId, metadata: ClientMetadata, hashes: &[KeyHash]) -> Client {
    let beginning = Timestamp(0);
    let secret =
        |hash: &KeyHash| ClientSecret { hash: *hash, created_at: beginning, expires_at: None };
    Client {
        id: id.clone(),
        metadata,
        secrets: hashes.iter().map(secret).collect(),
        epoch: 0,
        created_at: beginning,
        updated_at: beginning,
        is_configured: true,
    }
}

fn metadata(given: &ClientSettings) -> Result<ClientMetadata, ClientFault> {
    let defaults = ClientMetadata::default();
    let fault = |field| move |_| ClientFault::new(field, "cannot be read");
    let scope = given.scope.as_deref().unwrap_or_default();
    let jwks = given.jwks.as_deref().map(serde_json::from_str).transpose();
    Ok(ClientMetadata {
        client_name: given.client_name.clone(),
        redirect_uris: given.redirect_uris.clone(),
        post_logout_redirect_uris: given.post_logout_redirect_uris.clone(),
        backchannel_logout_uri: given.backchannel_logout_uri.clone(),
        id_token_signed_response_alg: given
            .id_token_signed_response_alg
            .unwrap_or(defaults.id_token_signed_response_alg),
        require_pkce: given.require_pkce.unwrap_or(defaults.require_pkce),
        skip_consent: given.skip_consent,
        token_endpoint_auth_method: given
            .token_endpoint_auth_method
            .unwrap_or(defaults.token_endpoint_auth_method),
        grant_types: match &*given.grant_types {
            [] => defaults.grant_types,
            grants => grants.to_vec(),
        },
        scope: scope.parse().map_err(|_| ClientFault::new("scope", "cannot be read"))?,
        jwks: jwks.map_err(fault("jwks"))?,
        jwks_uri: given.jwks_uri.clone(),
        introspect: given.introspect,
        token_endpoint_audience: given.token_endpoint_audience,
    })
}

fn secrets(given: &ClientSettings, metadata: &ClientMetadata) -> Result<Vec<KeyHash>, ClientFault> {
    let fault = |problem: String| ClientFault::new("client_secret_files", problem);
    let files = &given.client_secret_files;
    match (metadata.has_secret(), files.len()) {
        (true, 1..=Client::MOST_SECRETS) | (false, 0) => {}
        (true, _) => {
            return Err(fault("expected one file, or two while the secret changes".to_owned()));
        }
        (false, _) => {
            let method = metadata.token_endpoint_auth_method;
            return Err(fault(format!("a client with {method} has no secret")));
        }
    }
    let read = |file: &NamedFile| {
        let path = shown_path(file.path());
        let content = file.read().map_err(|cause| fault(format!("{path}: {cause}")))?;
        let text = content.to_text().map_err(|cause| fault(format!("{path}: {cause}")))?;
        let secret = Secret::new(text.expose().trim_end_matches(['\r', '\n']));
        client_secret(&secret).map_err(|_| fault(format!("{path}: expected at least 32 bytes")))
    };
    files.iter().map(read).collect()
}
