//! How a worker process gets the figures of the whole server, which the master has.

use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Longer than the master waits for its worker processes, twice: it may be at it for another one.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where an answer is waited for.
type Requester = oneshot::Sender<String>;

/// Asks the master.
#[derive(Clone, Debug)]
pub(crate) struct FiguresRequest(UnboundedSender<Requester>);

impl FiguresRequest {
    /// With what the channel to the master is served by.
    pub(crate) fn new() -> (Self, FiguresRequests) {
        let (sender, asked) = unbounded_channel();
        (Self(sender), FiguresRequests { asked, waiting: HashMap::new(), last: 0 })
    }

    /// The figures, as they are told; nothing where the master does not answer in time.
    pub(crate) async fn ask(&self) -> Option<String> {
        let (requester, answer) = oneshot::channel();
        self.0.send(requester).ok()?;
        timeout(PATIENCE, answer).await.ok()?.ok()
    }
}

/// Those who wait for the master's answer.
#[derive(Debug)]
pub(crate) struct FiguresRequests {
    asked: UnboundedReceiver<Requester>,
    waiting: HashMap<u64, Requester>,
    last: u64,
}

impl FiguresRequests {
    /// The number of the next question to the master.
    pub(crate) async fn next(&mut self) -> u64 {
        let Some(requester) = self.asked.recv().await else { return std::future::pending().await };
        // Those who have gone are forgotten.
        self.waiting.retain(|_, requester| !requester.is_closed());
        self.last += 1;
        self.waiting.insert(self.last, requester);
        self.last
    }

    /// The master has answered a question.
    pub(crate) fn answer(&mut self, question: u64, text: &str) {
        if let Some(requester) = self.waiting.remove(&question) {
            // Whoever asked may be gone.
            let _ = requester.send(text.to_owned());
        }
    }
}
