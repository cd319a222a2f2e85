//! `/healthz`, `/readyz` and `/metrics`, at their own addresses.

use crate::http::middleware::headers;
use crate::http::monitoring::PATHS;
use crate::http::state::AppState;
use crate::logging::ERROR;
use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head};
use actix_web::http::{KeepAlive, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, ServiceConfig, route};
use actix_web::{App, Error, HttpResponse, HttpServer};
use serde_json::json;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;
use tokio::time::timeout;

/// How long the database may take to respond before the server is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The media type of `/metrics`.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Mounts all three; the application must know the state.
pub(in crate::http) fn mount(config: &mut ServiceConfig) {
    let [healthz, readyz, metrics] = PATHS;
    let read = || route().guard(Any(Get()).or(Head()));
    config
        .route(healthz, read().to(alive))
        .route(readyz, read().to(ready))
        .route(metrics, read().to(tell));
}

/// Serves them on a thread of its own until the process ends or the handle stops it, even while the
/// server drains. Does nothing without sockets.
pub(crate) fn start(
    state: &Data<AppState>,
    tcp: Vec<TcpListener>,
    unix: Vec<UnixListener>,
) -> io::Result<Option<ServerHandle>> {
    if tcp.is_empty() && unix.is_empty() {
        return Ok(None);
    }
    let state = state.clone();
    let mut server = HttpServer::new(move || {
        App::new().app_data(state.clone()).configure(mount).wrap(from_fn(secure))
    })
    .workers(1)
    // Each probe reaches a process that accepts now, not one being replaced.
    .keep_alive(KeepAlive::Disabled)
    .h1_allow_half_closed(false)
    .disable_signals();
    for listener in tcp {
        server = server.listen(listener)?;
    }
    for listener in unix {
        server = server.listen_uds(listener)?;
    }
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(Some(handle))
}

async fn secure<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    headers::secure(response.headers_mut());
    Ok(response)
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

async fn ready(state: Data<AppState>) -> HttpResponse {
    if state.is_draining() {
        return unavailable("Draining");
    }
    if database_responds(&state).await {
        HttpResponse::Ok().json(json!({ "status": "ready" }))
    } else {
        unavailable("The database does not answer")
    }
}

/// Whether the database responds in time; if not, the reason is logged.
pub(crate) async fn database_responds(state: &AppState) -> bool {
    match timeout(PATIENCE, state.services.users.ping()).await {
        Ok(Ok(())) => return true,
        Ok(Err(cause)) if cause.is_logged() => {}
        Ok(Err(cause)) => log::warn!(target: ERROR, "not ready: {cause}"),
        Err(_) => {
            log::warn!(target: ERROR, "not ready: the database has not answered in {PATIENCE:?}");
        }
    }
    false
}

fn unavailable(detail: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE).json(json!({ "detail": detail }))
}

async fn tell(state: Data<AppState>) -> HttpResponse {
    match state.figures_request.ask().await {
        Some(text) => HttpResponse::Ok().content_type(EXPOSITION).body(text),
        // This process's figures alone would be less than those reported before.
        None => unavailable("The master does not answer"),
    }
}
