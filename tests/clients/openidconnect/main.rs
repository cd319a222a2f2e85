//! The crate `openidconnect`, unmodified, signs a user in. Arguments are the issuer, the address at which it is
//! reached, the redirect URI, the client's name, and its secret if it has one. Prints the URL to which a browser
//! is sent, reads the URL to which it comes back, and prints who signed in.

use openidconnect::core::{CoreClient, CoreProviderMetadata, CoreResponseType, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    RedirectUrl, Scope, TokenResponse as _,
};
use std::collections::HashMap;
use std::error::Error;
use std::io::stdin;
use ureq::http::{Response, Uri};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, address, redirect, id, secret @ ..] = arguments.as_slice() else {
        return Err("arguments: ISSUER ADDRESS REDIRECT_URI ID [SECRET]".into());
    };
    let http = |request| reached_at(issuer, address, request);

    let provider = CoreProviderMetadata::discover(&IssuerUrl::new(issuer.clone())?, &http)?;
    let secret = secret.first().cloned().map(ClientSecret::new);
    let client = CoreClient::from_provider_metadata(provider, ClientId::new(id.clone()), secret)
        .set_redirect_uri(RedirectUrl::new(redirect.clone())?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (url, state, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email", "me"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    println!("{url}");

    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let back = openidconnect::url::Url::parse(line.trim())?;
    let told: HashMap<_, _> = back.query_pairs().into_owned().collect();
    assert_eq!(&told["state"], state.secret());
    let code = AuthorizationCode::new(told["code"].clone());
    let tokens = client.exchange_code(code)?.set_pkce_verifier(verifier).request(&http)?;

    let id_token = tokens.id_token().ok_or("no ID token")?;
    let rules = client.id_token_verifier();
    assert!(id_token.claims(&rules, &Nonce::new("another".to_owned())).is_err());
    let claims = id_token.claims(&rules, &nonce)?;
    let said = claims.access_token_hash().ok_or("no at_hash")?;
    let (algorithm, key) = (id_token.signing_alg()?, id_token.signing_key(&rules)?);
    assert_eq!(*said, AccessTokenHash::from_token(tokens.access_token(), algorithm, key)?);

    let subject = Some(claims.subject().clone());
    let shown: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), subject)?.request(&http)?;
    let refresh = tokens.refresh_token().ok_or("no refresh token")?;
    let next = client.exchange_refresh_token(refresh)?.request(&http)?;
    assert_ne!(next.access_token().secret(), tokens.access_token().secret());
    let name = shown.preferred_username().ok_or("no preferred_username")?;
    println!("{} signed in with {algorithm:?}", name.as_str());
    Ok(())
}

/// Sends a request to the address that stands behind the issuer's name.
fn reached_at(
    issuer: &str,
    address: &str,
    mut request: HttpRequest,
) -> Result<HttpResponse, ureq::Error> {
    let asked = request.uri().to_string();
    let path = asked.strip_prefix(issuer).expect("a URL of the issuer");
    *request.uri_mut() = format!("{address}{path}").parse::<Uri>().expect("a URL");
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let (parts, mut body) = ureq::Agent::new_with_config(config.build()).run(request)?.into_parts();
    Ok(Response::from_parts(parts, body.read_to_vec()?))
}
