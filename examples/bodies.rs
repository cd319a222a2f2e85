//! What requests carry: a body with a list of items, a query, a path, a form, and a rule of your own.
//!
//! ```sh
//! cargo run --example bodies -- --demo
//! ```

use bailiwick::prelude::*;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

rules! {
    "sku" = |text, _| match text.strip_prefix("SKU-") {
        Some(digits) if digits.parse::<u32>().is_ok() => Ok(()),
        _ => Err("an article number is SKU- and digits".into()),
    };
}

/// One article of an order.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    /// The article's number.
    #[schemars(extend("x-rule" = "sku", "example" = "SKU-7"))]
    sku: String,
    /// What one costs.
    #[schemars(extend("exclusiveMinimum" = 0))]
    price: f64,
    /// How many.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 99))]
    quantity: u32,
}

fn one() -> u32 {
    1
}

/// How an order is sent.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Shipping {
    #[default]
    Standard,
    Express,
}

/// An order.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// What is ordered.
    #[schemars(length(min = 1, max = 20))]
    items: Vec<Item>,
    /// How it is sent.
    #[serde(default)]
    shipping: Shipping,
    /// For the parcel.
    #[schemars(length(max = 100))]
    note: Option<String>,
}

/// Place an order
#[api_v2_operation]
async fn place(
    Authorized(caller, order): Authorized<ActiveUser, Json<Order>>,
) -> Result<Json<Order>, ApiError> {
    log::info!("{} orders {} articles", caller.username, order.items.len());
    Ok(order)
}

/// Which articles to show.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Search {
    /// Words in its name.
    #[serde(default)]
    #[schemars(length(max = 3))]
    word: Vec<String>,
    /// Only what can be sent today.
    #[serde(default)]
    in_stock: bool,
    /// How many to show.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
}

fn ten() -> u32 {
    10
}

/// Search articles
#[api_v2_operation]
async fn search(query: Query<Search>) -> Result<Json<Search>, ApiError> {
    Ok(Json(query.into_inner()))
}

/// An article and one of its pictures.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Picture {
    /// The article's number.
    #[schemars(extend("x-rule" = "sku", "example" = "SKU-7"))]
    sku: String,
    /// Which picture.
    #[schemars(range(min = 1, max = 9))]
    number: u8,
}

/// One picture of an article
#[api_v2_operation]
async fn picture(path: Path<Picture>) -> Result<Json<Picture>, ApiError> {
    Ok(Json(path.into_inner()))
}

/// Which article.
#[derive(Deserialize, JsonSchema)]
struct Number {
    /// The article's number.
    #[schemars(extend("x-rule" = "sku", "example" = "SKU-7"))]
    sku: String,
}

/// The parts of a change.
type Change = (Path<Number>, Query<Search>, Json<Item>);

/// Change an article
///
/// A 422 lists what is wrong with path, query and body together.
#[api_v2_operation]
async fn change(
    Authorized(_, (number, search, item)): Authorized<ActiveUser, Change>,
) -> Result<Json<Item>, ApiError> {
    log::info!("{} changes, one of {}", number.sku, search.limit);
    Ok(item)
}

/// The year's sales, month by month
#[api_v2_operation]
async fn sales(path: Path<(u16, u8)>) -> Result<Json<String>, ApiError> {
    let (year, month) = path.into_inner();
    Ok(Json(format!("{year}-{month:02}")))
}

/// What a customer thinks of a purchase.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Review {
    /// One is bad, five is good.
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
    /// Why.
    #[schemars(length(max = 200))]
    text: Option<String>,
}

/// Review a purchase
#[api_v2_operation]
async fn review(form: Form<Review>) -> Result<Json<Review>, ApiError> {
    Ok(Json(form.into_inner()))
}

/// A review with a picture.
#[derive(Deserialize, JsonSchema)]
struct PicturedReview {
    /// One is bad, five is good.
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
    /// Why.
    #[schemars(length(max = 200))]
    text: Option<String>,
    /// How it looks by now.
    picture: Option<UploadFile>,
}

/// Review a purchase, with a picture
#[api_v2_operation]
async fn review_with_picture(form: Multipart<PicturedReview>) -> Result<Json<Review>, ApiError> {
    let PicturedReview { stars, text, picture } = form.into_inner();
    if let Some(picture) = picture {
        log::info!("a picture of {} bytes", picture.size());
    }
    Ok(Json(Review { stars, text }))
}

fn mount(routes: &mut Routes) {
    routes
        .route("/orders", post().to(place))
        .route("/articles", get().to(search))
        .route("/articles/{sku}/pictures/{number}", get().to(picture))
        .route("/articles/{sku}/items", put().to(change))
        .route("/sales/{year}/{month}", get().to(sales))
        .route("/reviews", post().to(review))
        .route("/reviews/pictured", post().to(review_with_picture));
}

fn main() -> ExitCode {
    Server::new("bodies").mount(mount).run_from_args()
}
