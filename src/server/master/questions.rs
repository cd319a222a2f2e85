//! What is answered once the worker processes have said whether their database answers.

use super::control::{Answer, Request};
use super::crew::{STANDS_STILL, Stage};
use super::{Master, Order, Phase};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Longer than a worker process waits for its database.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Somebody waits at the control socket.
pub(super) struct Question {
    id: u64,
    request: Request,
    asker: oneshot::Sender<Answer>,
    /// The processes that have not answered yet.
    waiting: BTreeSet<u64>,
    /// Whether all that have answered reach their database; nothing before the first.
    answers: Option<bool>,
    deadline: Instant,
}

impl Master {
    /// Asks all processes that serve.
    pub(super) fn ask_workers(&mut self, request: Request, asker: oneshot::Sender<Answer>) {
        self.next_id += 1;
        let id = self.next_id;
        let mut waiting = BTreeSet::new();
        for member in self.crew.iter_mut().filter(|member| member.stage == Stage::Serving) {
            member.order(Order::AskDatabase(id));
            waiting.insert(member.id);
        }
        let deadline = Instant::now() + PATIENCE;
        self.questions.push(Question { id, request, asker, waiting, answers: None, deadline });
        self.answer_questions(Instant::now());
    }

    /// A process has said whether its database answers.
    pub(super) fn database_told(&mut self, member: u64, id: u64, answers: bool) {
        if let Some(question) = self.questions.iter_mut().find(|question| question.id == id)
            && question.waiting.remove(&member)
        {
            question.answers = Some(question.answers.unwrap_or(true) && answers);
        }
        self.answer_questions(Instant::now());
    }

    /// Answers what can be answered, and what has waited long enough.
    pub(super) fn answer_questions(&mut self, now: Instant) {
        let crew = &self.crew;
        let due = self.questions.extract_if(.., |question| {
            // Who has ended says nothing any more.
            question.waiting.retain(|id| crew.iter().any(|member| member.id == *id));
            if now >= question.deadline && !question.waiting.is_empty() {
                question.answers = Some(false);
                question.waiting.clear();
            }
            question.waiting.is_empty()
        });
        for Question { request, asker, answers, .. } in due.collect::<Vec<_>>() {
            let answer = match request {
                Request::Ready => self.readiness(answers),
                _ => Answer::Status(self.status(answers)),
            };
            // Whoever asked may be gone.
            let _ = asker.send(answer);
        }
    }

    pub(super) fn put_off_questions(&mut self, lost: Duration) {
        for question in &mut self.questions {
            question.deadline += lost;
        }
    }

    /// Whether the server lives: restarting it would not help it more than it helps itself.
    pub(super) fn health(&self) -> Answer {
        match self.serving() {
            _ if self.phase == Phase::Leaving => {
                Answer::Accepted("healthy, about to end".to_owned())
            }
            0 => Answer::Refused("no worker process serves".to_owned()),
            count => Answer::Accepted(format!("healthy, worker processes: {count}")),
        }
    }

    /// Whether requests should be sent here.
    fn readiness(&self, database: Option<bool>) -> Answer {
        match self.serving() {
            _ if self.phase == Phase::Leaving => {
                Answer::Refused("not ready: about to end".to_owned())
            }
            0 => Answer::Refused("not ready: no worker process serves".to_owned()),
            _ if database != Some(true) => {
                Answer::Refused("not ready: the database does not answer".to_owned())
            }
            count => Answer::Accepted(format!("ready, worker processes: {count}")),
        }
    }

    fn serving(&self) -> usize {
        let serves = self.crew.iter().filter(|member| {
            member.stage == Stage::Serving && member.stale.as_deref() != Some(STANDS_STILL)
        });
        serves.count()
    }
}
