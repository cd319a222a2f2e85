//! Orders.

use crate::feed::Feed;
use crate::store::{Db, Shop};
use crate::{OrdersRead, OrdersWrite};
use bailiwick::prelude::*;
use bailiwick::security::AnyPrincipal;
use serde::{Deserialize, Serialize};

/// What somebody wants.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Which article.
    #[schemars(length(min = 1, max = 50))]
    item: String,
    /// How many.
    #[schemars(range(min = 1, max = 1000))]
    quantity: u32,
}

/// An order.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Which one.
    pub number: i64,
    /// Which article.
    pub item: String,
    /// How many.
    pub quantity: u32,
}

/// How much was sold of an article.
#[derive(Serialize, JsonSchema)]
pub struct Sold {
    /// Which article.
    item: String,
    /// How many.
    quantity: i64,
}

/// What goes wrong with orders.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("Order not found")]
    Missing,
    #[error("Nobody gets more than {0} of one article")]
    TooMany(u32),
    #[error("the shop's database")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Other(#[from] ApiError),
}

http_errors! {
    OrderError {
        Missing => 404 "Order not found",
        TooMany => 409 "Nobody gets more than 99 of one article",
        Database => 500,
        Other => ApiError,
    }
}

/// All orders
#[api_v2_operation]
pub async fn list(
    _: Scoped<ActiveUser, OrdersRead>,
    db: State<Db>,
) -> Result<Json<Vec<Order>>, OrderError> {
    Ok(Json(all(&db).await?))
}

/// An application with sqlx's feature `derive` writes `#[derive(sqlx::FromRow)]` instead of the tuples.
async fn all(db: &Db) -> Result<Vec<Order>, sqlx::Error> {
    let rows = sqlx::query_as("SELECT number, item, quantity FROM orders ORDER BY number");
    let rows = rows.fetch_all(&db.0).await?.into_iter();
    Ok(rows.map(|(number, item, quantity)| Order { number, item, quantity }).collect())
}

/// Place an order
///
/// `Authorized` asks for the caller before the order is read, and once more if that took a while. The mail is
/// written after the response.
#[api_v2_operation]
pub async fn place(
    Authorized(caller, order): Authorized<Scoped<ActiveUser, OrdersWrite>, Json<NewOrder>>,
    db: State<Db>,
    shop: State<Shop>,
    feed: State<Feed>,
    tasks: BackgroundTasks,
) -> Result<Created<Order>, OrderError> {
    let NewOrder { item, quantity } = order.into_inner();
    if quantity > shop.most {
        return Err(OrderError::TooMany(shop.most));
    }
    let order = store(&db, caller.id.0, item, quantity).await?;
    feed.tell(&order);
    if let Some(email) = caller.email.clone() {
        let text = format!("Your order {}: {} {}", order.number, order.quantity, order.item);
        tasks.add(async move { send_mail(&db, &email, &text).await });
    }
    Ok(Created::at(format!("/orders/{}", order.number), order))
}

pub async fn store(db: &Db, user: i64, item: String, quantity: u32) -> Result<Order, sqlx::Error> {
    let added = sqlx::query("INSERT INTO orders (user_id, item, quantity) VALUES (?, ?, ?)")
        .bind(user)
        .bind(&item)
        .bind(quantity)
        .execute(&db.0)
        .await?;
    Ok(Order { number: added.last_insert_rowid(), item, quantity })
}

/// Puts a mail where another program takes it from: it outlives this process.
async fn send_mail(db: &Db, recipient: &str, text: &str) -> Result<(), sqlx::Error> {
    let mail = sqlx::query("INSERT INTO outbox (recipient, text) VALUES (?, ?)");
    mail.bind(recipient).bind(text).execute(&db.0).await.map(drop)
}

/// How many were ordered
///
/// For people, and for services: clients of the authorization server with tokens of their own.
#[api_v2_operation]
pub async fn total(
    caller: Scoped<AnyPrincipal, OrdersRead>,
    db: State<Db>,
) -> Result<Json<i64>, OrderError> {
    match caller.client_id() {
        Some(client) => log::info!("the service {client} counts orders"),
        None => log::info!("a user counts orders"),
    }
    let total = sqlx::query_scalar("SELECT coalesce(sum(quantity), 0) FROM orders");
    Ok(Json(total.fetch_one(&db.0).await?))
}

/// Change an order of yours
///
/// First the caller, then the number, then the order.
#[api_v2_operation]
pub async fn amend(
    Authorized(caller, (number, order)): Authorized<
        Scoped<ActiveUser, OrdersWrite>,
        (Path<i64>, Json<NewOrder>),
    >,
    db: State<Db>,
) -> Result<Json<Order>, OrderError> {
    let (number, NewOrder { item, quantity }) = (number.into_inner(), order.into_inner());
    let change = "UPDATE orders SET item = ?, quantity = ? WHERE number = ? AND user_id = ?";
    let change = sqlx::query(change).bind(&item).bind(quantity).bind(number).bind(caller.id.0);
    match change.execute(&db.0).await?.rows_affected() {
        0 => Err(OrderError::Missing),
        _ => Ok(Json(Order { number, item, quantity })),
    }
}

/// What was sold
///
/// Behind the guard of the whole scope: it needs no caller of its own.
#[api_v2_operation]
pub async fn report(db: State<Db>) -> Result<Json<Vec<Sold>>, OrderError> {
    let sold = "SELECT item, sum(quantity) AS quantity FROM orders GROUP BY item ORDER BY item";
    let rows = sqlx::query_as(sold).fetch_all(&db.0).await?.into_iter();
    Ok(Json(rows.map(|(item, quantity)| Sold { item, quantity }).collect()))
}

/// Prints all orders as CSV
#[derive(clap::Args)]
pub struct Export {
    /// Only those of this article.
    #[arg(long)]
    item: Option<String>,
}

/// `orders export`
pub async fn export(export: Export, start: Start) -> Result<(), sqlx::Error> {
    println!("number,item,quantity");
    for Order { number, item, quantity } in all(&start.state::<Db>()).await? {
        if export.item.as_ref().is_none_or(|wanted| *wanted == item) {
            println!("{number},{item:?},{quantity}");
        }
    }
    Ok(())
}
