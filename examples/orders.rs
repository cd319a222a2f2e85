//! An API of your own on the shipped users: own scopes, a guarded scope of URLs, a WebSocket, a page.
//!
//! ```sh
//! cargo run --example orders -- --demo
//! ```

use actix_web::HttpResponse;
use actix_web::web::Payload;
use bailiwick::prelude::*;
use bailiwick::security::{AnyPrincipal, MeRead, SessionUser};
use bailiwick::{Access, LogFilter};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

scopes! {
    /// Read orders.
    pub OrdersRead = "orders:read";
    /// Place orders.
    pub OrdersWrite = "orders:write";
}

/// Something ordered.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Order {
    /// What.
    item: String,
    /// How many.
    quantity: u32,
}

/// All orders
#[api_v2_operation]
async fn list(_: Scoped<ActiveUser, OrdersRead>) -> Result<Json<Vec<Order>>, ApiError> {
    Ok(Json(vec![Order { item: "Foo".to_owned(), quantity: 2 }]))
}

/// Place an order
///
/// `Authorized` asks for the caller before the order is read, and once more if that took a while.
#[api_v2_operation]
async fn place(
    Authorized(caller, order): Authorized<Scoped<ActiveUser, OrdersWrite>, Json<Order>>,
) -> Result<Json<Order>, ApiError> {
    log::info!("{} orders {} {}", caller.username, order.quantity, order.item);
    Ok(order)
}

/// How many were ordered
///
/// For people, and for services: clients of the authorization server with tokens of their own.
#[api_v2_operation]
async fn total(caller: Scoped<AnyPrincipal, OrdersRead>) -> Result<Json<u32>, ApiError> {
    match caller.client_id() {
        Some(client) => log::info!("the service {client} counts orders"),
        None => log::info!("a user counts orders"),
    }
    Ok(Json(2))
}

failures! {
    /// What goes wrong with one order.
    OrderFailure {
        404: "Order not found",
    }
}

/// Change an order
///
/// There is one order here, number 1. First the caller, then the number, then the order.
#[api_v2_operation]
async fn amend(
    Authorized(_, (number, order)): Authorized<
        Scoped<ActiveUser, OrdersWrite>,
        (Path<u32>, Json<Order>),
    >,
) -> Result<Json<Order>, OrderFailure> {
    match number.into_inner() {
        1 => Ok(order),
        _ => Err(ApiError::NotFound("Order not found"))?,
    }
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

/// Behind the guard of the whole scope: it needs no argument of its own.
#[api_v2_operation]
async fn report() -> Result<Json<Vec<Order>>, ApiError> {
    Ok(Json(Vec::new()))
}

/// A WebSocket that says back what it hears; the guard refuses the handshake.
#[api_v2_operation(skip)]
async fn feed(
    _: Scoped<ActiveUser, OrdersRead>,
    request: HttpRequest,
    body: Payload,
) -> actix_web::Result<HttpResponse> {
    let (answer, mut session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            let sent = match message {
                actix_ws::Message::Text(text) => session.text(text).await,
                actix_ws::Message::Ping(bytes) => session.pong(&bytes).await,
                _ => break,
            };
            if sent.is_err() {
                break;
            }
        }
    });
    Ok(answer)
}

/// A page for people: without a session, the browser is sent to the login page first. Needs
/// `server.public_url`.
#[api_v2_operation(skip)]
async fn page(user: Scoped<SessionUser, MeRead>) -> HttpResponse {
    let token = user.form_token("place an order");
    let html = format!(
        r#"<!doctype html><html lang="en"><title>Orders</title><h1>Orders</h1>
<p>You are {name}.</p>
<form method="post">
<input type="hidden" name="form_token" value="{token}">
<label>Item <input name="item" required></label> <button>Order</button>
</form>"#,
        name = escape(user.username.as_str()),
    );
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html)
}

/// What the page's form sends.
#[derive(Deserialize)]
struct OrderForm {
    form_token: String,
    item: String,
}

/// Takes the page's form, unless another site has sent it.
#[api_v2_operation(skip)]
async fn order(
    user: Scoped<SessionUser, MeRead>,
    request: HttpRequest,
    form: actix_web::web::Form<OrderForm>,
) -> Result<HttpResponse, ApiError> {
    user.check_form(&request, "place an order", &form.form_token)?;
    let text = format!("{} has ordered {}.", user.username, form.item);
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text))
}

/// Text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn mount(routes: &mut Routes) {
    routes
        .route("/orders", get().to(list))
        .route("/orders", post().to(place))
        .route("/orders/total", get().to(total))
        .route("/orders/{number}", put().to(amend))
        .route("/orders/feed", get().to(feed))
        .route("/shop", get().to(page))
        .route("/shop", post().to(order))
        .route("/hello", get().to(hello))
        .service(guard::<Scoped<ActiveUser, OrdersRead>>(
            scope("/reports").route("", get().to(report)).route("/daily", get().to(report)),
        ));
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

fn main() -> ExitCode {
    Server::new("orders")
        .mount(mount)
        .log_filter(Without("/hello"))
        .log_filter(is_no_preflight)
        .run_from_args()
}
