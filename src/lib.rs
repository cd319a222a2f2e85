//! bailiwick checks who is calling (authentication) and what lies within their bailiwick
//! (authorization by scope), and serves that on actix-web with several workers.
//!
//! The binary is a ready auth server. The library is what `fastapi.security` and a server are to a
//! Python developer: [`security`] holds schemes, extractors and guards, [`scopes!`] declares scopes
//! as types, [`schemes!`] security schemes, and [`Server`] hosts routes of your own with all that the
//! binary does.
//!
//! ```no_run
//! use bailiwick::prelude::*;
//! use std::process::ExitCode;
//!
//! scopes! {
//!     /// Read orders.
//!     pub Orders = "orders:read";
//! }
//!
//! /// All orders
//! #[api_v2_operation]
//! async fn orders(_: Scoped<ActiveUser, Orders>) -> Result<Json<Vec<String>>, ApiError> {
//!     Ok(Json(vec!["Foo".to_owned()]))
//! }
//!
//! fn main() -> ExitCode {
//!     Server::new("orders").mount(|routes| { routes.route("/orders", get().to(orders)); }).run_from_args()
//! }
//! ```
//!
//! # The guide
//!
//! | chapter | |
//! |---|---|
//! | [`guide::from_fastapi`] | each name of FastAPI, gunicorn and uvicorn, and what it is here |
//! | [`guide::application`] | write an application of your own |
//! | [`guide::sign_in`] | the login page, sessions, and pages of your own |
//! | [`guide::security_model`] | what is checked, in which order, and what is not done |
//! | [`guide::operations`] | run it: users, workers, signals, health |
//! | [`guide::maintenance`] | back up, restore, upgrade, and go back |
//! | [`guide::gunicorn_uvicorn`] | the settings of gunicorn and uvicorn |
//!
//! # The map
//!
//! For whoever changes bailiwick itself. A module imports only modules below it;
//! `tests/architecture.rs` holds that.
//!
//! | floor | owns |
//! |---|---|
//! | `main` | argv in, exit code out |
//! | `cli` | the commands: serve, users, api-keys, clients, keys, db, ctl, check-config, print-config, openapi, completions, man, new |
//! | `testing` | tests of applications: the whole application in process, users, a client |
//! | `server` | what the author of an application touches: the builder, `Routes` |
//! | `process` | gunicorn's half: master, worker processes, listeners, signals, drain, control socket, systemd |
//! | `http` | uvicorn's half: connections, middleware and its order, access log, health, metrics |
//! | `routes` | URLs; one file per resource, each mounts itself |
//! | `pages` | what people see: templates, what fills them, their texts in each language |
//! | `responses` | what handlers return: created, files, streams, events |
//! | `extract` | reads bodies, forms, queries, paths, headers and cookies, checked against their declaration |
//! | `security` | who is calling and may they: schemes, the dependency chain, the principal, guards |
//! | `openapi` | the document: all that works around paperclip |
//! | `api_error` | errors to HTTP: every status, every challenge, every body |
//! | `services` | the composition root; the only file that names a database |
//! | `storage` | users, API keys and clients in SQL, migrations, the user cache |
//! | `oauth` | one file per grant; how clients prove who they are; RFC 6749's errors |
//! | `upstream` | logins at other providers: OpenID Connect, GitHub |
//! | `accounts` | what is done with accounts, once for handlers, commands and grants: log in, create, change, delete |
//! | `tokens` | JWT: claims, issuing, verifying, the signing secret |
//! | `sealing` | what is encrypted or signed for ourselves, and the keys for it |
//! | `passwords` | hashing off the workers, verification, the policy |
//! | `outgoing` | requests that the server sends, bounded, on threads of their own |
//! | `logging` | loggers, handlers, formatters, filters, the sink, request ids |
//! | `settings` | typed settings, layered |
//! | `domain` | user, scope, secret, clock, the repository traits; no I/O |

mod accounts;
mod api_error;
mod cli;
mod domain;
mod extract;
mod http;
mod logging;
mod oauth;
mod openapi;
mod outgoing;
mod pages;
mod passwords;
pub mod prelude;
mod process;
mod responses;
mod routes;
mod sealing;
pub mod security;
mod server;
mod services;
mod settings;
mod storage;
pub mod testing;
mod tokens;
mod upstream;

/// Chapters to read.
pub mod guide {
    #[doc = include_str!("guide/application.md")]
    pub mod application {}
    #[doc = include_str!("guide/from_fastapi.md")]
    pub mod from_fastapi {}
    #[doc = include_str!("guide/gunicorn_uvicorn.md")]
    pub mod gunicorn_uvicorn {}
    #[doc = include_str!("guide/maintenance.md")]
    pub mod maintenance {}
    #[doc = include_str!("guide/operations.md")]
    pub mod operations {}
    #[doc = include_str!("guide/security_model.md")]
    pub mod security_model {}
    #[doc = include_str!("guide/sign_in.md")]
    pub mod sign_in {}
}

pub use accounts::{AccountChange, Accounts, Author, NewAccount, PasswordChange};
pub use api_error::ApiError;
pub use domain::{Scopes, User, Username};
pub use extract::{Broken, Cookie, Form, Header, Json, Multipart, Path, Query, UploadFile};
pub use http::{BackgroundTasks, Limits, Rate, blocking, limits};
pub use logging::{Access, LogFilter};
pub use oauth::{GrantContext, PasswordGrant};
pub use openapi::tagged;
pub use passwords::Passwords;
pub use responses::{
    Accepted, Created, EventSourceResponse, FileResponse, ServerSentEvent, StaticFiles,
    StreamingResponse, static_files,
};
pub use routes::{PasswordRequestForm, PasswordRequestFormStrict, route_with_slash};
pub use server::{Routes, Server, Start};
pub use services::Services;
pub use settings::Settings;
pub use tokens::{Claims, NewToken, TokenError, Tokens};

/// What the macros need where they are called; no part of the interface.
#[doc(hidden)]
pub mod macros {
    pub use crate::domain::{Scope, ScopeDeclaration, ScopeName};
    pub use crate::extract::{Check, Rule};
    pub use crate::openapi::{
        Requirements, document_errors, document_own_error, own_error, own_status,
    };
    pub use crate::security::{ScopeList, extract, resolve_scheme};
    pub use {actix_web, inventory, paperclip};
}

/// What `benches/micro.rs` measures each alone; no part of the interface.
#[doc(hidden)]
pub mod measured {
    pub use crate::domain::{Clock, NewUser, SystemClock, Timestamp};
    pub use crate::logging::{Host, RequestId, init};
    pub use crate::storage::open;
}
