//! Documents of other servers that are kept for a while: keys, and what a provider says of itself.

use crate::outgoing::error::OutgoingError;
use crate::outgoing::{Outgoing, Request, Response};
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The most documents that are kept.
const MOST: usize = 1024;

/// Fetches documents, and keeps what was made of them.
pub struct Documents<T> {
    outgoing: Outgoing,
    read: fn(&[u8]) -> Result<T, String>,
    rules: Rules,
    held: Mutex<HashMap<Box<str>, Arc<Entry<T>>>>,
}

/// How long documents count.
#[derive(Clone, Copy)]
struct Rules {
    /// At least that long, whatever their server says.
    least: Duration,
    /// If it says nothing.
    usual: Duration,
    /// At most that long.
    most: Duration,
    /// So much longer, while their server is away.
    stale: Duration,
    /// Between two tries.
    pause: Duration,
}

const RULES: Rules = Rules {
    least: Duration::from_mins(1),
    usual: Duration::from_hours(1),
    most: Duration::from_hours(24),
    stale: Duration::from_hours(24),
    pause: Duration::from_secs(5),
};

struct Entry<T>(Mutex<State<T>>);

struct State<T> {
    document: Option<Document<T>>,
    failed: Option<OutgoingError>,
    tried_at: Option<Instant>,
    under_way: Option<Shared<oneshot::Receiver<()>>>,
}

struct Document<T> {
    content: Arc<T>,
    fetched_at: Instant,
    fresh_for: Duration,
}

impl<T> Default for Entry<T> {
    fn default() -> Self {
        let state = State { document: None, failed: None, tried_at: None, under_way: None };
        Self(Mutex::new(state))
    }
}

impl<T> Entry<T> {
    fn locked(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Documents<T> {
    /// Takes who fetches them, and what makes something of one.
    #[must_use]
    pub fn new(outgoing: Outgoing, read: fn(&[u8]) -> Result<T, String>) -> Self {
        Self { outgoing, read, rules: RULES, held: Mutex::default() }
    }

    /// The document at this URL: fetched, unless one is held that still counts. While its server is away, an
    /// older one counts for a day more.
    pub async fn get(&self, url: &str) -> Result<Arc<T>, OutgoingError> {
        self.find(url, false).await
    }

    /// The same if the one that is held lacks something: fetched again, unless that was tried within seconds.
    pub async fn newer(&self, url: &str) -> Result<Arc<T>, OutgoingError> {
        self.find(url, true).await
    }

    async fn find(&self, url: &str, lacks: bool) -> Result<Arc<T>, OutgoingError> {
        let entry = self.entry(url);
        let under_way = {
            let mut state = entry.locked();
            let fresh = state.document.as_ref().filter(|document| document.is_fresh());
            if let Some(document) = fresh.filter(|_| !lacks) {
                return Ok(Arc::clone(&document.content));
            }
            match &state.under_way {
                Some(under_way) => under_way.clone(),
                None if state.tried_at.is_some_and(|at| at.elapsed() < self.rules.pause) => {
                    return state.held(self.rules.stale);
                }
                None => {
                    let (tell, told) = oneshot::channel();
                    state.tried_at = Some(Instant::now());
                    let under_way = state.under_way.insert(told.shared()).clone();
                    drop(state);
                    self.fetch(url, &entry, tell);
                    under_way
                }
            }
        };
        // However it ends, the entry knows.
        drop(tokio::time::timeout(self.outgoing.patience(), under_way).await);
        entry.locked().held(self.rules.stale)
    }

    fn entry(&self, url: &str) -> Arc<Entry<T>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = held.get(url) {
            return Arc::clone(entry);
        }
        if held.len() >= MOST {
            let oldest = held.iter().min_by_key(|(_, entry)| entry.locked().tried_at);
            if let Some(url) = oldest.map(|(url, _)| url.clone()) {
                held.remove(&url);
            }
        }
        Arc::clone(held.entry(url.into()).or_default())
    }

    /// Begins to fetch it: one request, however many wait for it, and though none of them may stay.
    fn fetch(&self, url: &str, entry: &Arc<Entry<T>>, tell: oneshot::Sender<()>) {
        let fetch = Fetch { entry: Arc::clone(entry), result: None, tell: Some(tell) };
        let (read, rules) = (self.read, self.rules);
        let started = self.outgoing.start(Request::get(url), move |result| {
            fetch.end(result.and_then(|response| document(&response, read, rules)));
        });
        if let Err(error) = started {
            let mut state = entry.locked();
            (state.failed, state.tried_at) = (Some(error), None);
        }
    }
}

/// What is under way; when it is dropped, for whatever reason, the entry has the result.
struct Fetch<T> {
    entry: Arc<Entry<T>>,
    result: Option<Result<Document<T>, OutgoingError>>,
    tell: Option<oneshot::Sender<()>>,
}

impl<T> Fetch<T> {
    fn end(mut self, result: Result<Document<T>, OutgoingError>) {
        self.result = Some(result);
    }
}

impl<T> Drop for Fetch<T> {
    fn drop(&mut self) {
        let mut state = self.entry.locked();
        match self.result.take() {
            Some(Ok(document)) => {
                state.document = Some(document);
                state.failed = None;
            }
            Some(Err(error)) => state.failed = Some(error),
            None => state.failed = Some(OutgoingError::Timeout),
        }
        state.under_way = None;
        drop(state);
        if let Some(tell) = self.tell.take() {
            let _ = tell.send(());
        }
    }
}

fn document<T>(
    response: &Response,
    read: fn(&[u8]) -> Result<T, String>,
    rules: Rules,
) -> Result<Document<T>, OutgoingError> {
    if response.status != 200 {
        return Err(OutgoingError::Status(response.status));
    }
    let content = Arc::new(read(&response.body).map_err(OutgoingError::Document)?);
    let fresh_for = response.max_age.unwrap_or(rules.usual).clamp(rules.least, rules.most);
    Ok(Document { content, fetched_at: Instant::now(), fresh_for })
}

impl<T> Document<T> {
    fn is_fresh(&self) -> bool {
        self.fetched_at.elapsed() < self.fresh_for
    }
}

impl<T> State<T> {
    /// The document, if it counts at all.
    fn held(&self, stale: Duration) -> Result<Arc<T>, OutgoingError> {
        let counts = |document: &&Document<T>| {
            document.fetched_at.elapsed() < document.fresh_for.saturating_add(stale)
        };
        match self.document.as_ref().filter(counts) {
            Some(document) => Ok(Arc::clone(&document.content)),
            None => Err(self.failed.clone().unwrap_or(OutgoingError::Timeout)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::OutgoingSettings;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    /// A server of one document, which counts requests; a body that is empty is a status 500.
    struct Server {
        url: String,
        asked: Arc<AtomicUsize>,
        body: Arc<Mutex<String>>,
    }

    impl Server {
        fn start(head: &'static str) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/keys", listener.local_addr().unwrap());
            let (asked, body) =
                (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new("1".to_owned())));
            let (count, shown) = (Arc::clone(&asked), Arc::clone(&body));
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request);
                    count.fetch_add(1, Ordering::SeqCst);
                    let body = shown.lock().unwrap().clone();
                    let status = if body.is_empty() { "500 Away" } else { "200 OK" };
                    let length = body.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status}\r\n{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                    );
                }
            });
            Self { url, asked, body }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }

        fn says(&self, body: &str) {
            body.clone_into(&mut self.body.lock().unwrap());
        }
    }

    fn documents(rules: Rules) -> Documents<u32> {
        let allow = vec!["127.0.0.1".to_owned()];
        let settings = OutgoingSettings { allow, ..OutgoingSettings::default() };
        let read = |body: &[u8]| {
            let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
            text.parse().map_err(|_| "is no number".to_owned())
        };
        let outgoing = Outgoing::new(&settings).unwrap();
        Documents { rules, ..Documents::new(outgoing, read) }
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_request() {
        let (server, documents) = (Server::start(""), Arc::new(documents(RULES)));
        let ask = || {
            let (documents, url) = (Arc::clone(&documents), server.url.clone());
            tokio::spawn(async move { documents.get(&url).await })
        };
        let all: Vec<_> = (0..32).map(|_| ask()).collect();
        for one in all {
            assert_eq!(one.await.unwrap().as_deref(), Ok(&1));
        }
        assert_eq!(server.asked(), 1);
        server.says("2");
        assert_eq!(documents.get(&server.url).await.as_deref(), Ok(&1), "it is kept");
        assert_eq!(documents.newer(&server.url).await.as_deref(), Ok(&1), "within the pause");
        assert_eq!(server.asked(), 1);
    }

    #[tokio::test]
    async fn what_lacks_something_is_fetched_again_after_the_pause() {
        let (server, documents) =
            (Server::start(""), documents(Rules { pause: Duration::ZERO, ..RULES }));
        assert_eq!(documents.get(&server.url).await.as_deref(), Ok(&1));
        server.says("2");
        assert_eq!(documents.get(&server.url).await.as_deref(), Ok(&1));
        assert_eq!(documents.newer(&server.url).await.as_deref(), Ok(&2));
        assert_eq!(documents.get(&server.url).await.as_deref(), Ok(&2));
    }

    #[tokio::test]
    async fn what_is_held_counts_a_bounded_time_while_its_server_is_away() {
        let over = Rules { least: Duration::ZERO, pause: Duration::ZERO, ..RULES };
        for (rules, still) in [(over, true), (Rules { stale: Duration::ZERO, ..over }, false)] {
            let (server, documents) =
                (Server::start("Cache-Control: no-store\r\n"), documents(rules));
            // Nobody may use it without stale time: it is over when it comes.
            let first = documents.get(&server.url).await;
            assert_eq!(first.is_ok(), still);
            server.says("");
            let later = documents.get(&server.url).await;
            let wanted = if still { Ok(Arc::new(1)) } else { Err(OutgoingError::Status(500)) };
            assert_eq!(later, wanted);
            server.says("3");
            assert_eq!(documents.get(&server.url).await.is_ok(), still);
            assert_eq!(server.asked(), 3, "each time");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told_and_tried_again_after_a_pause_only() {
        let (server, documents) = (Server::start(""), documents(RULES));
        server.says("x");
        for _ in 0..3 {
            let told = OutgoingError::Document("is no number".to_owned());
            assert_eq!(documents.get(&server.url).await, Err(told));
        }
        assert_eq!(server.asked(), 1);
        assert_eq!(documents.get("ftp://x/").await, Err(OutgoingError::BadUrl));
    }

    #[tokio::test]
    async fn only_so_many_are_kept() {
        let documents = documents(RULES);
        for number in 0..MOST + 10 {
            let _ = documents.get(&format!("ftp://x/{number}")).await;
        }
        assert_eq!(documents.held.lock().unwrap().len(), MOST);
    }
}
