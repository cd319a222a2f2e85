//! What the shop knows about users: columns of its own, in a table keyed by `users.id`.

use crate::orders::OrderError;
use crate::store::Db;
use bailiwick::User;
use bailiwick::prelude::*;
use serde::{Deserialize, Serialize};

/// What customers tell us.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Details {
    /// Where orders go to.
    #[schemars(length(max = 200))]
    address: String,
    /// Whether the customer wants to hear from us.
    newsletter: bool,
}

/// A customer.
#[derive(Serialize, JsonSchema)]
pub struct Customer {
    /// The day of the first contact; null for users who were there before the shop.
    since: Option<String>,
    /// The rest.
    details: Details,
}

/// Each new user is a customer, whoever has created it.
pub async fn welcome(user: User, start: Start) -> Result<(), sqlx::Error> {
    let row = sqlx::query("INSERT OR IGNORE INTO customers (user_id) VALUES (?)").bind(user.id.0);
    row.execute(&start.state::<Db>().0).await.map(drop)
}

/// What we know about you
#[api_v2_operation]
pub async fn show(user: ActiveUser, db: State<Db>) -> Result<Json<Customer>, OrderError> {
    let row = sqlx::query_as("SELECT since, address, newsletter FROM customers WHERE user_id = ?");
    let row = row.bind(user.id.0).fetch_optional(&db.0).await?;
    let known = row.map(|(since, address, newsletter)| Customer {
        since: Some(since),
        details: Details { address, newsletter },
    });
    Ok(Json(known.unwrap_or_else(|| Customer { since: None, details: Details::default() })))
}

/// Tell us more
#[api_v2_operation]
pub async fn change(
    Authorized(user, details): Authorized<ActiveUser, Json<Details>>,
    db: State<Db>,
) -> Result<Json<Details>, OrderError> {
    let row = "INSERT INTO customers (user_id, address, newsletter) VALUES (?, ?, ?) \
               ON CONFLICT DO UPDATE SET address = excluded.address, newsletter = excluded.newsletter";
    let row = sqlx::query(row).bind(user.id.0).bind(&details.address).bind(details.newsletter);
    row.execute(&db.0).await?;
    Ok(details)
}
