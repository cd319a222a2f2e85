//! The master: owns the sockets; starts, monitors and replaces worker processes.

mod backoff;
mod commands;
mod control;
mod farewell;
mod figures;
mod fleet;
mod identity;
mod launch;
mod orphans;
mod pidfile;
mod plan;
mod program;
mod questions;
mod reload;
mod reloading;
mod renewal;
mod signals;
mod status;
mod supervisor;
mod systemd;
mod upgrade;
mod workers;

pub use control::{Request, Response, ask};
pub use program::{Program, take_name};
pub use signals::Threads;

use crate::domain::{AuditFields, program};
use crate::http::ServeError;
use crate::http::middleware::panic;
use crate::logging::{self, ERROR, LoggingGuard};
use crate::process::channel::{Order, Report};
use crate::process::lateness::Lateness;
use crate::process::listener::Listeners;
use crate::process::root_files;
use crate::settings::{Bind, Layers, Loaded, LoggingSettings, Settings};
use backoff::Backoff;
use control::Control;
use farewell::Closing;
use figures::Figures;
use identity::Identity;
use launch::Launcher;
use listenfd::ListenFd;
use pidfile::Pidfile;
use plan::Plan;
use questions::Question;
use reload::Reloader;
use signals::Command;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};
use systemd::Watchdog;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use upgrade::{Predecessor, Successor};
use workers::WorkerProcess;

/// Pause between two checks of deadlines.
const TICK: Duration = Duration::from_millis(100);

/// Everything that can happen to a master.
enum Event {
    Signal(&'static str, Command),
    Asked(Request, oneshot::Sender<Response>),
    /// A worker process reports.
    Report(u64, Report),
    /// A child has ended.
    Ended(u64, io::Result<ExitStatus>),
    /// The successor serves.
    TakenOver(u64),
    /// A further successor has followed.
    Followed,
    /// A file that `--reload` watches has changed.
    Changed(PathBuf),
}

/// The phase of the master's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No worker process has served yet.
    Starting,
    Serving,
    /// All worker processes have orders to end; then the master ends.
    Leaving,
}

struct Master {
    phase: Phase,
    started: Instant,
    launcher: Launcher,
    /// The next child's id.
    next_id: u64,
    plan: Plan,
    /// Takes effect once the current plan's first process has shown whether it can start.
    pending: Option<Plan>,
    /// Earlier plans whose processes still live; the last one returns if the current one fails.
    earlier: Vec<Plan>,
    /// Whether a process of the current plan has served.
    proven: bool,
    /// Whether systemd waits for the end of a reload.
    reloading: bool,
    /// Why the last reload was refused or failed.
    trouble: Option<String>,
    /// Requests waiting for the end of a reload.
    waiting: Vec<oneshot::Sender<Response>>,
    /// Whether the workers are stopped while the master stays.
    resting: bool,
    workers: Vec<WorkerProcess>,
    backoff: Backoff,
    last_restart: Option<(String, Instant)>,
    predecessor: Option<Predecessor>,
    /// The predecessor once this process has taken over.
    relieved: Option<Predecessor>,
    successor: Option<Successor>,
    /// Set while the worker processes stop accepting.
    closing: Option<Closing>,
    watchdog: Watchdog,
    /// What the current log was built from.
    log: (LoggingSettings, Identity),
    pidfile: Option<Pidfile>,
    control: Option<Control>,
    /// When to try again to take the control socket; `None` if it is taken or not wanted.
    control_due: Option<Instant>,
    reloader: Option<Reloader>,
    /// Requests waiting for the worker processes' reports.
    questions: Vec<Question>,
    /// What the audit log was told while no process served that has a database.
    untold: Vec<AuditFields>,
    figures: Figures,
    events: UnboundedSender<Event>,
}

/// Serves, with worker processes, until a signal ends it.
///
/// `layers` hold the text of their files, and `loaded` is what they say. A failure of the first
/// worker process is an error; later ones never end the master.
pub fn run(started: Program, (layers, loaded): (Layers, Loaded)) -> Result<(), ServeError> {
    panic::log_panics();
    // Before other threads could read the environment.
    let passed = ListenFd::from_env();
    let predecessor = Predecessor::of_this_process().map_err(ServeError::Runtime)?;
    actix_web::rt::System::new().block_on(async move {
        let (events, receiver) = unbounded_channel();
        signals::listen(&events).map_err(ServeError::Runtime)?;
        log::info!(target: ERROR, "Starting {} {}", program(), program().version);
        let launcher = Launcher::new(started, events.clone());
        let listeners = match &predecessor {
            Some(before) => Some(before.listeners(passed)).transpose(),
            None => Listeners::passed(passed),
        };
        let listeners = listeners.map_err(ServeError::Runtime)?.unwrap_or_default();
        let master = Master::new(launcher, (layers, loaded, listeners), predecessor, events)?;
        master.run(receiver).await
    })
}

/// Everything that is wrong with the settings of the master; starts nothing.
pub(super) fn faults(settings: &Settings) -> Vec<ServeError> {
    let sources = reload::check(&settings.server);
    let identity = Identity::of(&settings.server);
    let log = identity.and_then(|identity| identity.check_log(&settings.logging));
    let checks = [sources, check_places(settings), log];
    checks.into_iter().filter_map(Result::err).collect()
}

/// Reads the files that the settings name, and keeps their content.
pub fn hold_files(settings: &mut Settings) -> Result<(), ServeError> {
    Identity::of(&settings.server)?.hold_files(settings)
}

/// Sets up the log of a master. Worker processes use the same files.
pub fn start_log(settings: &Settings) -> Result<LoggingGuard, ServeError> {
    let open = Identity::of(&settings.server)?.log_opener();
    Ok(logging::init_with(&settings.logging, open)?)
}

/// Sets the log of a command up: the audit log's files, which are those of the server.
pub fn start_audit_log(settings: &Settings) -> Result<LoggingGuard, ServeError> {
    let open = Identity::of(&settings.server)?.log_opener();
    Ok(logging::init_audit(&settings.logging, open)?)
}

/// As root, refuses places for the master's own files that other users could take.
fn check_places(settings: &Settings) -> Result<(), ServeError> {
    let server = &settings.server;
    let files =
        [("server.pidfile", &server.pidfile), ("server.control_socket", &server.control_socket)];
    for (key, path) in files {
        if let Some(path) = path {
            let failed = |error: io::Error| ServeError::File {
                path: path.clone(),
                cause: error.to_string(),
                key,
            };
            root_files::check_place(path).map_err(failed)?;
        }
    }
    for (key, binds) in [("server.bind", &server.bind), ("admin.bind", &settings.admin.bind)] {
        for bind in binds {
            if let Bind::Unix(path) = bind {
                let failed = |error: io::Error| ServeError::Bind {
                    key,
                    bind: bind.clone(),
                    cause: error.to_string(),
                };
                root_files::check_place(Path::new(path)).map_err(failed)?;
            }
        }
    }
    Ok(())
}

impl Master {
    fn new(
        launcher: Launcher,
        (layers, loaded, listeners): (Layers, Loaded, Listeners),
        predecessor: Option<Predecessor>,
        events: UnboundedSender<Event>,
    ) -> Result<Self, ServeError> {
        loaded.warnings.iter().for_each(|warning| log::warn!(target: ERROR, "{warning}"));
        let settings = loaded.settings;
        identity::set_umask(&settings.server);
        // Before the sockets: of two that start at once, one must not take the other's.
        let pidfile = match (&settings.server.pidfile, &predecessor) {
            (Some(path), None) => Some(Pidfile::claim(path, None)?),
            (Some(path), Some(before)) => {
                Pidfile::check(path, Some(before.pid()))?;
                None
            }
            (None, _) => None,
        };
        let plan = Plan::first(layers, settings, &listeners)?;
        let log = (plan.settings.logging.clone(), plan.identity);
        Ok(Self {
            phase: Phase::Starting,
            started: Instant::now(),
            launcher,
            next_id: 0,
            plan,
            pending: None,
            earlier: Vec::new(),
            proven: false,
            reloading: false,
            trouble: None,
            waiting: Vec::new(),
            resting: false,
            workers: Vec::new(),
            backoff: Backoff::default(),
            last_restart: None,
            predecessor,
            relieved: None,
            successor: None,
            closing: None,
            watchdog: Watchdog::new(),
            log,
            pidfile,
            control: None,
            control_due: None,
            reloader: None,
            questions: Vec::new(),
            untold: Vec::new(),
            figures: Figures::default(),
            events,
        })
    }

    async fn run(mut self, mut events: UnboundedReceiver<Event>) -> Result<(), ServeError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lateness = Lateness::new(TICK, Instant::now());
        self.watch_files();
        self.arrange()?;
        loop {
            tokio::select! {
                Some(event) = events.recv() => self.on(event)?,
                _ = tick.tick() => {
                    let now = Instant::now();
                    self.extend_deadlines(lateness.look(now), now);
                    self.watch(now);
                    self.retry_control(now);
                }
            }
            self.arrange()?;
            let alone = self.workers.is_empty() && self.successor.is_none();
            if self.phase == Phase::Leaving && alone {
                log::info!(target: ERROR, "Shutting down");
                return Ok(());
            }
        }
    }

    fn on(&mut self, event: Event) -> Result<(), ServeError> {
        match event {
            Event::Signal(name, command) => {
                log::info!(target: ERROR, "Handling signal: {name}");
                // A refusal has been logged.
                let _ = self.obey(command);
            }
            Event::Asked(request, sender) => {
                match request {
                    Request::Status | Request::Ready => self.ask_workers(request, sender),
                    Request::ReloadAndWait => self.reload_for(sender),
                    // The requester may have gone.
                    _ => drop(sender.send(self.handle(request))),
                }
            }
            Event::Report(id, report) => self.receive(id, report),
            Event::Ended(id, how) => return self.ended(id, how),
            Event::TakenOver(id) => self.taken_over(id),
            Event::Followed => self.make_haste(),
            Event::Changed(path) => {
                log::info!(target: ERROR, "Changed: {}", path.display());
                let _ = self.obey(Command::Reload);
            }
        }
        Ok(())
    }

    /// The first worker process serves.
    fn announce(&mut self) {
        self.phase = Phase::Serving;
        if self.predecessor.is_none() {
            self.take_control(false);
            systemd::ready("serving");
        }
        log::info!(target: ERROR, "Workers: {}", self.plan.threads);
        for url in self.plan.listeners.urls() {
            log::info!(target: ERROR, "Listening at: {url}");
        }
        for url in self.plan.listeners.admin_urls() {
            log::info!(target: ERROR, "Health and metrics at: {url}");
        }
        if let Some(url) = self.plan.docs_url() {
            log::info!(target: ERROR, "Documentation at: {url}");
        }
    }

    /// Takes the control socket, at once or when the process that has it ends.
    fn take_control(&mut self, takes_over: bool) {
        let path = control::path(&self.plan.settings);
        match control::listen(&path, takes_over, &self.events) {
            Ok(control) => {
                let is_news = self.control_due.take().is_some() || self.control.is_some();
                if is_news || path != self.plan.settings.control_socket() {
                    log::info!(target: ERROR, "`{} ctl` at: {}", program(), path.display());
                }
                self.control = Some(control);
            }
            Err(error) => {
                let next = Instant::now() + control::RETRY;
                if self.control_due.replace(next).is_none() {
                    let cause = crate::process::listener::cause(&error);
                    log::warn!(target: ERROR, "{}: {cause}: `{} ctl` does not reach this server yet; trying again", path.display(), program());
                }
            }
        }
    }

    /// Tries again to take the control socket, unless this master is about to end.
    fn retry_control(&mut self, now: Instant) {
        if self.phase == Phase::Serving && self.control_due.is_some_and(|due| now >= due) {
            self.take_control(false);
        }
    }

    /// All processes are as wanted: tells those who wait for it.
    fn settled(&mut self) {
        if let Some(mut predecessor) = self.predecessor.take() {
            self.take_pidfile(&Arc::clone(&self.plan.settings), Some(predecessor.pid()));
            self.take_control(true);
            self.renew_sockets();
            predecessor.relieve();
            self.relieved = Some(predecessor);
            systemd::ready("serving");
        } else if std::mem::take(&mut self.reloading) {
            let line = format!("All worker processes are of generation {}", self.plan.generation);
            log::info!(target: ERROR, "{line}");
            self.reload_ends(&Ok(line));
        }
    }
}
