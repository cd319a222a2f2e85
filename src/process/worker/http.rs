//! Actix's HTTP/1 server, assembled as `HttpServer` does, on watched streams.

use crate::http::app::app;
use crate::http::connection::{ConnectionSlots, Stream};
use crate::http::state::AppState;
use crate::logging::ERROR;
use crate::process::listener::Socket;
use crate::security::{Origin, mark_unix_peer};
use crate::settings::{ServerSettings, default_workers};
use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{
    IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use actix_web::web::Data;
use rustix::process::{Resource, getrlimit};
use socket2::SockRef;
use std::future::ready;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Descriptors reserved for other uses: files, the database, the control socket.
const RESERVE: u64 = 64;

/// How long to keep reading after a refused body, so that the client sees the response instead of a
/// reset.
const LINGER: Duration = Duration::from_secs(2);

/// Seconds beyond `graceful_timeout`.
const OVERTIME: u64 = 5;

/// The address Actix gets for a unix socket, as from `HttpServer`.
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Builds the server; it starts when it is polled.
pub(super) fn server(state: &Data<AppState>, sockets: Vec<Socket>) -> io::Result<Server> {
    let settings = &state.settings.server;
    let threads = threads(settings);
    let connections = connections(settings.worker_connections.get(), threads);
    let slots = ConnectionSlots::new(connections * threads, settings.connections_per_address);
    let mut server = Server::build()
        .workers(threads)
        .disable_signals()
        .max_concurrent_connections(connections)
        // The process that ordered the end keeps the time and reports what is cut; Actix would not.
        .shutdown_timeout(settings.graceful_timeout + OVERTIME);
    let shutdown = server.graceful_shutdown_signal();
    for socket in sockets {
        let on = Service {
            state: state.clone(),
            slots: Arc::clone(&slots),
            shutdown: shutdown.clone(),
            address: LOCAL,
        };
        server = match socket {
            Socket::Tcp(listener) => {
                let on = Service { address: listener.local_addr()?, ..on };
                let name = on.address.to_string();
                server.listen(name, listener, move || on.factory(tcp_peer))?
            }
            Socket::Unix(listener) => {
                server.listen_uds("unix", listener, move || on.factory(|_: &UnixStream| None))?
            }
        };
    }
    Ok(server.run())
}

/// The configured number of threads, or one per core available to this process.
fn threads(settings: &ServerSettings) -> usize {
    settings.workers.unwrap_or_else(default_workers).get()
}

/// How many connections one thread may have, given this process's limit of open files.
fn connections(configured: usize, threads: usize) -> usize {
    let Some(files) = getrlimit(Resource::Nofile).current else { return configured };
    let all = usize::try_from(files.saturating_sub(RESERVE)).unwrap_or(usize::MAX);
    let possible = (all / threads).max(1);
    if configured > possible {
        log::info!(
            target: ERROR,
            "At most {possible} connections per thread, not {configured} \
             (server.worker_connections): a process may open {files} files (ulimit -n)"
        );
    }
    configured.min(possible)
}

/// Bytes the kernel buffers before a client has room for them. Unbounded, these can be several MiB
/// that are not accounted for, and a client that does not read is noticed only after them.
const UNSENT: u32 = 128 * 1024;

/// Sets up a new connection. Responses are small and wait for nothing, so they leave at once.
fn tcp_peer(stream: &TcpStream) -> Option<SocketAddr> {
    // A client that has already gone is noticed on reading.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
    stream.peer_addr().ok()
}

/// What one socket serves.
#[derive(Clone)]
struct Service {
    state: Data<AppState>,
    slots: Arc<ConnectionSlots>,
    shutdown: GracefulShutdownSignal,
    address: SocketAddr,
}

impl Service {
    /// The service of one thread; `peer` is called for each new connection.
    fn factory<T: AsyncRead + AsyncWrite + AsFd + Unpin + 'static>(
        &self,
        peer: fn(&T) -> Option<SocketAddr>,
    ) -> impl ServiceFactory<T, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<T>
    {
        let Self { state, slots, shutdown, address } = self.clone();
        let settings = &state.settings.server;
        let app = app(&state, state.stats.start_heartbeat());
        let app = app.into_factory().map_err(|error: Error| error.error_response());
        let stats = Arc::clone(&state.stats);
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            .keep_alive(match settings.keepalive {
                0 => KeepAlive::Disabled,
                seconds => KeepAlive::Timeout(Duration::from_secs(seconds)),
            })
            .client_request_timeout(Duration::from_secs(settings.client_header_timeout.get()))
            .client_disconnect_timeout(LINGER)
            // Otherwise a client's departure goes unnoticed, and its password is hashed for nobody.
            .h1_allow_half_closed(false)
            .local_addr(address)
            .on_connect_ext(move |stream: &Stream<T>, data| {
                stats.count_connection(data);
                mark_unix_peer(stream.io(), data);
            })
            // The only way to give Actix the address; `HttpServer` keeps its own private.
            .h1(map_config(app, move |()| {
                AppConfig::__priv_test_new(false, address.to_string(), address)
            }));
        let terms = (Duration::from_secs(settings.send_timeout.get()), Arc::clone(&state.budget));
        fn_service(move |io: T| {
            let peer = peer(&io);
            let origin = peer.map(|peer| peer.ip()).filter(|ip| !state.trusted.trusts_address(*ip));
            let slot = slots.take(origin.map(Origin::from));
            ready(Ok((Stream::new(io, slot, terms.clone()), peer)))
        })
        .and_then(http)
    }
}
