//! The Rust crate `oauth2`, unmodified, over http.

use super::libraries::reachable;
use crate::browser_sessions::visitor::{Visitor, at};
use crate::browser_sessions::{URL, with_pages};
use crate::harness::App;
use crate::signing_in::{self, REDIRECT, sent, walk};
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, ResourceOwnerPassword, ResourceOwnerUsername,
    Scope, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use ureq::http;

type Client = BasicClient<EndpointNotSet, EndpointNotSet, EndpointSet, EndpointNotSet, EndpointSet>;

fn client(app: &App, id: &str, secret: &str, auth: AuthType) -> Client {
    let introspection = IntrospectionUrl::new(app.url("/oauth/introspect")).expect("a URL");
    BasicClient::new(ClientId::new(id.to_owned()))
        .set_client_secret(ClientSecret::new(secret.to_owned()))
        .set_auth_type(auth)
        .set_token_uri(TokenUrl::new(app.url("/token")).expect("a URL"))
        .set_introspection_url(introspection)
}

fn http(request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let (parts, mut body) = ureq::Agent::new_with_config(config.build()).run(request)?.into_parts();
    Ok(http::Response::from_parts(parts, body.read_to_vec()?))
}

#[test]
fn it_gets_renews_and_explains_tokens() {
    let (app, secrets) = reachable();
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        let service = client(&app, "svc", &secrets.svc, auth.clone());
        let token = service
            .exchange_client_credentials()
            .add_scope(Scope::new("items".to_owned()))
            .request(&http)
            .expect("a token of a service");
        assert!(token.refresh_token().is_none());
        let shown = service.introspect(token.access_token()).request(&http);
        assert!(shown.expect("a verdict").active());

        let web = client(&app, "web", &secrets.web, auth);
        let name = ResourceOwnerUsername::new("johndoe".to_owned());
        let password = ResourceOwnerPassword::new("1234".to_owned());
        let mut token = web
            .exchange_password(&name, &password)
            .add_scope(Scope::new("items".to_owned()))
            .request(&http)
            .expect("a login");
        for _ in 0..3 {
            let kept = token.refresh_token().expect("a refresh token").clone();
            token = web.exchange_refresh_token(&kept).request(&http).expect("a renewed token");
            let shown = web.introspect(token.access_token()).request(&http);
            assert_eq!(shown.expect("a verdict").username(), Some("johndoe"));
        }
        let made_up = RefreshToken::new("bwr_made-up".to_owned());
        let refused = web.exchange_refresh_token(&made_up).request(&http).expect_err("a refusal");
        let RequestTokenError::ServerResponse(error) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.error().as_ref(), "invalid_grant");
    }
}

/// With and without a secret; what `openidconnect` does by this crate.
#[test]
fn it_signs_users_in() {
    let app = with_pages("");
    let clients =
        [signing_in::Client::add(&app, "web", &[]), signing_in::Client::public(&app, "spa", &[])];
    for registered in clients {
        let client = BasicClient::new(ClientId::new(registered.id.to_owned()))
            .set_auth_uri(AuthUrl::new(at("/oauth/authorize")).expect("a URL"))
            .set_token_uri(TokenUrl::new(app.url("/token")).expect("a URL"))
            .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).expect("a URL"));
        let client = match &registered.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.clone())),
            None => client,
        };
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scope(Scope::new("openid".to_owned()))
            .add_scope(Scope::new("me".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let path = url.as_str().strip_prefix(URL).expect("on this server");
        let told = sent(&walk(&mut Visitor::of(&app), path));
        assert_eq!(&told["state"], state.secret());
        let redeem = |verifier: String| {
            client
                .exchange_code(AuthorizationCode::new(told["code"].clone()))
                .set_pkce_verifier(PkceCodeVerifier::new(verifier))
                .request(&http)
        };
        assert!(redeem("x".repeat(64)).is_err(), "another verifier");
        let token = redeem(verifier.into_secret()).expect("tokens");
        assert_eq!(app.get_as("/oauth/userinfo", token.access_token().secret()).status, 200);
        let kept = token.refresh_token().expect("a refresh token");
        let next = client.exchange_refresh_token(kept).request(&http).expect("a renewed token");
        assert_eq!(app.get_as("/users/me", next.access_token().secret()).status, 200);
    }
}
