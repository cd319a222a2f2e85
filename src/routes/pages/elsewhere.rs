//! Browsers that open a page at another address than the public one are sent to that: from anywhere else,
//! their cookies would not come along, and a login would seem to do nothing.

use crate::security::is_elsewhere;
use crate::services::Services;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::LOCATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};

/// The cookie of a browser that was sent to the public address. If it comes back with that, a proxy hides
/// the address, and the page is shown where it is.
const SENT: &str = "bailiwick-moved";

/// How long that is remembered.
const MOMENT: Duration = Duration::seconds(10);

/// Sends the browser to the same page at the public address, unless it is there.
pub(super) async fn at_home<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match moved(request.request()) {
        Some(response) => Ok(request.into_response(response).map_into_right_body()),
        None => next.call(request).await.map(ServiceResponse::map_into_left_body),
    }
}

fn moved(request: &HttpRequest) -> Option<HttpResponse> {
    let services = request.app_data::<Data<Services>>()?;
    let url = services.settings.server.public_url.as_ref()?;
    if !is_elsewhere(request, url) || request.cookie(SENT).is_some() {
        return None;
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let sent = Cookie::build(SENT, "1").path("/").http_only(true).same_site(SameSite::Lax);
    let response = HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, format!("{}{target}", url.as_str())))
        .cookie(sent.max_age(MOMENT).finish())
        .finish();
    Some(response)
}
