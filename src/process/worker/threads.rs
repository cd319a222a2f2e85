//! The threads of one worker process: start, serve, drain.

use super::accepting::Accepting;
use super::http;
use crate::http::ServeError;
use crate::http::monitoring::admin;
use crate::http::monitoring::stats::{StatsSnapshot, WorkerStats};
use crate::http::state::AppState;
use crate::logging::{self, ERROR};
use crate::process::channel::{Order, Report};
use crate::process::listener::Socket;
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::Data;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, sleep_until};

/// Pause between two checks of a draining process's connections.
const LOOK: Duration = Duration::from_millis(100);

/// What a worker process listens on.
pub(in crate::process) struct Sockets {
    /// For the API.
    pub(in crate::process) server: Vec<Socket>,
    /// For health and metrics; may be empty.
    pub(in crate::process) admin: Vec<Socket>,
}

/// A running server.
pub(in crate::process) struct Running {
    server: Server,
    handle: ServerHandle,
    /// Further handles to the API's sockets.
    shared: Vec<OwnedFd>,
    accepting: Accepting,
    /// Health and metrics, if served.
    admin: Option<ServerHandle>,
    state: Data<AppState>,
}

/// Starts the worker threads on these sockets.
///
/// They have built the application when this returns: one that panics is an error here.
pub(in crate::process) async fn start(
    state: Data<AppState>,
    sockets: Sockets,
) -> Result<Running, ServeError> {
    let shared = sockets.server.iter().map(Socket::share).collect::<io::Result<Vec<_>>>();
    let shared = shared.map_err(ServeError::Runtime)?;
    let mut server = http::server(&state, sockets.server).map_err(ServeError::Workers)?;
    let handle = server.handle();
    // The first poll starts the workers; it completes only if one of them has failed.
    let first = poll_fn(|context| Poll::Ready(Pin::new(&mut server).poll(context))).await;
    if let Poll::Ready(ended) = first {
        let error = ended.err().unwrap_or_else(|| io::Error::other("they ended at once"));
        return Err(ServeError::Workers(error));
    }
    let accepting = Accepting::at(&shared);
    let (tcp, unix) = Socket::by_kind(sockets.admin);
    let admin = admin::start(&state, tcp, unix).map_err(ServeError::Runtime)?;
    Ok(Running { server, handle, shared, accepting, admin, state })
}

impl Running {
    /// Serves until ordered otherwise. A harsher order overrides the one before it.
    pub(in crate::process) async fn until(
        self,
        mut orders: UnboundedReceiver<Order>,
        reports: UnboundedSender<Report>,
    ) -> Result<(), ServeError> {
        let Self { mut server, handle, shared, accepting, admin, state } = self;
        let mut order = tokio::select! {
            ended = &mut server => return ended.map_err(ServeError::Workers),
            order = next(&mut orders) => order,
        };
        if let Order::Drain(_) | Order::Leave { .. } = order {
            tokio::select! {
                ended = &mut server => return ended.map_err(ServeError::Workers),
                () = async { handle.pause().await; accepting.is_over().await } => {}
            }
        }
        if let Order::Leave { refuse, .. } = order {
            // Fails only in a process that ends with its master.
            let _ = reports.send(Report::Paused);
            if refuse {
                close(&shared);
            }
        }
        drop(shared);
        if let (Order::Drain(_), Some(admin)) = (&order, admin) {
            // From now on the successor responds to probes, but for those already accepted here.
            admin.pause().await;
            sleep(LOOK).await;
            drop(admin.stop(true));
        }
        state.start_draining();
        if let Order::Drain(seconds) | Order::Leave { seconds, .. } = order {
            order = tokio::select! {
                ended = &mut server => return ended.map_err(ServeError::Workers),
                order = harsher(&mut orders) => order,
                () = drained(&state.stats, Duration::from_secs(seconds)) => Order::Stop,
            };
        }
        let mut why = "told to stop at once";
        let seconds = match order {
            Order::Stop => Some(state.settings.server.graceful_timeout),
            Order::Finish(seconds) => Some(seconds),
            _ => None,
        };
        if let Some(seconds) = seconds {
            drop(handle.stop(true));
            let mut end = Instant::now() + Duration::from_secs(seconds);
            loop {
                tokio::select! {
                    _ = &mut server => return Ok(()),
                    () = sleep_until(end) => {
                        why = "their time to end is over";
                        break;
                    }
                    left = less_time(&mut orders) => match left {
                        Some(left) => end = end.min(Instant::now() + left),
                        None => break,
                    }
                }
            }
        }
        tell_cut(&state.stats, why);
        Ok(())
    }
}

/// The next order to stop serving.
pub(super) async fn next(orders: &mut UnboundedReceiver<Order>) -> Order {
    loop {
        match orders.recv().await {
            Some(Order::ReopenLogs) => reopen_logs(),
            // Handled before it gets here.
            Some(Order::AskDatabase(_) | Order::TellFigures(_)) => {}
            Some(order) => return order,
            None => return Order::Stop,
        }
    }
}

async fn harsher(orders: &mut UnboundedReceiver<Order>) -> Order {
    loop {
        match next(orders).await {
            Order::Drain(_) | Order::Leave { .. } => {}
            order => return order,
        }
    }
}

/// The next order that leaves requests in flight less time; `None` leaves none.
async fn less_time(orders: &mut UnboundedReceiver<Order>) -> Option<Duration> {
    loop {
        match orders.recv().await {
            Some(Order::Quit) => return None,
            Some(Order::Finish(seconds)) => return Some(Duration::from_secs(seconds)),
            Some(Order::ReopenLogs) => reopen_logs(),
            Some(_) => {}
            // No sender is left to order it.
            None => std::future::pending().await,
        }
    }
}

/// Logs what ends with this process. Streams count as connections only.
fn tell_cut(stats: &WorkerStats, why: &str) {
    let StatsSnapshot { in_flight, connections, .. } = stats.report();
    if connections > 0 {
        let level = if in_flight > 0 { log::Level::Warn } else { log::Level::Info };
        log::log!(target: ERROR, level, "Cut off: requests in flight: {in_flight}, connections: {connections} ({why})");
    }
}

/// A refused client, above all a proxy, turns to another replica.
fn close(sockets: &[OwnedFd]) {
    for socket in sockets {
        if let Err(error) = Socket::refuse(socket) {
            log::debug!(target: ERROR, "a socket stays open: {error}");
        }
    }
}

fn reopen_logs() {
    logging::reopen();
    log::info!(target: ERROR, "Log files reopened");
}

/// Waits until no connection is left, for `window` at most.
///
/// A connection accepted before the pause may still be on its way to its thread. It is counted once
/// each thread has turned twice.
async fn drained(stats: &Arc<WorkerStats>, window: Duration) {
    let end = Instant::now() + window;
    sleep(2 * LOOK).await;
    let before = stats.beats();
    loop {
        let mut beats = stats.beats().into_iter().zip(&before);
        let turned = beats.all(|(now, before)| now > before.saturating_add(1) || now == u64::MAX);
        if Instant::now() >= end || turned && stats.connections() == 0 {
            return;
        }
        sleep_until(end.min(Instant::now() + LOOK)).await;
    }
}

/// Raises the limit of descriptors to what the system allows: each connection is one.
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
