//! A worker process's reports and questions to its master.

use crate::domain::AuditFields;
use crate::http::monitoring::admin;
use crate::http::monitoring::metrics::{Changes, FiguresRequests, Metrics};
use crate::http::state::AppState;
use crate::process::channel::{ChannelWriter, Report};
use crate::process::lateness::Lateness;
use crate::process::worker::burst::Burst;
use actix_web::web::Data;
use malloc_trim::malloc_trim;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{MissedTickBehavior, timeout};

/// Pause between two reports.
const REPORT: Duration = Duration::from_millis(250);

/// Every this many reports include the figures: a crash loses no more.
const COUNTED: u32 = 4;

/// Longest time for the last report, to a master that may be stalled.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the master asks or responds.
pub(super) enum Question {
    /// Whether the database responds.
    Database(u64),
    /// The figures that have changed.
    Figures(u64),
    /// The response to a question of this process.
    Answer(u64, Arc<str>),
    /// What the master has told the audit log.
    Audited(AuditFields),
}

/// Talks to the master.
pub(super) struct Reporter {
    pub(super) state: Data<AppState>,
    pub(super) writer: ChannelWriter,
    pub(super) questions: UnboundedReceiver<Question>,
    /// Requests in this process for everyone's figures.
    pub(super) figures_requests: FiguresRequests,
    /// Reports from other parts of this process.
    pub(super) news: (UnboundedSender<Report>, UnboundedReceiver<Report>),
    pub(super) changes: Changes,
}

impl Reporter {
    /// Reports as long as it is polled.
    pub(super) async fn run(&mut self) {
        let mut pause = tokio::time::interval(REPORT);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lateness = Lateness::new(REPORT, Instant::now());
        let mut reports = 0;
        let mut burst = Burst::default();
        loop {
            // The master's end is noticed where its orders are read.
            let report = tokio::select! {
                _ = pause.tick() => {
                    self.state.stats.forgive(lateness.look(Instant::now()));
                    reports += 1;
                    if burst.has_passed(self.state.stats.connections()) {
                        drop(actix_web::rt::task::spawn_blocking(malloc_trim));
                    }
                    if reports % COUNTED == 0 {
                        self.tell_figures(None).await;
                    }
                    Report::Alive(self.state.stats.report())
                }
                Some(question) = self.questions.recv() => {
                    self.handle(question).await;
                    continue;
                }
                question = self.figures_requests.next() => Report::AskFigures(question),
                Some(report) = self.news.1.recv() => report,
            };
            let _ = self.writer.send(&report).await;
        }
    }

    async fn handle(&mut self, question: Question) {
        match question {
            Question::Database(question) => {
                let (state, answer) = (self.state.clone(), self.news.0.clone());
                actix_web::rt::spawn(async move {
                    let answers = admin::database_responds(&state).await;
                    let signing = &state.services.signing;
                    let (secret, other_secrets) = (signing.own(), signing.others());
                    let told = Report::Database { question, answers, secret, other_secrets };
                    let _ = answer.send(told);
                });
            }
            Question::Figures(round) => self.tell_figures(Some(round)).await,
            Question::Answer(question, figures) => self.figures_requests.answer(question, &figures),
            Question::Audited(fields) => self.state.services.accounts.audit_log().keep(fields),
        }
    }

    /// Reports the changes; if there are none, reports that to a round that waits.
    async fn tell_figures(&mut self, round: Option<u64>) {
        // Reports even without metrics of its own: another generation's settings may want figures.
        let figures = self.state.metrics.as_ref().map(Metrics::figures).unwrap_or_default();
        let lines = self.changes.since_last(figures);
        if round.is_some() || !lines.is_empty() {
            let _ = self.writer.send(&Report::Figures { round, lines }).await;
        }
    }

    /// Sends the final figures.
    pub(super) async fn send_last_report(&mut self) {
        let _ = timeout(FAREWELL, self.tell_figures(None)).await;
    }
}
