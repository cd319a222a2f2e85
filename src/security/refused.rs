//! Refusals that a handler never sees: `Option<ActiveUser>` and `Option<Json<T>>` turn every error into `None`.

use crate::api_error::ApiError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};

/// The responses to what extractors refused, each with the part of the request.
struct Refused(Vec<(&'static str, HttpResponse)>);

/// Keeps a refusal until the handler has responded; missing credentials are not a refusal.
pub(super) fn remember(request: &HttpRequest, error: &ApiError) {
    if !error.is_absent() {
        keep(request, "credentials", error);
    }
}

/// Keeps what is wrong with a part of a request that is there, until the handler has responded, or until the part
/// is read as something else: `Either<Json<A>, Json<B>>`.
pub(crate) fn remember_part<T>(
    request: &HttpRequest,
    part: &'static str,
    read: Result<T, ApiError>,
) -> Result<T, ApiError> {
    match &read {
        Ok(_) => {
            if let Some(Refused(all)) = request.extensions_mut().get_mut() {
                all.retain(|(other, _)| *other != part);
            }
        }
        Err(error @ ApiError::Validation(_)) => keep(request, part, error),
        Err(_) => {}
    }
    read
}

fn keep(request: &HttpRequest, part: &'static str, error: &ApiError) {
    let refusal = (part, error.error_response());
    let mut extensions = request.extensions_mut();
    match extensions.get_mut() {
        Some(Refused(all)) => all.push(refusal),
        None => drop(extensions.insert(Refused(vec![refusal]))),
    }
}

/// What the server's middleware does to a response: a request with bad credentials or a bad body never succeeds.
///
/// actix-web implements its extractor for `Option<T>` of every `T`, and the types cannot forbid it:
/// a forged token would make an anonymous caller. So a refusal is remembered and replaces the
/// handler's response, unless that is already an error or a redirect.
pub fn replace_refused<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
) -> ServiceResponse<EitherBody<B>> {
    let status = response.status();
    if status.is_success() || status.is_informational() {
        let refused = response.request().extensions_mut().remove::<Refused>();
        let first = refused.and_then(|Refused(all)| all.into_iter().next());
        if let Some((_, refusal)) = first {
            return response.into_response(refusal).map_into_right_body();
        }
    }
    response.map_into_left_body()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_error::ApiError;
    use crate::security::{Authorized, Depends, HttpBasic, HttpBearer, Maybe};
    use actix_web::dev::Service as _;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::web::get;
    use actix_web::{App, Either};
    use futures_util::TryFutureExt as _;

    crate::schemes! {
        Login = HttpBasic::new();
        Token = HttpBearer::new();
    }

    async fn option(caller: Option<Depends<Login>>) -> String {
        caller.map_or("anonymous".to_owned(), |login| login.username.clone())
    }

    async fn authorized(caller: Option<Authorized<Login>>) -> String {
        caller.map_or("anonymous".to_owned(), |it| it.0.username.clone())
    }

    async fn result(caller: Result<Depends<Login>, ApiError>) -> HttpResponse {
        match caller {
            Ok(_) => HttpResponse::Ok().finish(),
            Err(_) => HttpResponse::SeeOther().insert_header(("location", "/login")).finish(),
        }
    }

    async fn either(_: Either<Depends<Login>, Depends<Token>>) -> &'static str {
        "either"
    }

    async fn maybe(caller: Maybe<Login>) -> String {
        caller.as_ref().map_or("anonymous".to_owned(), |login| login.username.clone())
    }

    async fn ask(path: &str, authorization: Option<&str>) -> (u16, String) {
        let app = App::new()
            .wrap_fn(|request, app| app.call(request).map_ok(replace_refused))
            .route("/option", get().to(option))
            .route("/authorized", get().to(authorized))
            .route("/result", get().to(result))
            .route("/either", get().to(either))
            .route("/maybe", get().to(maybe));
        let app = init_service(app).await;
        let mut request = TestRequest::with_uri(path);
        if let Some(value) = authorization {
            request = request.insert_header(("authorization", value));
        }
        let response = call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        (status, String::from_utf8_lossy(&read_body(response).await).into_owned())
    }

    #[actix_web::test]
    async fn bad_credentials_do_not_become_an_anonymous_option() {
        for path in ["/option", "/authorized", "/maybe"] {
            assert_eq!(ask(path, None).await, (200, "anonymous".to_owned()));
            assert_eq!(ask(path, Some("Bearer x")).await, (200, "anonymous".to_owned()));
            assert_eq!(ask(path, Some("Basic am9objoxMjM0")).await, (200, "john".to_owned()));
            let refusal = (401, r#"{"detail":"Not authenticated"}"#.to_owned());
            assert_eq!(ask(path, Some("Basic !")).await, refusal, "{path}");
        }
    }

    #[actix_web::test]
    async fn a_handler_may_respond_to_a_refusal_itself() {
        assert_eq!(ask("/result", Some("Basic !")).await.0, 303);
    }

    #[actix_web::test]
    async fn either_of_two_schemes_will_do() {
        assert_eq!(ask("/either", Some("Basic am9objoxMjM0")).await.0, 200);
        assert_eq!(ask("/either", Some("Bearer x")).await.0, 200);
        assert_eq!(ask("/either", Some("Basic !")).await.0, 401);
        assert_eq!(ask("/either", None).await.0, 401);
    }
}
