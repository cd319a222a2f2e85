//! The application of one worker: routes and middleware order in one place.

use super::metrics::Recorder;
use super::state::AppState;
use super::worker::vitals;
use super::{Application, access_log, admin, cors, drain, headers, limits, metrics, panic};
use crate::api_error::configure_extractors;
use crate::routes;
use crate::security::answer_refused;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{Data, route};
use actix_web::{App, Error};
use paperclip::actix::OpenApiExt as _;
use serde_json::Value;
use std::rc::Rc;

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
    let limit = state.settings.server.limit_request_body.get();
    let app = App::new()
        .app_data(Data::new(state.services.clone()))
        .app_data(state.known.clone())
        .configure(|config| configure_extractors(config, limit));
    let app = match &state.docs {
        Some(docs) => app.app_data(docs.clone()).configure(routes::docs::mount),
        None => app,
    };
    let app = match &state.metrics {
        Some(metrics) => app.app_data(Rc::new(Recorder::new(metrics))),
        None => app,
    };
    let app = if state.settings.admin.public { app.configure(admin::mount) } else { app };
    app.wrap_api()
        .configure(|routes| mount(&state.application, routes))
        .app_data(state.clone())
        .default_service(route().to(routes::not_found))
        .wrap(from_fn(answer_refused))
        .wrap(from_fn(limits::limit_body))
        .wrap(from_fn(limits::limit_head))
        // Answers may hold users or tokens; what may be kept says so itself.
        .wrap(DefaultHeaders::new().add((CACHE_CONTROL, "no-store")))
        .wrap(cors::cors(&state.settings.cors))
        .wrap(from_fn(panic::catch))
        .wrap(from_fn(vitals::count))
        .wrap(from_fn(headers::secure))
        .wrap(from_fn(drain::close_connections))
        .wrap(from_fn(metrics::record))
        .wrap(from_fn(access_log::record))
        .build()
}

fn mount(application: &Application, routes: &mut super::Routes<'_>) {
    routes::mount(routes);
    application.configure(routes);
}

/// The document as paperclip gathers it from all routes.
pub(super) fn gather(application: &Application) -> Value {
    let mut document = Value::Null;
    let _ = App::new()
        .wrap_api()
        .configure(|routes| mount(application, routes))
        .with_raw_json_spec_v3(|app, found| {
            document = found;
            app
        });
    document
}
