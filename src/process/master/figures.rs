//! The figures of all processes, collected when a worker asks for them.

use super::workers::{Message, Reason, Stage};
use super::{Master, Order};
use crate::http::monitoring::metrics::{self, Totals, of_this_process, put, put_by};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a round waits for the worker processes; for late ones their last report counts.
const PATIENCE: Duration = Duration::from_secs(1);

/// The processes' figures, and the requests waiting for them.
#[derive(Debug)]
pub(super) struct Figures {
    totals: Totals,
    restarts: [u64; Reason::NAMES.len()],
    /// Whether the last reload took effect.
    pub(super) reloaded: bool,
    round: Option<Round>,
    /// Requests since the round began: they must see everything counted before they asked, so they
    /// get the next round. However many there are, only one round runs at a time.
    next: Vec<Requester>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            totals: Totals::default(),
            restarts: [0; _],
            reloaded: true,
            round: None,
            next: Vec::new(),
        }
    }
}

/// A worker process, and the number of its question.
#[derive(Clone, Copy, Debug)]
struct Requester {
    worker: u64,
    question: u64,
}

#[derive(Debug)]
struct Round {
    id: u64,
    requesters: Vec<Requester>,
    /// The processes that have not reported yet.
    waiting: BTreeSet<u64>,
    deadline: Instant,
}

impl Figures {
    pub(super) fn count(&mut self, reason: Reason) {
        self.restarts[reason as usize] += 1;
    }

    pub(super) fn ended(&mut self, worker: u64) {
        self.totals.ended(worker);
    }

    pub(super) fn extend_deadlines(&mut self, lost: Duration) {
        if let Some(round) = &mut self.round {
            round.deadline += lost;
        }
    }
}

impl Master {
    /// A worker process wants everyone's figures.
    pub(super) fn ask_figures(&mut self, worker: u64, question: u64) {
        self.figures.next.push(Requester { worker, question });
        self.end_round(Instant::now());
    }

    /// A worker process has reported its figures.
    pub(super) fn receive_figures(&mut self, id: u64, round: Option<u64>, lines: &str) {
        self.figures.totals.add(id, lines);
        let Some(round) = round else { return };
        if let Some(worker) = self.workers.iter_mut().find(|worker| worker.id == id) {
            worker.is_asked = false;
        }
        if let Some(now) = self.figures.round.as_mut().filter(|now| now.id == round) {
            now.waiting.remove(&id);
        }
        self.end_round(Instant::now());
    }

    /// Ends a round that is complete or has waited long enough, and begins the next one if
    /// requested.
    pub(super) fn end_round(&mut self, now: Instant) {
        if let Some(round) = &mut self.figures.round {
            // Ended processes no longer report.
            round.waiting.retain(|id| self.workers.iter().any(|worker| worker.id == *id));
            if !round.waiting.is_empty() && now < round.deadline {
                return;
            }
        }
        if let Some(round) = self.figures.round.take() {
            self.tell(&round.requesters);
        }
        if !self.figures.next.is_empty() {
            self.begin_round(now);
        }
    }

    fn begin_round(&mut self, now: Instant) {
        self.next_id += 1;
        let id = self.next_id;
        let mut waiting = BTreeSet::new();
        // A process that missed the last round is not waited for: every response would take that
        // long.
        for worker in &mut self.workers {
            if worker.stage != Stage::Starting && !worker.is_asked {
                worker.order(Order::TellFigures(id));
                worker.is_asked = true;
                waiting.insert(worker.id);
            }
        }
        let requesters = std::mem::take(&mut self.figures.next);
        self.figures.round = Some(Round { id, requesters, waiting, deadline: now + PATIENCE });
        self.end_round(now);
    }

    fn tell(&mut self, requesters: &[Requester]) {
        let own = self.own_figures();
        let text: Arc<str> = self.figures.totals.text(&own).into();
        for requester in requesters {
            let worker = self.workers.iter().find(|worker| worker.id == requester.worker);
            if let Some(worker) = worker {
                // An ended process does not wait for it.
                let _ =
                    worker.messages.send(Message::Figures(requester.question, Arc::clone(&text)));
            }
        }
    }

    /// The master's own figures.
    fn own_figures(&self) -> metrics::Figures {
        let mut figures = of_this_process();
        let all = &mut figures;
        put_by(all, &metrics::BUILD, ("version", env!("CARGO_PKG_VERSION")), 1.0);
        for stage in Stage::ALL {
            let count = self.workers.iter().filter(|worker| worker.stage == stage).count();
            put_by(all, &metrics::PROCESSES, ("state", stage.name()), count);
        }
        let silent = self.workers.iter().filter(|worker| worker.is_asked).count();
        put(all, &metrics::SILENT, silent);
        for (name, count) in Reason::NAMES.into_iter().zip(self.figures.restarts) {
            put_by(all, &metrics::RESTARTS, ("reason", name), count);
        }
        put(all, &metrics::RELOADED, self.figures.reloaded);
        figures
    }
}
