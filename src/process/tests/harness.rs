//! Runs a server in a thread; a client that sees every byte; the lines of the log.

use crate::http::monitoring::metrics::FiguresRequest;
use crate::http::state::{AppState, DocumentData};
use crate::http::{Mounts, ServeError, document};
use crate::logging::{ACCESS, RequestId};
use crate::process::channel::Order;
use crate::process::listener::Listeners;
use crate::process::worker::threads::{self, Sockets};
use crate::security::{BasicUser, States};
use crate::services::Services;
use crate::settings::{CacheSettings, DocsSettings, PasswordSettings, ServerSettings, Settings};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use log::{LevelFilter, Log, Metadata, Record};
use paperclip::actix::{api_v2_operation, web};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The defaults, except for a free port, small numbers and short times.
pub(crate) fn plain_settings() -> Settings {
    let one = NonZeroUsize::MIN;
    Settings {
        server: server_settings(),
        cache: CacheSettings { size: one, stale_max: 0, ..CacheSettings::default() },
        passwords: PasswordSettings {
            bcrypt_cost: 4,
            hash_queue: one,
            ..PasswordSettings::default()
        },
        docs: DocsSettings { enabled: false, ..DocsSettings::default() },
        ..Settings::default()
    }
}

/// Its `[server]`.
pub(crate) fn server_settings() -> ServerSettings {
    let minute = NonZeroU64::new(60).unwrap();
    ServerSettings {
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        workers: NonZeroUsize::new(1),
        graceful_timeout: 60,
        client_header_timeout: minute,
        client_body_timeout: minute,
        limit_request_body: NonZeroUsize::new(1000).unwrap(),
        forwarded_allow_ips: Vec::new(),
        ..ServerSettings::default()
    }
}

/// A server in its own thread.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    pub(super) signals: UnboundedSender<Order>,
    gate: Arc<Semaphore>,
    entries: Receiver<()>,
    thread: JoinHandle<Result<(), ServeError>>,
}

impl Served {
    pub(super) fn start(server: ServerSettings) -> Self {
        Self::with(Settings { server, ..plain_settings() })
    }

    pub(super) fn with(settings: Settings) -> Self {
        let (entered, entries) = mpsc::channel();
        let gate = Arc::new(Semaphore::new(0));
        let door = Data::new(Door { entered: Mutex::new(entered), gate: Arc::clone(&gate) });
        let mut mounts = Mounts::default();
        mounts.add(move |routes| {
            routes
                .app_data(door.clone())
                .route("/hello", web::get().to(hello))
                .route("/optional", web::get().to(optional))
                .route("/body", web::post().to(body))
                .route("/id", web::get().to(id))
                .route("/panic", web::get().to(panics))
                .route("/wait", web::get().to(wait));
        });
        let (ready, started) = mpsc::channel();
        let (signals, receiver) = unbounded_channel();
        let thread =
            std::thread::spawn(move || serve(mounts, settings, |at| ready.send(at), receiver));
        let address = started.recv_timeout(PATIENCE).expect("the server starts");
        Self { address, signals, gate, entries, thread }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a head without its final blank line on a new connection; returns its port too.
    pub(super) fn send(&self, head: &str) -> (u16, Response) {
        let mut stream = self.connect();
        write!(stream, "{head}host: a\r\n\r\n").unwrap();
        (stream.local_addr().unwrap().port(), read_response(&mut stream))
    }

    pub(super) fn get(&self, path: &str) -> Response {
        self.send(&format!("GET {path} HTTP/1.1\r\n")).1
    }

    /// Waits until a request has arrived at `/wait`.
    pub(super) fn entered(&self) {
        self.entries.recv_timeout(PATIENCE).expect("the request arrives");
    }

    /// Lets one request at `/wait` continue.
    pub(super) fn release(&self) {
        self.gate.add_permits(1);
    }

    pub(super) fn ended(self) -> Result<(), ServeError> {
        self.thread.join().unwrap()
    }

    pub(super) fn stop(self) {
        self.signals.send(Order::Stop).unwrap();
        self.ended().unwrap();
    }
}

/// Runs what a worker process runs, with the test's signals, and reports where it listens.
pub(super) fn serve<E: std::fmt::Debug>(
    mounts: Mounts,
    settings: Settings,
    ready: impl FnOnce(SocketAddr) -> Result<(), E>,
    signals: UnboundedReceiver<Order>,
) -> Result<(), ServeError> {
    lines();
    actix_web::rt::System::new().block_on(async move {
        let settings = Arc::new(settings);
        let listeners = Listeners::bind(&settings)?;
        let services =
            Services::open(Arc::clone(&settings), true).await.map_err(ServeError::Services)?;
        let document_data = DocumentData::of(&document(&mounts, &settings)?, &settings);
        let state = Data::new(AppState::new(
            (mounts, States::default()),
            document_data,
            services,
            settings,
            FiguresRequest::new().0,
        )?);
        let url = listeners.urls().next().unwrap().to_string();
        let (listeners, sockets) = listeners.into_parts();
        let running = threads::start(state, Sockets { server: sockets, admin: Vec::new() }).await?;
        ready(url.strip_prefix("http://").unwrap().parse().unwrap()).unwrap();
        let ended = running.until(signals, unbounded_channel().0).await;
        drop(listeners);
        ended
    })
}

/// A response with lower-case header names.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Response {
    /// A header's value, empty without one.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Reads one response and leaves the connection open.
pub(super) fn read_response(stream: &mut TcpStream) -> Response {
    let mut stream = BufReader::new(stream);
    let mut lines = stream.by_ref().lines().map(Result::unwrap);
    let status = lines.next().expect("a status line");
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        })
        .collect();
    let mut response = Response { status, headers, body: String::new() };
    let length = response.header("content-length").parse().unwrap_or(0);
    stream.take(length).read_to_string(&mut response.body).unwrap();
    response
}

struct Door {
    entered: Mutex<mpsc::Sender<()>>,
    gate: Arc<Semaphore>,
}

/// What no application should do; the server compensates for it.
#[api_v2_operation(skip)]
async fn optional(caller: Option<BasicUser>) -> Bytes {
    Bytes::from(caller.map_or("anonymous".to_owned(), |user| user.username.to_string()))
}

#[api_v2_operation]
async fn hello() -> HttpResponse {
    HttpResponse::Ok().body("hello")
}

#[api_v2_operation]
async fn body(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().body(body)
}

#[api_v2_operation]
async fn id() -> HttpResponse {
    HttpResponse::Ok().body(RequestId::current().map(|id| id.to_string()).unwrap_or_default())
}

#[api_v2_operation]
async fn panics() -> HttpResponse {
    panic!("on purpose")
}

#[api_v2_operation]
async fn wait(door: Data<Door>) -> HttpResponse {
    door.entered.lock().unwrap().send(()).unwrap();
    door.gate.acquire().await.unwrap().forget();
    HttpResponse::Ok().body("waited")
}

/// The access log of all servers in this process.
#[derive(Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == ACCESS
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.lines.lock().unwrap().push(record.args().to_string());
            self.more.notify_all();
        }
    }

    fn flush(&self) {}
}

fn lines() -> &'static Lines {
    static LINES: LazyLock<&'static Lines> = LazyLock::new(|| {
        let lines: &Lines = Box::leak(Box::default());
        log::set_logger(lines).unwrap();
        log::set_max_level(LevelFilter::Info);
        lines
    });
    *LINES
}

/// Waits for a line of the access log.
pub(super) fn wait_for_line(line: &str) {
    let log = lines();
    let missing = |lines: &mut Vec<String>| !lines.iter().any(|known| known == line);
    let (lines, waited) =
        log.more.wait_timeout_while(log.lines.lock().unwrap(), PATIENCE, missing).unwrap();
    assert!(!waited.timed_out(), "`{line}` is not in {lines:#?}");
}
