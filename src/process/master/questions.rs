//! Responses that need the worker processes' reports on their database.

use super::control::{Request, Response};
use super::status::processes;
use super::workers::{STANDS_STILL, Stage};
use super::{Master, Order, Phase};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Longer than a worker process waits for its database.
const PATIENCE: Duration = Duration::from_millis(2500);

/// A request waiting at the control socket.
pub(super) struct Question {
    id: u64,
    request: Request,
    requester: oneshot::Sender<Response>,
    /// The processes that have not reported yet.
    waiting: BTreeSet<u64>,
    reports: WorkerReports,
    deadline: Instant,
}

/// The worker processes' reports on their database, and on the secrets in use there.
#[derive(Debug, Default)]
pub(super) struct WorkerReports {
    /// Whether all that reported reach it; `None` if none did.
    pub(super) database: Option<bool>,
    /// The fingerprints of the secrets they sign with: one, unless it is being changed.
    pub(super) secrets: BTreeSet<String>,
    /// Those of other servers on the database.
    pub(super) other_secrets: BTreeSet<String>,
    /// The process ids of those that have not reported in time.
    pub(super) silent: Vec<u32>,
}

impl Master {
    /// Asks all processes that serve.
    pub(super) fn ask_workers(&mut self, request: Request, requester: oneshot::Sender<Response>) {
        self.next_id += 1;
        let id = self.next_id;
        let mut waiting = BTreeSet::new();
        for worker in self.workers.iter_mut().filter(|worker| worker.stage == Stage::Serving) {
            worker.order(Order::AskDatabase(id));
            waiting.insert(worker.id);
        }
        let deadline = Instant::now() + PATIENCE;
        self.questions.push(Question {
            id,
            request,
            requester,
            waiting,
            reports: WorkerReports::default(),
            deadline,
        });
        self.answer_questions(Instant::now());
    }

    /// A process reports whether its database responds.
    pub(super) fn receive_database_report(
        &mut self,
        worker: u64,
        id: u64,
        (answers, secret, others): (bool, String, Vec<String>),
    ) {
        if let Some(question) = self.questions.iter_mut().find(|question| question.id == id)
            && question.waiting.remove(&worker)
        {
            let before = question.reports.database.unwrap_or(true);
            question.reports.database = Some(before && answers);
            question.reports.secrets.insert(secret);
            question.reports.other_secrets.extend(others);
        }
        self.answer_questions(Instant::now());
    }

    /// Responds to what is complete or has waited long enough.
    pub(super) fn answer_questions(&mut self, now: Instant) {
        let workers = &self.workers;
        let due = self.questions.extract_if(.., |question| {
            // Ended processes no longer report.
            question.waiting.retain(|id| workers.iter().any(|worker| worker.id == *id));
            if now >= question.deadline {
                let silent = workers.iter().filter(|worker| question.waiting.contains(&worker.id));
                question.reports.silent = silent.map(|worker| worker.pid).collect();
                question.waiting.clear();
            }
            question.waiting.is_empty()
        });
        for Question { request, requester, reports, .. } in due.collect::<Vec<_>>() {
            let answer = match request {
                Request::Ready => self.readiness(&reports),
                _ => Response::Status(self.status(reports)),
            };
            // The requester may have gone.
            let _ = requester.send(answer);
        }
    }

    pub(super) fn put_off_questions(&mut self, lost: Duration) {
        for question in &mut self.questions {
            question.deadline += lost;
        }
    }

    /// Whether the server is alive: whether restarting it would not help more than it helps itself.
    pub(super) fn health(&self) -> Response {
        match self.serving() {
            _ if self.phase == Phase::Leaving => {
                Response::Accepted("healthy, about to end".to_owned())
            }
            0 => Response::Refused("no worker process serves".to_owned()),
            count => Response::Accepted(format!("healthy, worker processes: {count}")),
        }
    }

    /// Whether this server should get requests.
    fn readiness(&self, reports: &WorkerReports) -> Response {
        let refused = |why: &str| Response::Refused(format!("not ready: {why}"));
        match self.serving() {
            _ if self.phase == Phase::Leaving => refused("about to end"),
            0 => refused("no worker process serves"),
            _ if reports.database == Some(false) => refused("the database does not answer"),
            _ if !reports.silent.is_empty() => {
                refused(&format!("no answer from {}", processes(&reports.silent)))
            }
            // All that were asked have ended meanwhile.
            _ if reports.database.is_none() => refused("no answer from a worker process"),
            count => Response::Accepted(format!("ready, worker processes: {count}")),
        }
    }

    fn serving(&self) -> usize {
        let serves = self.workers.iter().filter(|worker| {
            worker.stage == Stage::Serving && worker.stale.as_deref() != Some(STANDS_STILL)
        });
        serves.count()
    }
}
