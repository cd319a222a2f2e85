//! A page for people who are signed in.

use crate::orders::{OrderError, store};
use crate::store::Db;
use actix_web::HttpResponse;
use bailiwick::prelude::*;
use bailiwick::security::{MeRead, SessionUser};
use serde::Deserialize;

/// Without a session, the browser is sent to the login page first. Needs `server.public_url`.
#[api_v2_operation(skip)]
pub async fn show(user: Scoped<SessionUser, MeRead>) -> HttpResponse {
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
pub struct OrderForm {
    form_token: String,
    item: String,
}

/// Takes the page's form, unless another site has sent it.
#[api_v2_operation(skip)]
pub async fn order(
    user: Scoped<SessionUser, MeRead>,
    request: HttpRequest,
    form: actix_web::web::Form<OrderForm>,
    db: State<Db>,
) -> Result<HttpResponse, OrderError> {
    user.check_form(&request, "place an order", &form.form_token)?;
    let order = store(&db, user.id.0, form.into_inner().item, 1).await?;
    let text = format!("{} has ordered {}.", user.username, order.item);
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text))
}

/// Text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
