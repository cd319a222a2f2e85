//! What a worker process tells its master, and asks it.

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

/// So many reports come with what the process has counted: a crash loses no more.
const COUNTED: u32 = 4;

/// For the last report, to a master that may stand still.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the master wants to know, or has told.
pub(super) enum Question {
    /// Whether the database answers.
    Database(u64),
    /// What has changed of the figures.
    Figures(u64),
    /// The answer to a question of this process.
    Answer(u64, Arc<str>),
}

/// Speaks to the master.
pub(super) struct Reporter {
    pub(super) state: Data<AppState>,
    pub(super) writer: ChannelWriter,
    pub(super) questions: UnboundedReceiver<Question>,
    /// Those in this process who want to know what all processes count.
    pub(super) figures_requests: FiguresRequests,
    /// What others in this process have to say.
    pub(super) news: (UnboundedSender<Report>, UnboundedReceiver<Report>),
    pub(super) changes: Changes,
}

impl Reporter {
    /// Reports for as long as it is polled.
    pub(super) async fn run(&mut self) {
        let mut pause = tokio::time::interval(REPORT);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lateness = Lateness::new(REPORT, Instant::now());
        let mut reports = 0;
        let mut burst = Burst::default();
        loop {
            // A master that is gone is noticed where its orders are read.
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
        }
    }

    /// Tells what has changed, also that nothing has to whoever waits for it.
    async fn tell_figures(&mut self, round: Option<u64>) {
        // A process that counts nothing says so: the settings of another generation may want figures.
        let figures = self.state.metrics.as_ref().map(Metrics::figures).unwrap_or_default();
        let lines = self.changes.since_last(figures);
        if round.is_some() || !lines.is_empty() {
            let _ = self.writer.send(&Report::Figures { round, lines }).await;
        }
    }

    /// Tells what was counted to the end.
    pub(super) async fn send_last_report(&mut self) {
        let _ = timeout(FAREWELL, self.tell_figures(None)).await;
    }
}
