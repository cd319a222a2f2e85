//! A server in this process, without a master: for the tests of applications.

use crate::domain::Clock;
use crate::http::monitoring::metrics::FiguresRequest;
use crate::http::state::{AppState, DocumentData};
use crate::http::{Mounts, ServeError, document};
use crate::process::channel::Order;
use crate::process::life::{Life, Start};
use crate::process::listener::Listeners;
use crate::process::worker::Upkeep;
use crate::process::worker::threads::{self, Sockets};
use crate::services::Services;
use crate::settings::{OwnSettings, Settings};
use actix_web::rt::System;
use actix_web::web::Data;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

type Call = Box<dyn FnOnce(Services) -> LocalBoxFuture<'static, ()> + Send>;

/// A running server in a thread of its own; ends on drop.
pub struct Alone {
    /// `http://HOST:PORT`
    pub url: String,
    start: Start,
    orders: UnboundedSender<Order>,
    calls: UnboundedSender<Call>,
    thread: Option<JoinHandle<()>>,
}

impl Alone {
    /// Starts it.
    pub async fn start(
        application: (Mounts, Life, OwnSettings),
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        let (ready, started) = oneshot::channel();
        let (orders, ordered) = unbounded_channel();
        let (calls, called) = unbounded_channel();
        let thread = thread::Builder::new().name("bailiwick-test".to_owned()).spawn(move || {
            System::new().block_on(serve(application, settings, clock, (ready, ordered, called)));
        });
        let thread = thread.map_err(ServeError::Runtime)?;
        let panicked = |_| ServeError::Workers(io::Error::other("the server panicked"));
        let (url, start) = started.await.map_err(panicked)??;
        Ok(Self { url, start, orders, calls, thread: Some(thread) })
    }

    /// What the application has opened.
    #[must_use]
    pub fn opened(&self) -> &Start {
        &self.start
    }

    /// Does something with the services, in the server's thread.
    ///
    /// # Panics
    ///
    /// If the server has ended, or if `call` panics.
    pub async fn call<R, F>(&self, call: impl FnOnce(Services) -> F + Send + 'static) -> R
    where
        R: Send + 'static,
        F: Future<Output = R> + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let call: Call = Box::new(move |services| {
            async move {
                // Nobody may wait any more.
                let _ = sender.send(call(services).await);
            }
            .boxed_local()
        });
        let sent = self.calls.send(call);
        assert!(sent.is_ok(), "the server has ended");
        answer.await.expect("the server answers")
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alone").field("url", &self.url).finish_non_exhaustive()
    }
}

type Started = Result<(String, Start), ServeError>;

async fn serve(
    (mounts, life, own): (Mounts, Life, OwnSettings),
    settings: Settings,
    clock: Arc<dyn Clock>,
    (ready, orders, calls): (
        oneshot::Sender<Started>,
        UnboundedReceiver<Order>,
        UnboundedReceiver<Call>,
    ),
) {
    let start = async {
        let settings = Arc::new(settings);
        let listeners = Listeners::bind(&settings)?;
        let services = Services::open_at(Arc::clone(&settings), false, clock).await;
        let services = services.map_err(ServeError::Services)?;
        let document_data = DocumentData::of(&document(&mounts, &settings)?, &settings);
        let opened = life.open(&own).await?;
        let state = Data::new(AppState::new(
            (mounts, opened.states()),
            document_data,
            services,
            settings,
            FiguresRequest::new().0,
        )?);
        life.start(&opened).await?;
        let url = listeners.urls().next().map(ToString::to_string).unwrap_or_default();
        let (listeners, server) = listeners.into_parts();
        let running = threads::start(state.clone(), Sockets { server, admin: Vec::new() }).await?;
        Ok((running, state, opened, listeners, url))
    };
    let (running, state, opened, _listeners, url) = match start.await {
        Ok(started) => started,
        Err(error) => {
            // Nobody may wait any more.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let upkeep = Upkeep::start(&state, life, opened.clone());
    actix_web::rt::spawn(answer(calls, state.services.clone()));
    if ready.send(Ok((url, opened))).is_ok() {
        // How a test's server ended says nothing to the test.
        let _ = running.until(orders, unbounded_channel().0).await;
    }
    upkeep.end().await;
}

async fn answer(mut calls: UnboundedReceiver<Call>, services: Services) {
    while let Some(call) = calls.recv().await {
        call(services.clone()).await;
    }
}
