//! What the shop knows about users: columns of its own, in a table keyed by `users.id`.

use crate::orders::OrderError;
use crate::store::Db;
use bailiwick::User;
use bailiwick::prelude::*;
use serde::{Deserialize, Serialize};

/// A customer.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// Where orders go to.
    #[schemars(length(max = 200))]
    address: String,
    /// Whether the customer wants to hear from us.
    newsletter: bool,
}

/// Each new user is a customer, whoever has created it.
pub async fn welcome(user: User, start: Start) -> Result<(), sqlx::Error> {
    let row = sqlx::query("INSERT OR IGNORE INTO customers (user_id) VALUES (?)").bind(user.id.0);
    row.execute(&start.state::<Db>().0).await.map(drop)
}

/// What we know about you
///
/// Users who were there before the shop have no row.
#[api_v2_operation]
pub async fn show(user: ActiveUser, db: State<Db>) -> Result<Json<Customer>, OrderError> {
    let row = sqlx::query_as("SELECT address, newsletter FROM customers WHERE user_id = ?");
    let row = row.bind(user.id.0).fetch_optional(&db.0).await?;
    let known = row.map(|(address, newsletter)| Customer { address, newsletter });
    Ok(Json(known.unwrap_or_default()))
}

/// Tell us more
#[api_v2_operation]
pub async fn change(
    Authorized(user, customer): Authorized<ActiveUser, Json<Customer>>,
    db: State<Db>,
) -> Result<Json<Customer>, OrderError> {
    let row = "INSERT OR REPLACE INTO customers (user_id, address, newsletter) VALUES (?, ?, ?)";
    let row = sqlx::query(row).bind(user.id.0).bind(&customer.address).bind(customer.newsletter);
    row.execute(&db.0).await?;
    Ok(customer)
}
