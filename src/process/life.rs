//! What an application adds to the life of a process: its state, and what is done at the start and at
//! the end.

use crate::domain::{User, with_causes};
use crate::http::{Background, ServeError};
use crate::logging::ERROR;
use crate::security::{State, States};
use crate::settings::{OwnSettings, Shared};
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, join_all};
use std::any::{Any, TypeId, type_name};
use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

type Open = Arc<dyn Fn(Start) -> Doing<(TypeId, Shared)> + Send + Sync>;
type Greeting = Arc<dyn Fn(User, Start) -> Doing<()> + Send + Sync>;
type Hook = Arc<dyn Fn(Start) -> Doing<()> + Send + Sync>;

/// What a function of the application does; its error is one line.
pub type Doing<T> = LocalBoxFuture<'static, Result<T, String>>;

/// How long background tasks have to end by themselves after the last request.
const TO_NOTICE: Duration = Duration::from_secs(1);

/// The functions of an application.
#[derive(Clone, Default)]
pub struct Life {
    states: Vec<(&'static str, TypeId, Open)>,
    on_start: Vec<Hook>,
    on_stop: Vec<Hook>,
    /// What is done with each new user.
    pub(super) greetings: Vec<Greeting>,
    /// For tests: instead of what would be opened.
    replaced: States,
}

/// What the functions of an application get: its settings, and the state opened so far.
///
/// It is cheap to clone, and a background task may keep it.
#[derive(Clone)]
pub struct Start {
    states: States,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
    stopping: Arc<watch::Sender<bool>>,
    background: Background,
}

impl Start {
    fn new(settings: &OwnSettings) -> Self {
        let mut states = States::default();
        settings.all().for_each(|(id, settings)| states.add(id, Arc::clone(settings)));
        let background = Background::start();
        states.add(TypeId::of::<Background>(), Arc::new(background.clone()));
        let stopping = Arc::new(watch::Sender::new(false));
        Self { states, tasks: Arc::default(), stopping, background }
    }

    /// The settings of [`Server::settings`](crate::Server::settings) of this type.
    ///
    /// # Panics
    ///
    /// If there are none. At the start, that is an error like any other of the application.
    #[must_use]
    pub fn settings<T: Send + Sync + 'static>(&self) -> &T {
        let absent = || panic!("no Server::settings reads a {}", type_name::<T>());
        self.states.look().unwrap_or_else(absent)
    }

    /// The state of this type, opened by an earlier [`Server::state`](crate::Server::state).
    ///
    /// # Panics
    ///
    /// If there is none. At the start, that is an error like any other of the application.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> State<T> {
        let absent = || panic!("no earlier Server::state opens a {}", type_name::<T>());
        self.states.get().unwrap_or_else(absent)
    }

    /// Runs a task in the background of this process. It is dropped a second after the last request; it
    /// notices by [`Start::stopping`] when that is near. What must be finished belongs into
    /// [`Server::on_stop`](crate::Server::on_stop).
    ///
    /// All tasks share one thread with the management of this process, so they must not block it.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let task = actix_web::rt::spawn(async move {
            // The hook in `panic.rs` has logged the cause.
            let _ = AssertUnwindSafe(task).catch_unwind().await;
        });
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// Completes when this process begins to end: it takes no more connections, and finishes the requests
    /// that it has.
    pub async fn stopping(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives as long as `self`.
        let _ = stopping.wait_for(|stops| *stops).await;
    }

    /// All state.
    pub(super) fn states(&self) -> States {
        self.states.clone()
    }

    /// Tells the tasks that the process begins to end.
    pub(super) fn begin_to_stop(&self) {
        self.stopping.send_replace(true);
    }
}

/// State may hold secrets.
impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("states", &self.states).finish_non_exhaustive()
    }
}

/// An error of the application, with its causes, as one line.
pub fn told(error: impl Into<Box<dyn Error + Send + Sync>>) -> String {
    with_causes(&*error.into())
}

impl Life {
    /// Adds state.
    pub(crate) fn state<T, E>(
        &mut self,
        open: impl AsyncFn(Start) -> Result<T, E> + Send + Sync + 'static,
    ) where
        T: Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let open = Arc::new(open);
        let open: Open = Arc::new(move |start| {
            let open = Arc::clone(&open);
            async move {
                let state: Shared = Arc::new(open(start).await.map_err(told)?);
                Ok((TypeId::of::<T>(), state))
            }
            .boxed_local()
        });
        self.states.push((type_name::<T>(), TypeId::of::<T>(), open));
    }

    /// Replaces the state of this type.
    pub(crate) fn replace<T: Send + Sync + 'static>(&mut self, state: T) {
        self.replaced.add(TypeId::of::<T>(), Arc::new(state));
    }

    /// Adds what is done before the first request.
    pub(crate) fn on_start<E>(
        &mut self,
        hook: impl AsyncFn(Start) -> Result<(), E> + Send + Sync + 'static,
    ) where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.on_start.push(boxed(hook));
    }

    /// Adds what is done after the last request.
    pub(crate) fn on_stop<E>(
        &mut self,
        hook: impl AsyncFn(Start) -> Result<(), E> + Send + Sync + 'static,
    ) where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.on_stop.push(boxed(hook));
    }

    /// Opens all state.
    pub(super) async fn open(&self, settings: &OwnSettings) -> Result<Start, ServeError> {
        let mut start = Start::new(settings);
        start.states.add_all(&self.replaced);
        for (name, id, open) in &self.states {
            if self.replaced.has(*id) {
                continue;
            }
            let opened = caught(|| open(start.clone())).await;
            let (id, state) = opened.map_err(|cause| {
                ServeError::Application(format!("the state {name} cannot be opened: {cause}"))
            })?;
            start.states.add(id, state);
        }
        Ok(start)
    }

    /// Does what is to be done before the first request.
    pub(super) async fn start(&self, start: &Start) -> Result<(), ServeError> {
        for hook in &self.on_start {
            let done = caught(|| hook(start.clone())).await;
            done.map_err(|cause| ServeError::Application(format!("on_start failed: {cause}")))?;
        }
        Ok(())
    }

    /// Waits for what responses have left, ends the background tasks, then does what is to be done after
    /// the last request.
    pub(super) async fn stop(&self, start: &Start, within: Duration) {
        start.begin_to_stop();
        if timeout(within, start.background.ended()).await.is_err() {
            let (left, seconds) = (start.background.left(), within.as_secs());
            log::error!(target: ERROR, "{left} background tasks took longer than {seconds} s and were given up");
        }
        let mut tasks =
            std::mem::take(&mut *start.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = timeout(TO_NOTICE.min(within), join_all(&mut tasks)).await;
        for task in tasks.into_iter().filter(|task| !task.is_finished()) {
            task.abort();
            // Ends as it was aborted.
            let _ = task.await;
        }
        let stopped = timeout(within, async {
            for hook in &self.on_stop {
                if let Err(cause) = caught(|| hook(start.clone())).await {
                    log::error!(target: ERROR, "on_stop failed: {cause}");
                }
            }
        });
        if stopped.await.is_err() {
            log::error!(target: ERROR, "on_stop took longer than {} s and was given up", within.as_secs());
        }
    }

    /// Runs a command of the application, with its state, in this process.
    pub fn run_command(
        &self,
        settings: &OwnSettings,
        command: impl FnOnce(Start) -> Doing<()>,
    ) -> Result<(), ServeError> {
        actix_web::rt::System::new().block_on(async {
            let start = self.open(settings).await?;
            let done = caught(|| command(start.clone())).await;
            Self::default().stop(&start, Duration::ZERO).await;
            done.map_err(ServeError::Application)
        })
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: Vec<_> = self.states.iter().map(|(name, ..)| name).collect();
        f.debug_struct("Life").field("states", &states).finish_non_exhaustive()
    }
}

fn boxed<E>(hook: impl AsyncFn(Start) -> Result<(), E> + Send + Sync + 'static) -> Hook
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let hook = Arc::new(hook);
    Arc::new(move |start| {
        let hook = Arc::clone(&hook);
        async move { hook(start).await.map_err(told) }.boxed_local()
    })
}

/// A panic is an error.
pub(super) async fn caught<T>(call: impl FnOnce() -> Doing<T>) -> Result<T, String> {
    let all = AssertUnwindSafe(async { call().await });
    all.catch_unwind().await.unwrap_or_else(|panic| Err(message(&*panic)))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
