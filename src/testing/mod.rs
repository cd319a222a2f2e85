//! Tests of applications: the whole application in the test's process, with users, tokens and a client.
//!
//! [`start`] runs a [`Server`] on a free port, with a temporary folder for everything that it keeps, fast
//! password hashes and none of the environment's settings. It ends, and the folder goes, when the
//! [`Application`] is dropped. Any executor awaits it: `#[actix_web::test]`, `#[tokio::test]`.
//!
//! ```
//! use bailiwick::prelude::*;
//! use bailiwick::testing;
//!
//! scopes! {
//!     /// Read orders.
//!     pub OrdersRead = "orders:read";
//! }
//!
//! /// All orders
//! #[api_v2_operation]
//! async fn orders(_: Scoped<ActiveUser, OrdersRead>) -> Json<Vec<String>> {
//!     Json(vec!["Foo".to_owned()])
//! }
//!
//! fn server() -> Server {
//!     Server::new("shop").mount(|routes| { routes.route("/orders", get().to(orders)); })
//! }
//!
//! # /*
//! #[actix_web::test]
//! # */
//! async fn orders_are_for_those_who_may_read_them() {
//!     let shop = testing::start(server()).await;
//!     assert_eq!(shop.get("/orders").send().await.status(), 401);
//!     let jane = shop.user("jane").scopes("me orders:read").token().await;
//!     let response = shop.get("/orders").bearer(&jane).send().await;
//!     assert_eq!(response.status(), 200);
//!     assert_eq!(response.json::<Vec<String>>(), ["Foo"]);
//! }
//! # actix_web::rt::System::new().block_on(orders_are_for_those_who_may_read_them());
//! ```
//!
//! [`prepare`] changes something first: settings, state, dependencies.
//!
//! ```
//! # use bailiwick::prelude::*;
//! # use bailiwick::testing;
//! use std::time::Duration;
//!
//! /// Whoever is behind a key that another server checks.
//! struct Partner(String);
//! # schemes! {
//! #     /// The key that we sent you.
//! #     Key = ApiKeyHeader::new("X-API-Key");
//! # }
//! # impl Dependency for Partner {
//! #     type Needs = Key;
//! #     async fn build(_: Key, call: &Call<'_>) -> Result<Self, ApiError> { Err(call.invalid()) }
//! # }
//! # extractor!(Partner);
//! # struct Rates(u32);
//! # #[api_v2_operation]
//! # async fn rate(partner: Partner, rates: State<Rates>) -> Json<String> {
//! #     Json(format!("{} pays {}", partner.0, rates.0))
//! # }
//! # fn server() -> Server {
//! #     Server::new("shop")
//! #         .state(async |_| Err::<Rates, _>("the real rates are elsewhere"))
//! #         .mount(|routes| { routes.route("/rate", get().to(rate)); })
//! # }
//!
//! # async fn test() {
//! let shop = testing::prepare(server())
//!     .set("tokens.access_token_expire_minutes", "5")
//!     .state(Rates(7))
//!     .dependency(|_| Ok(Partner("acme".to_owned())))
//!     .start()
//!     .await;
//! assert_eq!(shop.get("/rate").send().await.json::<String>(), "acme pays 7");
//!
//! let jane = shop.user("jane").scopes("me").token().await;
//! shop.advance(Duration::from_mins(6));
//! assert_eq!(shop.get("/users/me").bearer(&jane).send().await.status(), 401);
//! # }
//! # actix_web::rt::System::new().block_on(test());
//! ```

mod client;
mod clock;
mod users;

pub use client::{Request, Response};
pub use users::TestUser;

use crate::api_error::ApiError;
use crate::domain::program;
use crate::process::Alone;
use crate::security::{Call, Dependency, Replaced, State};
use crate::server::Server;
use crate::services::Services;
use crate::settings::{Layers, Loaded};
use clock::TestClock;
use std::any::TypeId;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use users::Passwords;

/// Starts an application as it is.
///
/// # Panics
///
/// If it does not start.
pub async fn start(server: Server) -> Application {
    prepare(server).start().await
}

/// An application before its start.
///
/// # Panics
///
/// If there is no temporary folder.
#[must_use]
pub fn prepare(server: Server) -> Prepared {
    // Before the names of variables are asked for.
    server.program.clone().introduce();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let flags = vec![
        flag("data_dir", &folder.path().join("data").display().to_string()),
        flag("server.bind", "127.0.0.1:0"),
        flag("server.workers", "1"),
        flag("server.graceful_timeout", "1"),
        flag("passwords.bcrypt_cost", "4"),
    ];
    let own = server.application.sections.clone();
    Prepared { server, folder, layers: Layers { flags, own, ..Layers::default() } }
}

/// An application that [`prepare`] has prepared.
pub struct Prepared {
    server: Server,
    folder: TempDir,
    layers: Layers,
}

impl Prepared {
    /// The temporary folder, for files that the settings name.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a key of the configuration, `shop.tax`, as its variable would.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.layers.set(key, value.to_string());
        self
    }

    /// Gives a configuration file, as a text.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.layers.file = Some("test.toml".into());
        self.layers.text = Some(toml.to_owned());
        self
    }

    /// Replaces the state of this type: its [`Server::state`] is not called.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        let application = &mut self.server.application;
        application.mounts.add_state(TypeId::of::<T>());
        application.life.replace(state);
        self
    }

    /// Replaces a dependency: FastAPI's `dependency_overrides`. What it needs is not asked for.
    #[must_use]
    pub fn dependency<D: Dependency>(
        mut self,
        build: impl Fn(&Call<'_>) -> Result<D, ApiError> + Send + Sync + 'static,
    ) -> Self {
        self.server.application.life.replace(Replaced::new(build));
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start(self) -> Application {
        let Self { server, folder, layers } = self;
        let application = server.application;
        let faults = application.faults.join("; ");
        assert!(faults.is_empty(), "{}: {faults}", program());
        let Loaded { settings, own, .. } =
            layers.load().unwrap_or_else(|errors| panic!("{}: {errors}", program()));
        let clock = TestClock::default();
        let parts = (application.mounts, application.life, own);
        let started = Alone::start(parts, settings, Arc::new(clock.clone())).await;
        let server = started.unwrap_or_else(|error| panic!("{}: {error}", program()));
        Application { server, folder, clock, passwords: Mutex::default() }
    }
}

/// The settings may hold secrets.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A running application.
#[derive(Debug)]
pub struct Application {
    // Ends before its folder goes.
    server: Alone,
    folder: TempDir,
    clock: TestClock,
    passwords: Mutex<Passwords>,
}

impl Application {
    /// `http://127.0.0.1:PORT`, for clients of your own.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// The temporary folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The application's state or settings of this type.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> State<T> {
        self.server.opened().state()
    }

    /// Does something with the server's services, for example with `services.accounts`.
    pub async fn with_services<R, F>(&self, call: impl FnOnce(Services) -> F + Send + 'static) -> R
    where
        R: Send + 'static,
        F: Future<Output = R> + 'static,
    {
        self.server.call(call).await
    }

    /// Moves the clock of users, tokens and keys on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Sets that clock to seconds since 1970; it goes on from there.
    pub fn set_time(&self, seconds: i64) {
        self.clock.set(seconds);
    }

    /// A user of this name, created when it is first asked for something.
    pub fn user(&self, name: &str) -> TestUser<'_> {
        TestUser::new(self, name)
    }

    /// GET
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// POST
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// PUT
    pub fn put(&self, path: &str) -> Request {
        self.request("PUT", path)
    }

    /// PATCH
    pub fn patch(&self, path: &str) -> Request {
        self.request("PATCH", path)
    }

    /// DELETE
    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }

    /// A request with any method.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("{}{path}", self.server.url))
    }
}
