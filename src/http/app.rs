//! The application of one worker thread: routes and the order of middleware in one place.

use crate::api_error::{ApiError, Overload, configure_extractors};
use crate::http::access_log::{self, Entry};
use crate::http::background::follow;
use crate::http::middleware::limits::{self, RETRY_AFTER};
use crate::http::middleware::{client_pages, cors, drain, headers, panic, root_path, slices};
use crate::http::monitoring::admin;
use crate::http::monitoring::metrics::{self, Recorder};
use crate::http::monitoring::stats::Heartbeat;
use crate::http::state::{AppState, ThreadState};
use crate::openapi::not_found;
use crate::routes;
use crate::security::replace_refused;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, route};
use actix_web::{App, Error};
use paperclip::actix::OpenApiExt as _;
use std::rc::Rc;
use std::sync::Arc;

/// Builds the application of one thread; the last middleware is the outermost.
pub(crate) fn app(
    state: &Data<AppState>,
    heartbeat: Arc<Heartbeat>,
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
        .app_data(state.allowed_methods.clone())
        .app_data(state.trusted.clone())
        .configure(|config| configure_extractors(config, limit));
    let app = if state.states.is_empty() { app } else { app.app_data(state.states.clone()) };
    let app = match &state.metrics {
        Some(metrics) => app.app_data(Rc::new(Recorder::new(metrics))),
        None => app,
    };
    // The router tries routes in order: first the API, then the pages, last the application's own,
    // which cannot replace either.
    let app = app.wrap_api().configure(|routes| routes::mount(routes, &state.settings)).build();
    let app = match &state.docs {
        Some(docs) => app.app_data(docs.clone()).configure(routes::docs::mount),
        None => app,
    };
    let app = match &state.settings.server.public_url {
        Some(url) => app.configure(|routes| {
            routes::oauth::mount(routes, url);
            if let Some(brand) = &state.brand {
                routes::pages::mount(routes, brand, &state.settings);
            }
        }),
        None => app,
    };
    let app = if state.settings.admin.public { app.configure(admin::mount) } else { app };
    app.wrap_api()
        .configure(|routes| state.mounts.configure(routes))
        .app_data(state.clone())
        .app_data(Rc::new(ThreadState { state: state.clone(), heartbeat }))
        .default_service(route().to(not_found))
        .wrap(state.mounts.around.clone())
        .wrap(from_fn(within_limits))
        .wrap(cors::cors(&state.settings.cors))
        .wrap(from_fn(received))
        .build()
}

// What every request passes is in two functions, around and below CORS: separate middleware for
// each step would allocate one more future and move the response through all of them.

/// The outer steps: assign the request id, start its log line and figures, count it, catch panics;
/// then set the response's headers and write the line.
///
/// Line, figures and counts end on drop, so that a client that disconnects is recorded, too.
async fn received<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<EitherBody<B>>>, Error> {
    let state = ThreadState::of(&request);
    let id = access_log::request_id(&state, &request);
    let mut line = Entry::start(&state, &request, id);
    let mut figures = metrics::start(&request);
    let server = &state.settings.server;
    if server.strip_root_path {
        root_path::strip(&mut request, server.root_path.as_str());
    }
    let _in_flight = state.heartbeat.count_request();
    let mut page = match client_pages::asking(&state, &request) {
        Some(asking) => Box::pin(asking.allowed(&state, &request)).await,
        None => None,
    };
    let limit = server.limit_concurrency;
    let admitted = (limit > 0).then(|| state.stats.admit(limit)).transpose();

    let result = if admitted.is_err() {
        Ok(request
            .error_response(ApiError::Busy(Overload::Requests, RETRY_AFTER))
            .map_into_right_body())
    } else if let Some(response) = page.as_mut().and_then(client_pages::Allowed::preflight) {
        Ok(request.into_response(response).map_into_right_body())
    } else {
        let (response, caller) = id.in_scope(panic::catch(next.call(request))).await;
        if let Some(line) = &mut line {
            line.set_caller(caller);
        }
        response.map(ServiceResponse::map_into_left_body)
    };

    if let Some(figures) = &mut figures {
        figures.status = match &result {
            Ok(response) => response.status().as_u16(),
            Err(error) => error.as_response_error().status_code().as_u16(),
        };
    }
    let mut result = result
        .map(|response| follow(slices::slice(&state.budget, drain::end_endless(&state, response))));
    match &mut result {
        Ok(response) => {
            let head = response.response_mut().head_mut();
            if let Some(page) = page {
                page.share(head.headers_mut());
            }
            headers::secure(head.headers_mut());
            access_log::set_id(head.headers_mut(), id);
            drain::close_connection(&state, head);
        }
        Err(error) => {
            let state = state.clone();
            error.add_response_mapper(move |mut response| {
                headers::secure(response.headers_mut());
                access_log::set_id(response.headers_mut(), id);
                drain::close_connection(&state, response.head_mut());
                response
            });
        }
    }
    if let Some(line) = &mut line {
        line.set_response(&result);
    }
    result
}

/// The inner steps: limits on head and body, and no success after a refusal.
async fn within_limits<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<EitherBody<B>>>, Error> {
    let state = ThreadState::of(&request);
    let settings = &state.settings.server;
    let limited = limits::check_head(&request, settings)
        .and_then(|()| limits::limit_body(&mut request, &state));
    match limited {
        Ok(body) => limits::replace(body, next.call(request).await.map(replace_refused)),
        Err(error) => Ok(limits::refuse(request.error_response(error))),
    }
}
