//! What is done after a response, and work that blocks.

use crate::api_error::ApiError;
use crate::domain::with_causes;
use crate::security::States;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceResponse};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, rt};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use paperclip::actix::OperationModifier;
use paperclip::v2::schema::Apiv2Schema;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::mem;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};

const ERROR: &str = "bailiwick.error";

/// Most closures that [`blocking`] runs at once, as in FastAPI's thread pool.
const THREADS: usize = 40;

static FREE: Semaphore = Semaphore::const_new(THREADS);

/// Runs a closure that blocks (a database driver without `async`, a large file, an image) on another thread:
/// what FastAPI does with a handler that is a `def`.
///
/// At most 40 closures run at once in a process, the others wait for their turn. A panic is a 500.
///
/// ```
/// # use bailiwick::prelude::*;
/// /// The length of a file
/// #[api_v2_operation]
/// async fn length() -> Result<Json<usize>, ApiError> {
///     let text = blocking(|| std::fs::read_to_string("orders.csv")).await?;
///     Ok(Json(text.map_err(|error| ApiError::internal(&error))?.len()))
/// }
/// ```
pub async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, ApiError> {
    let place = FREE.acquire().await.map_err(|error| ApiError::internal(&error))?;
    let done = web::block(move || {
        // Until the end, even if nobody waits for it any more.
        let _place = place;
        work()
    });
    // The hook in `panic.rs` has logged the cause.
    done.await.map_err(|_| ApiError::Internal)
}

type Task = BoxFuture<'static, Result<(), String>>;

/// Does what handlers leave for later, on the thread of the process that starts it.
#[derive(Clone)]
pub(crate) struct Background {
    queues: UnboundedSender<Vec<Task>>,
    left: watch::Sender<usize>,
}

impl Background {
    /// Begins with none.
    pub(crate) fn start() -> Self {
        let (queues, mut arriving) = unbounded_channel::<Vec<Task>>();
        let left = watch::Sender::new(0);
        rt::spawn({
            let left = left.clone();
            async move {
                while let Some(queue) = arriving.recv().await {
                    rt::spawn(run(queue, left.clone()));
                }
            }
        });
        Self { queues, left }
    }

    fn add(&self, queue: Vec<Task>) {
        let count = queue.len();
        self.left.send_modify(|left| *left += count);
        if self.queues.send(queue).is_err() {
            self.left.send_modify(|left| *left -= count);
            log::error!(target: ERROR, "{count} background tasks came too late: the process ends");
        }
    }

    /// Completes when no task is left.
    pub(crate) async fn ended(&self) {
        // The sender lives as long as `self`.
        let _ = self.left.subscribe().wait_for(|left| *left == 0).await;
    }

    /// How many are left.
    pub(crate) fn left(&self) -> usize {
        *self.left.borrow()
    }
}

/// Those of one response, in order.
async fn run(queue: Vec<Task>, left: watch::Sender<usize>) {
    for task in queue {
        match AssertUnwindSafe(task).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => log::error!(target: ERROR, "a background task failed: {cause}"),
            // The hook in `panic.rs` has logged the cause.
            Err(_) => log::error!(target: ERROR, "a background task panicked"),
        }
        left.send_modify(|left| *left -= 1);
    }
}

/// Tasks that begin when the response is made and sent, one after the other: FastAPI's `BackgroundTasks`.
///
/// After an error of the handler they do not run. A stop or reload waits for them for
/// `server.graceful_timeout`. A failure is logged. They share one thread with the management of the process:
/// what blocks it goes into [`blocking`]. What must not be lost belongs into a database: a process that
/// is killed forgets them.
///
/// ```
/// # use bailiwick::prelude::*;
/// # async fn send_mail(to: String) -> Result<(), std::io::Error> { Ok(()) }
/// /// Order something
/// #[api_v2_operation]
/// async fn order(user: ActiveUser, tasks: BackgroundTasks) -> Result<Accepted<String>, ApiError> {
///     tasks.add(send_mail(user.username.to_string()));
///     Ok(Accepted("on its way".to_owned()))
/// }
/// ```
#[derive(Clone)]
pub struct BackgroundTasks {
    queue: Rc<RefCell<Vec<Task>>>,
}

impl BackgroundTasks {
    /// Adds a task.
    pub fn add<E>(&self, task: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let task = async move { task.await.map_err(|error| with_causes(&*error.into())) };
        self.queue.borrow_mut().push(task.boxed());
    }
}

impl fmt::Debug for BackgroundTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundTasks").field("count", &self.queue.borrow().len()).finish()
    }
}

thread_local! {
    /// Requests of this thread that may have tasks: the others are not asked.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

/// A request's tasks, with the request.
struct Queued {
    queue: Rc<RefCell<Vec<Task>>>,
    background: Background,
}

impl Drop for Queued {
    fn drop(&mut self) {
        ASKED.set(ASKED.get() - 1);
    }
}

impl FromRequest for BackgroundTasks {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(queued) = request.extensions().get::<Queued>() {
            return ready(Ok(Self { queue: Rc::clone(&queued.queue) }));
        }
        let background = request.app_data::<States>().and_then(States::look::<Background>);
        let Some(background) = background.cloned() else {
            return ready(Err(ApiError::internal(&"no process does background tasks")));
        };
        let queue = Rc::default();
        ASKED.set(ASKED.get() + 1);
        request.extensions_mut().insert(Queued { queue: Rc::clone(&queue), background });
        ready(Ok(Self { queue }))
    }
}

impl Apiv2Schema for BackgroundTasks {}

/// It is not in the document.
impl OperationModifier for BackgroundTasks {}

/// Lets a response's tasks begin at its end.
pub(super) fn follow<B: MessageBody + 'static>(
    response: ServiceResponse<EitherBody<B>>,
) -> ServiceResponse<EitherBody<B>> {
    if ASKED.get() == 0 {
        return response;
    }
    let Some(queued) = response.request().extensions_mut().remove::<Queued>() else {
        return response;
    };
    let tasks = mem::take(&mut *queued.queue.borrow_mut());
    if tasks.is_empty() || response.response().error().is_some() {
        return response;
    }
    let background = queued.background.clone();
    response.map_body(|_, body| {
        EitherBody::right(BoxBody::new(Followed { body: body.boxed(), tasks, background }))
    })
}

/// A body, whose end is awaited; it also ends when the client goes away.
struct Followed {
    body: BoxBody,
    tasks: Vec<Task>,
    background: Background,
}

impl MessageBody for Followed {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.background.add(mem::take(&mut self.tasks));
    }
}
