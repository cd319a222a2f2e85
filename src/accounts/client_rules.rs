//! What clients may be on this server.

use crate::domain::{
    ClientFault, ClientMetadata, IdTokenAlgorithm, KeyAlgorithm, ScopeTable, is_openid_scope,
};
use crate::tokens::ClientKeys;
use std::sync::Arc;

/// What this server has for clients.
pub struct ClientRules {
    /// The scopes that their tokens may carry.
    pub scopes: Arc<ScopeTable>,
    /// What signs access tokens, unless it is the shared secret.
    pub algorithm: Option<KeyAlgorithm>,
}

impl ClientRules {
    /// Whether it may be registered: by itself, its scopes, and its keys.
    pub fn check(&self, metadata: &ClientMetadata) -> Result<(), ClientFault> {
        metadata.check()?;
        let is_declared = |scope: &&str| self.scopes.contains(scope) || is_openid_scope(scope);
        if let Some(scope) = metadata.scope.iter().find(|scope| !is_declared(scope)) {
            return Err(ClientFault::new("scope", format!("`{scope}` is not a declared scope")));
        }
        let asked = metadata.id_token_signed_response_alg;
        if asked != IdTokenAlgorithm::Rs256 && Some(asked.key()) != self.algorithm {
            let problem = "expected RS256, or the algorithm of tokens.algorithm";
            return Err(ClientFault::new("id_token_signed_response_alg", problem));
        }
        match &metadata.jwks {
            Some(jwks) => ClientKeys::read(jwks)
                .map(drop)
                .map_err(|problem| ClientFault::new("jwks", problem)),
            None => Ok(()),
        }
    }
}
