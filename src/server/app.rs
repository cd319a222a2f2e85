//! The application of one worker: middleware order in one place.

use super::state::AppState;
use super::{access_log, cors, drain, headers, limits, panic};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, Error};
use paperclip::actix::OpenApiExt as _;

/// Builds the application; the last middleware is the outermost.
pub(super) fn app(
    state: &Data<AppState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .wrap_api()
        .app_data(state.clone())
        .app_data(Data::new(state.services.clone()))
        .configure(|routes| state.application.configure(routes))
        .wrap(from_fn(limits::limit_body))
        .wrap(cors::cors(&state.settings.cors))
        .wrap(from_fn(panic::catch))
        .wrap(from_fn(headers::secure))
        .wrap(from_fn(drain::close_connections))
        .wrap(from_fn(access_log::record))
        .build()
}
