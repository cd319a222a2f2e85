//! What an application's author uses: the builder, and where routes go.

mod application;
mod command;
mod own_settings;

pub use crate::http::Routes;
pub use crate::process::Start;
pub use application::Application;
pub use command::OwnCommand;

use crate::domain::{Program, User};
use crate::http::Next;
use crate::logging::LogFilter;
use crate::settings::check_section;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse, Transform};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::any::{TypeId, type_name};
use std::error::Error;
use std::sync::Arc;

/// The whole program, to which an application adds its own: routes, settings, state, commands.
///
/// ```no_run
/// use bailiwick::prelude::*;
/// use std::process::ExitCode;
///
/// /// `[shop]`
/// #[derive(serde::Deserialize, JsonSchema)]
/// struct Shop {
///     /// Percent of each price.
///     #[serde(default = "tax")]
///     #[schemars(range(min = 0, max = 100))]
///     tax: u8,
/// }
///
/// fn tax() -> u8 {
///     19
/// }
///
/// /// The tax in percent
/// #[api_v2_operation]
/// async fn show(shop: State<Shop>) -> Json<u8> {
///     Json(shop.tax)
/// }
///
/// fn main() -> ExitCode {
///     Server::new("shop")
///         .version(env!("CARGO_PKG_VERSION"))
///         .about("The shop's API")
///         .license("Apache-2.0")
///         .settings::<Shop>("shop")
///         .mount(|routes| { routes.route("/tax", get().to(show)); })
///         .run_from_args()
/// }
/// ```
#[derive(Debug)]
pub struct Server {
    pub(crate) program: Program,
    pub(crate) application: Application,
}

impl Server {
    /// A program of this name, which `--version`, `--help`, the log and the document show. Its variables
    /// begin with it: `SHOP__SERVER__WORKERS` for a `shop`.
    ///
    /// A name is 1 to 64 lower-case letters, digits, hyphens and underscores, and begins with a letter;
    /// another one stops the start.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        let (program, mut application) = (Program::named(name), Application::default());
        if !program.is_valid() {
            let expected = Program::EXPECTED;
            application.faults.push(format!("the program's name {name:?}: expected {expected}"));
        }
        Self { program, application }
    }

    /// Its version, usually `env!("CARGO_PKG_VERSION")`; 0.1.0 without this.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.program.version = version;
        self
    }

    /// What it is, in a sentence: for `--help` and the document.
    #[must_use]
    pub fn about(mut self, about: &'static str) -> Self {
        self.program.about = about;
        self
    }

    /// Its license, for the document.
    #[must_use]
    pub fn license(mut self, license: &'static str) -> Self {
        self.program.license = Some(license);
        self
    }

    /// Describes a tag of the document, in which the pages of the documentation group operations: FastAPI's
    /// `openapi_tags`. Tags appear in this order. See [`tagged`](crate::tagged).
    #[must_use]
    pub fn tag(mut self, name: &'static str, about: &'static str) -> Self {
        self.program.tags.push((name, about));
        self
    }

    /// Adds a section of its own to the configuration, read as a `T`: [`Start::settings`] gives it to the
    /// functions below, [`State<T>`](crate::security::State) to handlers.
    ///
    /// The fields of `T` are the keys, their doc comments what `print-config` explains, their
    /// `#[serde(default)]` the defaults and their `#[schemars(…)]` the bounds. A key is set as all are: in
    /// `--config FILE`, `--env-file FILE` or a variable, `SHOP__SHOP__TAX=7`. Wrong values and unknown keys
    /// stop the start, and `check-config`, with a line that says where, what and what is allowed. A
    /// [`Secret`](crate::security::Secret) is never shown.
    #[must_use]
    pub fn settings<T>(mut self, section: &'static str) -> Self
    where
        T: DeserializeOwned + JsonSchema + Send + Sync + 'static,
    {
        let application = &mut self.application;
        let fault = |why: &str| format!("the section [{section}] of {}: {why}", type_name::<T>());
        if let Err(why) = check_section(section) {
            application.faults.push(fault(&why));
        } else if application.sections.iter().any(|other| other.name == section) {
            application.faults.push(fault("another type has it already"));
        }
        match own_settings::section::<T>(section) {
            Some(section) => application.sections.push(Arc::new(section)),
            None => application.faults.push(fault("expected a struct with named fields")),
        }
        application.mounts.add_state(TypeId::of::<T>());
        self
    }

    /// Adds state: `open` is called once in each process, before it serves, and for commands of the
    /// application's own. Handlers take it as [`State<T>`](crate::security::State). A failure stops the start.
    ///
    /// ```
    /// # use bailiwick::prelude::*;
    /// # struct Db;
    /// # impl Db { async fn open(url: &str) -> Result<Self, std::io::Error> { Ok(Self) } }
    /// # #[derive(serde::Deserialize, JsonSchema)]
    /// # struct Shop { url: String }
    /// let server = Server::new("shop")
    ///     .settings::<Shop>("shop")
    ///     .state(async |start| Db::open(&start.settings::<Shop>().url).await);
    /// ```
    #[must_use]
    pub fn state<T, E>(
        mut self,
        open: impl AsyncFn(Start) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self
    where
        T: Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.application.life.state(open);
        self.application.mounts.add_state(TypeId::of::<T>());
        self
    }

    /// Adds a command of the application's own, `shop greet Jane`. Its arguments are a struct that derives
    /// `clap::Args`; the settings and the state are in [`Start`]. An error is printed, with exit code 1.
    ///
    /// ```
    /// # use bailiwick::{Server, Start};
    /// /// Greets somebody
    /// #[derive(clap::Args)]
    /// struct Greet {
    ///     /// Whom.
    ///     name: String,
    /// }
    ///
    /// async fn greet(greet: Greet, _: Start) -> Result<(), std::io::Error> {
    ///     println!("Hello {}", greet.name);
    ///     Ok(())
    /// }
    ///
    /// let server = Server::new("shop").command("greet", greet);
    /// ```
    #[must_use]
    pub fn command<A, E>(
        mut self,
        name: &'static str,
        run: impl AsyncFn(A, Start) -> Result<(), E> + 'static,
    ) -> Self
    where
        A: clap::Args + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.application.commands.push(OwnCommand::new(name, run));
        self
    }

    /// Adds what each process does before its first request, once its state is open; a failure stops the
    /// start. [`Start::spawn`] starts tasks in its background.
    ///
    /// ```
    /// # use bailiwick::Server;
    /// # use std::time::Duration;
    /// let server = Server::new("shop").on_start(async |start| {
    ///     start.spawn(async {
    ///         loop {
    ///             log::info!("still here");
    ///             tokio::time::sleep(Duration::from_secs(60)).await;
    ///         }
    ///     });
    ///     Ok::<_, std::io::Error>(())
    /// });
    /// ```
    #[must_use]
    pub fn on_start<E>(
        mut self,
        hook: impl AsyncFn(Start) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.application.life.on_start(hook);
        self
    }

    /// Adds what each process does after its last request, for `server.graceful_timeout` at the most. A
    /// failure is logged.
    #[must_use]
    pub fn on_stop<E>(
        mut self,
        hook: impl AsyncFn(Start) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.application.life.on_stop(hook);
        self
    }

    /// Adds what is done with each new user, for example a row for it in a table of the application's own, keyed by
    /// [`User::id`](crate::User): whoever adds it, by a command, an import, the API, a login at a provider or a registration.
    ///
    /// It runs after the user is stored, once, in the process that has stored it: a worker process, or that of the
    /// command, which opens the state for it. Whoever adds the user waits for it; what takes long belongs into
    /// [`Start::spawn`]. A failure is logged, and is one of the command; the user stays. A process that is
    /// killed in between does not do it later, nor is it done for users who were there before, so an
    /// application should cope with a user without a row.
    ///
    /// ```
    /// # use bailiwick::Server;
    /// # use std::sync::Mutex;
    /// #[derive(Default)]
    /// struct Carts(Mutex<Vec<i64>>);
    ///
    /// let server = Server::new("shop")
    ///     .state(async |_| Ok::<_, std::io::Error>(Carts::default()))
    ///     .on_user_created(async |user, start| {
    ///         start.state::<Carts>().0.lock().expect("no panic before").push(user.id.0);
    ///         Ok::<_, std::io::Error>(())
    ///     });
    /// ```
    #[must_use]
    pub fn on_user_created<E>(
        mut self,
        hook: impl AsyncFn(User, Start) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.application.life.on_user_created(hook);
        self
    }

    /// Adds middleware around all routes, the server's own included; `make` is called once in each worker
    /// thread. The last one is the outermost. Around all of it stay the access log, CORS and the limits of
    /// the server: what these answer (a body that is too large, say) does not pass it, and a panic (500) and the
    /// time-out of a route (504) pass it as the `Err` of `next.call`.
    ///
    /// ```
    /// # use bailiwick::Server;
    /// use actix_web::body::MessageBody;
    /// use actix_web::dev::{ServiceRequest, ServiceResponse};
    /// use actix_web::http::header::{HeaderName, HeaderValue};
    /// use actix_web::middleware::{Next, from_fn};
    ///
    /// async fn marked<B: MessageBody>(
    ///     request: ServiceRequest,
    ///     next: Next<B>,
    /// ) -> Result<ServiceResponse<B>, actix_web::Error> {
    ///     let mut response = next.call(request).await?;
    ///     let name = HeaderName::from_static("x-served-by");
    ///     response.headers_mut().insert(name, HeaderValue::from_static("shop"));
    ///     Ok(response)
    /// }
    ///
    /// let server = Server::new("shop").wrap(|| from_fn(marked));
    /// ```
    #[must_use]
    pub fn wrap<M, B>(mut self, make: impl Fn() -> M + Send + Sync + 'static) -> Self
    where
        M: Transform<
                Next,
                ServiceRequest,
                Response = ServiceResponse<B>,
                Error = actix_web::Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        self.application.mounts.wrap(make);
        self
    }

    /// Adds routes beside the built-in ones; `mount` is called once in each worker.
    #[must_use]
    pub fn mount(mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) -> Self {
        self.application.mounts.add(mount);
        self
    }

    /// Adds a filter of the access log: a line is written if every filter keeps it. A filter is a
    /// function or a type, see [`LogFilter`].
    #[must_use]
    pub fn log_filter(mut self, filter: impl LogFilter) -> Self {
        self.application.log_filter(filter);
        self
    }
}
