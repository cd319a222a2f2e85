//! What requests carry: a body with a list of items, a query, a path, headers, cookies, a form, a rule of your
//! own, and dependencies that read parameters.
//!
//! ```sh
//! cargo run --example bodies -- --demo
//! ```

use bailiwick::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};
use std::error::Error;
use std::path::PathBuf;
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

/// Which part of a list.
#[derive(Deserialize, JsonSchema)]
struct PageQuery {
    /// How many to leave out.
    #[serde(default)]
    offset: u32,
    /// How many to show.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
}

/// A page of a list: a dependency without a caller.
struct Page(u32, u32);

impl Dependency for Page {
    type Needs = Query<PageQuery>;

    async fn build(query: Query<PageQuery>, _: &Call<'_>) -> Result<Self, ApiError> {
        let PageQuery { offset, limit } = query.into_inner();
        match offset.checked_add(limit) {
            Some(end) => Ok(Self(offset, end)),
            None => Err(ApiError::http(StatusCode::NOT_FOUND, "There is no such page")),
        }
    }
}

extractor!(Page);

/// What is on sale: a dependency that needs nothing.
struct Sale(&'static str);

impl Dependency for Sale {
    type Needs = ();

    async fn build((): (), _: &Call<'_>) -> Result<Self, ApiError> {
        Ok(Self("pens"))
    }
}

extractor!(Sale);

/// What is on sale, page by page
#[api_v2_operation]
async fn on_sale(page: Page, sale: Sale) -> Json<Vec<String>> {
    let Page(start, end) = page;
    Json((start..end).map(|number| format!("{} {number}", sale.0)).collect())
}

/// Which reviews to show.
#[derive(Deserialize, JsonSchema)]
struct ReviewQuery {
    #[serde(flatten)]
    page: PageQuery,
    /// At least so many stars.
    #[serde(default)]
    #[schemars(range(max = 5))]
    stars: u8,
}

/// Reviews, page by page
#[api_v2_operation]
async fn reviews(query: Query<ReviewQuery>) -> Json<Vec<u32>> {
    let ReviewQuery { page, stars } = query.into_inner();
    Json(vec![page.offset, page.limit, stars.into()])
}

/// What a shop's headers say.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Shop {
    /// Which shop it is.
    #[schemars(length(max = 20))]
    x_request_source: String,
    /// How often it was tried before.
    #[serde(default)]
    #[schemars(range(max = 9))]
    x_retries: u8,
    /// Where it is in the logs.
    #[serde(rename = "X-Trace")]
    trace: Option<String>,
}

/// Which shop asks
#[api_v2_operation]
async fn source(headers: Header<Shop>) -> Result<Json<Shop>, ApiError> {
    Ok(Json(headers.into_inner()))
}

/// What a browser keeps.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Visitor {
    /// Who it is.
    #[schemars(length(min = 1, max = 20))]
    name: String,
    /// How often.
    #[serde(default)]
    #[schemars(range(max = 9))]
    visits: u8,
}

/// Who visits
#[api_v2_operation]
async fn visitor(cookies: Cookie<Visitor>) -> Result<Json<Visitor>, ApiError> {
    Ok(Json(cookies.into_inner()))
}

/// The parts of a visit.
type Visit = (Path<Number>, Header<Shop>, Cookie<Visitor>);

/// Who looks at an article
#[api_v2_operation]
async fn visit(
    Authorized((), (number, source, visitor)): Authorized<(), Visit>,
) -> Result<Json<String>, ApiError> {
    Ok(Json(format!("{} of {} looks at {}", visitor.name, source.x_request_source, number.sku)))
}

/// A user at a shop, who may ask for some.
struct Customer(String);

impl Dependency for Customer {
    type Needs = (ActiveUser, Header<Shop>, Cookie<Visitor>, Path<u8>);

    async fn build(
        (user, source, visitor, number): Self::Needs,
        _: &Call<'_>,
    ) -> Result<Self, ApiError> {
        let (user, shop, number) = (&user.username, &source.x_request_source, *number);
        Ok(Self(format!("{user} as {} at {shop}: {number}", visitor.name)))
    }
}

extractor!(Customer);

/// Who asks for how many
#[api_v2_operation]
async fn customer(customer: Customer, number: Path<u8>) -> Json<(String, u8)> {
    Json((customer.0, *number))
}

/// Whose shop it is
#[api_v2_operation]
async fn owner() -> Json<String> {
    Json("Alice".to_owned())
}

/// A change of a review: what is absent stays, and null removes.
#[derive(Deserialize, JsonSchema)]
struct ReviewChange {
    /// One is bad, five is good.
    #[schemars(range(min = 1, max = 5))]
    stars: Option<u8>,
    /// Why.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>", length(max = 200))]
    text: Option<Option<String>>,
}

/// What is there is some, even null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}

/// Change a review
#[api_v2_operation]
async fn change_review(change: Json<ReviewChange>) -> Json<Review> {
    let mut review = Review { stars: 3, text: Some("good".to_owned()) };
    let ReviewChange { stars, text } = change.into_inner();
    review.stars = stars.unwrap_or(review.stars);
    review.text = text.unwrap_or(review.text);
    Json(review)
}

/// Checks an order in a file
#[derive(clap::Args)]
struct Check {
    /// The order, as it would be sent.
    file: PathBuf,
    /// Shows each error in a line of its own.
    #[arg(long)]
    lines: bool,
}

/// `bodies check FILE`
async fn check(check: Check, _: Start) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = std::fs::read(check.file)?;
    match Json::<Order>::parse(text, None) {
        Ok(order) => println!("{} articles", order.items.len()),
        Err(ApiError::Validation(problems)) if check.lines => {
            for problem in problems {
                println!("{problem}");
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn mount(routes: &mut Routes) {
    let inside = scope("/inside").route("/owner", get().to(owner));
    routes
        .route("/sale", get().to(on_sale))
        .route("/source", get().to(source))
        .route("/visitor", get().to(visitor))
        .route("/articles/{sku}/visit", get().to(visit))
        .route("/customers/{number}", get().to(customer))
        .service(guard::<Header<Shop>>(inside))
        .route("/reviews", get().to(reviews))
        .route("/reviews", patch().to(change_review))
        .route("/orders", post().to(place))
        .route("/articles", get().to(search))
        .route("/articles/{sku}/pictures/{number}", get().to(picture))
        .route("/articles/{sku}/items", put().to(change))
        .route("/sales/{year}/{month}", get().to(sales))
        .route("/reviews", post().to(review))
        .route("/reviews/pictured", post().to(review_with_picture));
}

fn main() -> ExitCode {
    Server::new("bodies").command("check", check).mount(mount).run_from_args()
}
