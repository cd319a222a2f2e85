//! The Rust crate `oauth2`, unmodified, over http.

use super::libraries::reachable;
use crate::harness::App;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IntrospectionUrl, RefreshToken, RequestTokenError, ResourceOwnerPassword,
    ResourceOwnerUsername, Scope, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
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
