//! A worker process: takes the master's sockets, serves, reports, obeys.

mod accepting;
mod burst;
mod http;
mod reporter;
pub(super) mod threads;
mod upkeep;

pub(super) use upkeep::Upkeep;

use crate::http::middleware::panic;
use crate::http::monitoring::metrics::{Changes, FiguresRequest};
use crate::http::state::{AppState, DocumentData};
use crate::http::{Mounts, ServeError, document};
use crate::process::channel::{
    self, Channel, ChannelReader, FromMaster, Handover, Order, Report, WORKER,
};
use crate::process::life::Life;
use crate::process::listener::Socket;
use crate::services::{Services, refuse_damage};
use crate::settings::{OwnSettings, Settings};
use actix_web::web::Data;
use listenfd::ListenFd;
use reporter::{Question, Reporter};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::fmt;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use threads::Sockets;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// A worker process before it serves.
pub struct Worker {
    /// What the master handed over.
    pub handover: Handover,
    sockets: ListenFd,
    channel: UnixStream,
}

/// `ListenFd` cannot be printed.
impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("handover", &self.handover).finish_non_exhaustive()
    }
}

impl Worker {
    /// The worker that this process is; `None` if no master started it.
    ///
    /// Call this before there are other threads: it changes the environment.
    pub fn of_this_process() -> Result<Option<Self>, ServeError> {
        let Some(master) = std::env::var(WORKER).ok() else { return Ok(None) };
        follow(&master).map_err(ServeError::Runtime)?;
        let sockets = ListenFd::from_env();
        let (handover, channel) = Handover::to_this_process().map_err(ServeError::Runtime)?;
        Ok(Some(Self { handover, sockets, channel }))
    }

    /// The settings that the master wants for this process.
    #[must_use]
    pub fn settings(&self, mut settings: Settings) -> Settings {
        settings.server.workers = NonZeroUsize::new(self.handover.threads);
        settings
    }

    /// Tells the master why this process cannot start.
    pub fn fail(mut self, cause: &dyn fmt::Display) {
        let report = Report::Failed(cause.to_string());
        // Without a master, nobody is listening.
        let _ = channel::line(&report).and_then(|line| self.channel.write_all(&line));
    }

    /// Serves until the master ends it; `demo` opens the services with the demo users.
    ///
    /// Returns whether it went well; the master learns why it could not start.
    #[must_use]
    pub fn run(
        self,
        application: (Mounts, Life, OwnSettings),
        settings: Arc<Settings>,
        demo: bool,
    ) -> bool {
        panic::log_panics();
        threads::raise_descriptor_limit();
        actix_web::rt::System::new().block_on(self.serve(application, settings, demo))
    }

    async fn serve(
        self,
        (mounts, life, own): (Mounts, Life, OwnSettings),
        settings: Arc<Settings>,
        demo: bool,
    ) -> bool {
        let Self { handover, mut sockets, channel } = self;
        let Ok(Channel { reader, mut writer }) = Channel::new(channel) else { return false };
        let (sender, mut orders) = mpsc::unbounded_channel();
        let (requester, questions) = mpsc::unbounded_channel();
        let news = mpsc::unbounded_channel();
        if listen(reader, (sender, requester), news.0.clone()).is_err() {
            return false;
        }
        let (figures_request, figures_requests) = FiguresRequest::new();
        let start = async {
            let sockets = take(&mut sockets, &handover).map_err(ServeError::Runtime)?;
            let (of, by) = (mounts.clone(), Arc::clone(&settings));
            // In parallel with opening the database: clients may be waiting for a dead worker's
            // successor.
            let describing = std::thread::spawn(move || document(&of, &by));
            if handover.looks_for_damage {
                refuse_damage(&settings).await.map_err(ServeError::Services)?;
            }
            let services =
                Services::open(Arc::clone(&settings), demo).await.map_err(ServeError::Services)?;
            let panicked = |_| ServeError::Workers(io::Error::other("mounting panicked"));
            let document_data = DocumentData::of(&describing.join().map_err(panicked)??, &settings);
            let opened = life.open(&own).await?;
            let state = Data::new(AppState::new(
                (mounts, opened.states()),
                document_data,
                services,
                settings,
                figures_request,
            )?);
            life.start(&opened).await?;
            let running = threads::start(state.clone(), sockets).await?;
            Ok::<_, ServeError>((running, state, opened))
        };
        let started = tokio::select! {
            biased;
            // No connection has been accepted yet; after this the start never pauses, so it cannot
            // end.
            _ = threads::next(&mut orders) => return true,
            started = start => started,
        };
        let (running, state, opened) = match started {
            Ok(started) => started,
            Err(error) => {
                let _ = writer.send(&Report::Failed(error.to_string())).await;
                return false;
            }
        };
        let _ = writer.send(&Report::Ready).await;
        let upkeep = Upkeep::start(&state, life, opened);
        let reports = news.0.clone();
        let changes = Changes::default();
        let mut reporter = Reporter { state, writer, questions, figures_requests, news, changes };
        let ended = tokio::select! {
            ended = running.until(orders, reports) => ended.is_ok(),
            () = reporter.run() => unreachable!("reports never end"),
        };
        upkeep.end().await;
        reporter.send_last_report().await;
        ended
    }
}

/// Makes sure that this process does not outlive the master.
fn follow(master: &str) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let parent = getppid().map(Pid::as_raw_nonzero);
    if parent.map(|pid| pid.to_string()).as_deref() == Some(master) {
        Ok(())
    } else {
        Err(io::Error::other(format!("{WORKER} is set, but the master {master} is gone")))
    }
}

fn take(sockets: &mut ListenFd, handover: &Handover) -> io::Result<Sockets> {
    let count = handover.sockets + handover.admin_sockets;
    let all = (0..count).map(|at| Socket::take(sockets, at));
    let mut server = all.collect::<io::Result<Vec<_>>>()?;
    let admin = server.split_off(handover.sockets);
    Ok(Sockets { server, admin })
}

/// Orders come from the master. SIGTERM is reported to it, so that another process serves before
/// this one goes; other signals are the master's, though a terminal sends them to all.
fn listen(
    mut reader: ChannelReader,
    (orders, questions): (mpsc::UnboundedSender<Order>, mpsc::UnboundedSender<Question>),
    reports: mpsc::UnboundedSender<Report>,
) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let ignored = [SignalKind::interrupt(), SignalKind::quit(), SignalKind::hangup()];
    // The last two: a file that may grow no further (systemd's LimitFSIZE) is an error for its
    // writer, and a process that has used up its CPU time is replaced, which takes a moment.
    let more = [Signal::USR1, Signal::USR2, Signal::TTIN, Signal::TTOU, Signal::XFSZ, Signal::XCPU];
    for kind in ignored.into_iter().chain(more.map(|s| SignalKind::from_raw(s.as_raw()))) {
        // Tokio's handler stays when the stream is dropped.
        drop(signal(kind)?);
    }
    actix_web::rt::spawn(async move {
        while terminate.recv().await.is_some() {
            // Sent once this process serves.
            if reports.send(Report::Terminated).is_err() {
                return;
            }
        }
    });
    actix_web::rt::spawn(async move {
        loop {
            let said = reader.next().await;
            let (order, last) = match said {
                Some(FromMaster::Order(order)) => (order, false),
                Some(FromMaster::Figures { question, figures }) => {
                    let _ = questions.send(Question::Answer(question, figures));
                    continue;
                }
                Some(FromMaster::Audited { audited }) => {
                    let _ = questions.send(Question::Audited(audited));
                    continue;
                }
                // The channel ends when the master has gone.
                None => (Order::Stop, true),
            };
            let question = match order {
                Order::AskDatabase(question) => Some(Question::Database(question)),
                Order::TellFigures(round) => Some(Question::Figures(round)),
                _ => None,
            };
            if let Some(question) = question {
                // Handled once it serves, until it has ended.
                let _ = questions.send(question);
            } else if orders.send(order).is_err() || last {
                return;
            }
        }
    });
    Ok(())
}
