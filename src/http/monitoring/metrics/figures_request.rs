//! How a worker process gets the figures of the whole server from the master.

use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// More than twice as long as the master waits for its worker processes: it may be busy with an
/// earlier request.
const PATIENCE: Duration = Duration::from_secs(3);

/// Receives the response.
type Requester = oneshot::Sender<String>;

/// Asks the master.
#[derive(Clone, Debug)]
pub(crate) struct FiguresRequest(UnboundedSender<Requester>);

impl FiguresRequest {
    /// Together with the end that serves the channel to the master.
    pub(crate) fn new() -> (Self, FiguresRequests) {
        let (sender, asked) = unbounded_channel();
        (Self(sender), FiguresRequests { asked, waiting: HashMap::new(), last: 0 })
    }

    /// The figures in Prometheus's text format; `None` if the master does not respond in time.
    pub(crate) async fn ask(&self) -> Option<String> {
        let (requester, answer) = oneshot::channel();
        self.0.send(requester).ok()?;
        timeout(PATIENCE, answer).await.ok()?.ok()
    }
}

/// The requests waiting for the master.
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
        // Forgets requests that have been dropped.
        self.waiting.retain(|_, requester| !requester.is_closed());
        self.last += 1;
        self.waiting.insert(self.last, requester);
        self.last
    }

    /// The master has responded to a question.
    pub(crate) fn answer(&mut self, question: u64, text: &str) {
        if let Some(requester) = self.waiting.remove(&question) {
            // The requester may have gone.
            let _ = requester.send(text.to_owned());
        }
    }
}
