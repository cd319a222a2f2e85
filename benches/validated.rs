//! An application of the benchmark: a guarded order of 1 KiB, validated. `axum/main.rs` and
//! `compare/app.py` do the same.

use bailiwick::prelude::*;
use bailiwick::security::ItemsRead;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Customer {
    #[schemars(length(min = 1, max = 100))]
    name: String,
    #[schemars(length(max = 100), regex(pattern = "^[^@ ]+@[^@ ]+$"))]
    email: String,
    #[schemars(length(max = 100))]
    street: String,
    #[schemars(length(max = 100))]
    city: String,
    #[schemars(regex(pattern = "^[0-9]{5}$"))]
    postal_code: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    #[schemars(regex(pattern = "^SKU-[0-9]{1,6}$"))]
    sku: String,
    #[schemars(length(min = 1, max = 80))]
    name: String,
    #[schemars(range(min = 1, max = 99))]
    quantity: u64,
    #[schemars(range(min = 1, max = 10_000_000))]
    cents: u64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Order {
    customer: Customer,
    #[schemars(length(min = 1, max = 20))]
    items: Vec<Item>,
    #[schemars(length(max = 500))]
    note: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Placed {
    customer: String,
    lines: usize,
    cents: u64,
}

/// Place an order
#[api_v2_operation]
async fn place(
    Authorized(_, order): Authorized<Scoped<ActiveUser, ItemsRead>, Json<Order>>,
) -> Result<Json<Placed>, ApiError> {
    let Order { customer, items, .. } = order.into_inner();
    let cents = items.iter().map(|item| item.quantity * item.cents).sum();
    Ok(Json(Placed { customer: customer.name, lines: items.len(), cents }))
}

fn main() -> ExitCode {
    Server::new("bailiwick")
        .mount(|routes| {
            routes.route("/orders", post().to(place));
        })
        .run_from_args()
}
