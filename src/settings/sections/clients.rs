//! `[clients.NAME]`

use crate::domain::{ClientAuthMethod, ClientGrant, IdTokenAlgorithm, Scopes};
use crate::settings::declaration::settings;
use crate::settings::key::Kind;
use crate::settings::named_file::NamedFile;

settings! {
    /// A client of the authorization server, in the words of RFC 7591 §2.
    pub struct ClientSettings without section {
        /// What users are shown.
        client_name: Option<String>;

        /// URIs that users may be sent back to: https, http on this machine, or an application's own
        /// scheme.
        redirect_uris: Vec<String> => Kind::List(|text| !text.is_empty(), "a list of URIs");

        /// The same after a logout.
        post_logout_redirect_uris: Vec<String> =>
            Kind::List(|text| !text.is_empty(), "a list of URIs");

        /// Where this server tells it that a session has ended (OpenID Connect Back-Channel Logout).
        backchannel_logout_uri: Option<String>;

        /// What signs its ID tokens: `RS256`, or the algorithm of `tokens.algorithm`. Absent: `RS256`.
        id_token_signed_response_alg: Option<IdTokenAlgorithm> =>
            Kind::Word(IdTokenAlgorithm::NAMES);

        /// Whether its requests must have a PKCE challenge; only a client that proves who it is can do
        /// without. Absent: they must.
        require_pkce: Option<bool>;

        /// Whether it is one of your own, so that its users are not asked what it may do.
        skip_consent: bool;

        /// How it proves who it is: `client_secret_basic` (also `client_secret_post`: the client chooses),
        /// `private_key_jwt`, or `none`. Absent: `client_secret_basic`.
        token_endpoint_auth_method: Option<ClientAuthMethod> => Kind::Word(ClientAuthMethod::NAMES);

        /// What it may redeem: `authorization_code`, `client_credentials`, `password`, `refresh_token`.
        /// Absent: `authorization_code`.
        grant_types: Vec<ClientGrant> =>
            Kind::List(|text| text.parse::<ClientGrant>().is_ok(), "a list of authorization_code, client_credentials, password and refresh_token");

        /// The most that its tokens may carry, separated by spaces.
        scope: Option<String> => Kind::Text(
            |text| text.parse::<Scopes>().is_ok(),
            "scopes, separated by single spaces",
            "",
        );

        /// Its public keys for `private_key_jwt`: a JWK Set as a text of JSON.
        // Not shown: somebody may paste private keys here.
        jwks: Option<String> => Kind::Secret(
            |text| serde_json::from_str::<serde_json::Value>(text).is_ok(),
            "a JWK Set as JSON",
        );

        /// Where its public keys are fetched from instead: https, or http on this machine.
        jwks_uri: Option<String>;

        /// Files with its secret, of at least 32 bytes; two while it changes.
        client_secret_files: Vec<NamedFile>;

        /// Whether it may introspect the tokens of all.
        introspect: bool;

        /// Whether its assertions may name the token endpoint as their audience instead of the issuer.
        token_endpoint_audience: bool;
    }
}
