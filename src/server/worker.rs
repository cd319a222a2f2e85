//! The worker threads of one process: start, serve, drain.

use super::app::app;
use super::client_address;
use super::error::ServeError;
use super::listener::{Listener, Listeners, Socket};
use super::signals::Signals;
use super::state::AppState;
use crate::logging::ERROR;
use crate::settings::ServerSettings;
use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::web::Data;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// How long a connection is read on after a refused body, so that the client sees the answer
/// instead of a reset.
const LINGER: Duration = Duration::from_secs(2);

/// A server that serves.
pub(super) struct Running {
    server: Server,
    handle: ServerHandle,
    state: Data<AppState>,
    listeners: Vec<Listener>,
}

/// Starts the workers on these listeners.
///
/// They have built the application when this returns: one that panics is an error here.
pub(super) async fn start(
    state: Data<AppState>,
    listeners: Listeners,
) -> Result<Running, ServeError> {
    let workers = workers(&state.settings.server);
    let (listeners, sockets) = listeners.into_parts();
    let mut server = http_server(&state, sockets, workers).map_err(ServeError::Workers)?;
    let handle = server.handle();
    // The first poll starts the workers; it is over only when one of them has failed.
    let first = poll_fn(|context| Poll::Ready(Pin::new(&mut server).poll(context))).await;
    if let Poll::Ready(ended) = first {
        let error = ended.err().unwrap_or_else(|| io::Error::other("they ended at once"));
        return Err(ServeError::Workers(error));
    }
    log::info!(target: ERROR, "Workers: {workers}");
    for listener in &listeners {
        log::info!(target: ERROR, "Listening at: {listener}");
    }
    Ok(Running { server, handle, state, listeners })
}

fn http_server(state: &Data<AppState>, sockets: Vec<Socket>, workers: usize) -> io::Result<Server> {
    let settings = &state.settings.server;
    let factory_state = state.clone();
    let mut server = HttpServer::new(move || app(&factory_state))
        .workers(workers)
        .disable_signals()
        .max_connections(settings.worker_connections.get())
        .keep_alive(match settings.keepalive {
            0 => KeepAlive::Disabled,
            seconds => KeepAlive::Timeout(Duration::from_secs(seconds)),
        })
        .tcp_nodelay(true)
        .client_request_timeout(Duration::from_secs(settings.client_header_timeout.get()))
        .client_disconnect_timeout(LINGER)
        .shutdown_timeout(settings.graceful_timeout)
        .on_connect(client_address::mark_unix_peer);
    for socket in sockets {
        server = match socket {
            Socket::Tcp(listener) => server.listen(listener)?,
            Socket::Unix(listener) => server.listen_uds(listener)?,
        };
    }
    Ok(server.run())
}

impl Running {
    /// Serves until the first signal, then drains; a second signal ends at once.
    pub(super) async fn until(self, mut signals: Signals) -> Result<(), ServeError> {
        let Self { mut server, handle, state, listeners } = self;
        tokio::select! {
            ended = &mut server => return ended.map_err(ServeError::Workers),
            Some(name) = signals.recv() => log::info!(target: ERROR, "Handling signal: {name}"),
        }
        state.start_draining();
        drop(handle.stop(true));
        tokio::select! {
            _ = &mut server => log::info!(target: ERROR, "Shutting down"),
            Some(name) = signals.recv() => {
                log::warn!(target: ERROR, "Handling signal: {name}: requests in flight are cut");
            }
        }
        drop(listeners);
        Ok(())
    }

    /// Where the server listens, for tests.
    #[cfg(test)]
    pub(super) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }
}

/// The configured number of threads, or one for each core that this process may use.
fn workers(settings: &ServerSettings) -> usize {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    settings.workers.unwrap_or_else(cores).get()
}

/// Raises the number of descriptors to what the system allows: each connection is one.
pub(super) fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        log::warn!(target: ERROR, "the limit of open files stays as it is: {error}");
    }
}
