//! A small shop: orders, pictures and customers in a database of its own, beside the users of bailiwick.
//!
//! ```sh
//! cargo run --example orders -- --demo
//! cargo run --example orders -- users set-scopes johndoe me orders:read orders:write
//! ```
//!
//! | file | |
//! |---|---|
//! | `store.rs` | the settings and the database |
//! | `orders.rs` | orders: scopes, validation, errors, a task after the response |
//! | `feed.rs` | a WebSocket that tells of new orders |
//! | `pictures.rs` | uploads and downloads, with limits |
//! | `customers.rs` | columns of the shop's own about users |
//! | `page.rs` | a page for people who are signed in |
//! | `web/` | a static page that logs in and places orders |
//! | `tests.rs` | the tests of it all |

mod customers;
mod feed;
mod orders;
mod page;
mod pictures;
mod store;
#[cfg(test)]
mod tests;

use bailiwick::prelude::*;
use bailiwick::{Access, LogFilter};
use feed::Feed;
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;
use store::{Db, Shop};

/// The static page. An application that is installed elsewhere takes a setting.
const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/orders/web");

scopes! {
    /// Read orders.
    pub OrdersRead = "orders:read";
    /// Place orders.
    pub OrdersWrite = "orders:write";
}

/// Who is greeted.
#[derive(Serialize, JsonSchema)]
struct Greeting {
    /// The caller's name; null for an anonymous one.
    hello: Option<String>,
}

/// Greets callers with a token by name, and others too
#[api_v2_operation]
async fn hello(caller: Maybe<ActiveUser>) -> Result<Json<Greeting>, ApiError> {
    let hello = caller.as_ref().map(|user| user.username.to_string());
    Ok(Json(Greeting { hello }))
}

fn mount(routes: &mut Routes) {
    let pictures = limits(scope("/pictures").route("", post().to(pictures::add)))
        .rate(Rate::per_minute(10).by_user())
        .body(4 << 20)
        .time_out(Duration::from_mins(1));
    let reports = scope("/reports")
        .route("", get().to(orders::report))
        .route("/daily", get().to(orders::report));
    routes
        .route("/orders", get().to(orders::list))
        .route("/orders", post().to(orders::place))
        .route("/orders/total", get().to(orders::total))
        .route("/orders/feed", get().to(feed::follow))
        .route("/orders/{number}", put().to(orders::amend))
        .route("/pictures/{number}", get().to(pictures::show))
        .route("/customers/me", get().to(customers::show))
        .route("/customers/me", put().to(customers::change))
        .route("/shop", get().to(page::show))
        .route("/shop", post().to(page::order))
        .route("/hello", get().to(hello))
        .service(guard::<Scoped<ActiveUser, OrdersWrite>>(pictures))
        .service(guard::<Scoped<ActiveUser, OrdersRead>>(reports))
        .service(static_files("/web", WEB));
}

/// Keeps a path that is requested all the time out of the access log.
struct Without(&'static str);

impl LogFilter for Without {
    fn keeps(&self, request: &Access) -> bool {
        request.path() != self.0
    }
}

/// Drops CORS preflight requests.
fn is_no_preflight(request: &Access) -> bool {
    request.method != "OPTIONS"
}

/// The application, for `main` and for its tests.
fn server() -> Server {
    Server::new("orders")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A small shop")
        .settings::<Shop>("shop")
        .state(async |start| Db::open(start.settings::<Shop>()).await)
        .state(async |_| Ok::<_, std::convert::Infallible>(Feed::default()))
        .on_user_created(customers::welcome)
        .command("export", orders::export)
        .mount(mount)
        .log_filter(Without("/hello"))
        .log_filter(is_no_preflight)
}

fn main() -> ExitCode {
    server().run_from_args()
}
