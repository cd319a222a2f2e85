//! Everyday features of FastAPI, each as the guide's table shows it (`src/guide/from_fastapi.md`).
//!
//! ```sh
//! cargo run --example fastapi -- --demo
//! ```

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ContentType, LOCATION};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::Payload;
use actix_ws::Message;
use bailiwick::prelude::*;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

scopes! {
    /// Read items.
    pub ItemsList = "items:list";
}

/// `[shop]`
#[derive(Deserialize, JsonSchema)]
struct Shop {
    /// The database.
    #[serde(default = "database")]
    url: String,
}

fn database() -> String {
    "sqlite::memory:".to_owned()
}

/// Something to buy.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Item {
    #[schemars(length(min = 1, max = 50))]
    name: String,
    #[schemars(extend("exclusiveMinimum" = 0, "example" = 9.99))]
    price: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What a list is asked for.
#[derive(Deserialize, JsonSchema)]
struct Page {
    q: Option<String>,
    #[serde(default = "ten")]
    #[schemars(range(max = 100))]
    limit: usize,
}

fn ten() -> usize {
    10
}

/// What goes wrong with items.
#[derive(Debug, thiserror::Error)]
enum ItemError {
    #[error("Item {0} is sold out")]
    SoldOut(u32),
    #[error("the shop's database")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Other(#[from] ApiError),
}

http_errors! {
    ItemError {
        SoldOut => 409,
        Database => 500,
        Other => ApiError,
    }
}

/// Whose shop it is: a dependency.
struct Tenant(String);

impl Dependency for Tenant {
    type Needs = ActiveUser;

    async fn build(user: ActiveUser, call: &Call<'_>) -> Result<Self, ApiError> {
        let header = call.request().headers().get("x-tenant");
        let name = header.and_then(|value| value.to_str().ok());
        Ok(Self(name.map_or_else(|| user.username.to_string(), str::to_owned)))
    }
}

extractor!(Tenant);

/// A dependency of a dependency, with something to do at the end of the request.
struct Timed(Tenant);

impl Dependency for Timed {
    type Needs = Tenant;

    async fn build(tenant: Tenant, _: &Call<'_>) -> Result<Self, ApiError> {
        Ok(Self(tenant))
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        log::info!("done for {}", self.0.0);
    }
}

extractor!(Timed);

/// Which items: a dependency without a caller.
struct Paginator(std::ops::Range<usize>);

impl Dependency for Paginator {
    type Needs = Query<Page>;

    async fn build(page: Query<Page>, _: &Call<'_>) -> Result<Self, ApiError> {
        Ok(Self(0..page.limit))
    }
}

extractor!(Paginator);

/// The numbers of items
#[api_v2_operation(tags("items"))]
async fn numbers(page: Paginator) -> Json<Vec<usize>> {
    Json(page.0.collect())
}

/// List items
#[api_v2_operation(tags("items"))]
async fn list(page: Query<Page>, db: State<SqlitePool>) -> Result<Json<Vec<Item>>, ItemError> {
    let names: Vec<(String,)> = sqlx::query_as("SELECT 'Tea' LIMIT ?")
        .bind(i64::try_from(page.limit).unwrap_or(i64::MAX))
        .fetch_all(&*db)
        .await?;
    let fits = |name: &String| page.q.as_ref().is_none_or(|q| name.contains(q));
    let names = names.into_iter().map(|(name,)| name).filter(fits);
    Ok(Json(names.map(|name| Item { name, price: 1.0, note: None }).collect()))
}

/// One item
#[api_v2_operation(tags("items"))]
async fn one(id: Path<u32>) -> Result<Json<Item>, ItemError> {
    match id.into_inner() {
        1 => Ok(Json(Item { name: "Tea".to_owned(), price: 1.0, note: None })),
        2 => Err(ItemError::SoldOut(2)),
        _ => Err(ApiError::http(StatusCode::NOT_FOUND, "Item not found"))?,
    }
}

/// Add an item
#[api_v2_operation(tags("items"))]
async fn add(
    Authorized(_, item): Authorized<Scoped<ActiveUser, ItemsList>, Json<Item>>,
    tasks: BackgroundTasks,
) -> Result<Created<Item>, ApiError> {
    tasks.add(send_mail(item.name.clone()));
    Ok(Created::at("/items/1", item.into_inner()))
}

async fn send_mail(item: String) -> Result<(), ApiError> {
    blocking(move || log::info!("{item} is new")).await
}

/// A form.
#[derive(Deserialize, JsonSchema)]
struct Contact {
    email: String,
}

/// Leave an address
#[api_v2_operation]
async fn contact(form: Form<Contact>) -> Json<String> {
    Json(form.into_inner().email)
}

/// A form with a file.
#[derive(Deserialize, JsonSchema)]
struct Upload {
    file: UploadFile,
}

/// Upload a file
#[api_v2_operation]
async fn upload(form: Multipart<Upload>) -> Result<Json<u64>, ApiError> {
    Ok(Json(form.file.size()))
}

/// What the client says of itself.
#[derive(Deserialize, JsonSchema)]
struct Agent {
    user_agent: String,
    #[serde(default)]
    x_tag: Vec<String>,
}

/// What its user likes.
#[derive(Deserialize, JsonSchema)]
struct Look {
    theme: Option<String>,
}

/// What the client says of itself
#[api_v2_operation]
async fn client(agent: Header<Agent>, look: Cookie<Look>) -> Json<Vec<String>> {
    let Agent { user_agent, x_tag } = agent.into_inner();
    Json([user_agent].into_iter().chain(x_tag).chain(look.into_inner().theme).collect())
}

/// Whose shop it is
#[api_v2_operation]
async fn tenant(tenant: Timed) -> Json<String> {
    Json(tenant.0.0.clone())
}

/// The length of a file
#[api_v2_operation]
async fn length() -> Result<Json<u64>, ApiError> {
    let found = blocking(|| std::fs::metadata("items.csv")).await?;
    Ok(Json(found.map_or(0, |found| found.len())))
}

/// Items as a table
#[api_v2_operation]
async fn table() -> StreamingResponse {
    let rows = stream::iter([Ok::<_, io::Error>("name,price\n"), Ok("Tea,1.0\n")]);
    StreamingResponse::new("text/csv", rows)
}

/// Prices as they change
#[api_v2_operation]
async fn prices() -> EventSourceResponse<f64> {
    let events = stream::iter([ServerSentEvent::new(1.0), ServerSentEvent::new(1.1)]);
    EventSourceResponse::new(events)
}

/// A file of the shop's
#[api_v2_operation]
async fn file(name: Path<String>) -> Result<FileResponse, ApiError> {
    FileResponse::within("examples/web", &name).await
}

#[api_v2_operation(skip)]
async fn old() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, "/items")).finish()
}

#[api_v2_operation(skip)]
async fn home() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body("<!doctype html><h1>Shop</h1>")
}

#[api_v2_operation(skip)]
async fn echo(request: HttpRequest, body: Payload) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            let sent = match message {
                Message::Text(text) => session.text(text).await,
                // Clients and proxies ask so whether anybody is there.
                Message::Ping(bytes) => session.pong(&bytes).await,
                Message::Close(_) => break,
                _ => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
        let _ = session.close(None).await;
    });
    Ok(response)
}

/// Around all routes.
async fn logged<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    log::debug!("{}", request.path());
    next.call(request).await
}

fn mount(routes: &mut Routes) {
    let items = scope("/items")
        .route("", get().to(list))
        .route("", post().to(add))
        .route("/{id}", get().to(one));
    let contact = limits(resource("/contact").route(post().to(contact)))
        .rate(Rate::per_minute(5))
        .time_out(Duration::from_secs(10));
    routes
        .service(items)
        .service(contact)
        .service(guard::<ActiveUser>(scope("/inside").route("/tenant", get().to(tenant))))
        .route("/upload", post().to(upload))
        .route("/client", get().to(client))
        .route("/length", get().to(length))
        .route("/numbers", get().to(numbers))
        .route("/table", get().to(table))
        .route("/prices", get().to(prices))
        .route("/files/{name}", get().to(file))
        .route("/old", get().to(old))
        .route("/home", get().to(home))
        .route("/echo", get().to(echo));
}

fn server() -> Server {
    Server::new("fastapi")
        .version("1.2.3")
        .about("Items")
        .license("MIT")
        .settings::<Shop>("shop")
        .state(async |start| SqlitePool::connect(&start.settings::<Shop>().url).await)
        .on_start(async |start| {
            start.spawn(async { log::info!("open") });
            Ok::<_, io::Error>(())
        })
        .on_stop(async |_| {
            log::info!("closed");
            Ok::<_, io::Error>(())
        })
        .wrap(|| from_fn(logged))
        .mount(mount)
}

fn main() -> ExitCode {
    server().run_from_args()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::testing;

    #[actix_web::test]
    async fn replaced_dependencies_and_settings() {
        let app = testing::prepare(server())
            .set("shop.url", "sqlite::memory:")
            .dependency(|_| Ok(Tenant("acme".to_owned())))
            .start()
            .await;
        let jane = app.user("jane").scopes("me").token().await;
        let tenant = app.get("/inside/tenant").bearer(&jane).send().await;
        assert_eq!(tenant.json::<String>(), "acme");
        let items = app.get("/items?limit=1&q=T").send().await;
        assert_eq!(items.text(), r#"[{"name":"Tea","price":1.0}]"#);
        assert_eq!(app.get("/items?limit=101").send().await.status(), 422);
        assert_eq!(app.get("/items/2").send().await.status(), 409);
        assert_eq!(app.get("/numbers?limit=2").send().await.text(), "[0,1]");
        assert_eq!(app.get("/old").send().await.header("location"), Some("/items"));
    }
}
