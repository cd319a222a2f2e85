//! What all processes count: collected from the workers when one of them is asked for it.

use super::workers::{Message, Reason, Stage};
use super::{Master, Order};
use crate::http::monitoring::metrics::{self, Totals, of_this_process, put, put_by};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a round waits for the worker processes; what the late ones have told before counts.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the processes have counted, and who waits for it.
#[derive(Debug)]
pub(super) struct Figures {
    totals: Totals,
    restarts: [u64; Reason::NAMES.len()],
    /// Whether the last reload was put in force.
    pub(super) reloaded: bool,
    round: Option<Round>,
    /// Those who have asked since the round began: what was counted before they asked is theirs to
    /// see, so they get the next one. However many ask, there is one at a time.
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
    /// The processes that have not told their figures yet.
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
    /// A worker process wants to know what all have counted.
    pub(super) fn ask_figures(&mut self, worker: u64, question: u64) {
        self.figures.next.push(Requester { worker, question });
        self.end_round(Instant::now());
    }

    /// A worker process has told its figures.
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

    /// Ends a round that has heard everybody or waited long enough; begins the next one that is
    /// wanted.
    pub(super) fn end_round(&mut self, now: Instant) {
        if let Some(round) = &mut self.figures.round {
            // Who has ended says nothing any more.
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
        // One that has not even answered the last time is not waited for: each answer would take as
        // long as that.
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
                // One that has ended does not wait for it.
                let _ =
                    worker.messages.send(Message::Figures(requester.question, Arc::clone(&text)));
            }
        }
    }

    /// What the master itself knows and takes.
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
