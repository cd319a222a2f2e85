//! What handlers return and take beside JSON: locations, files, streams, events, uploads, errors of your own,
//! background tasks;
//! and what stands beside them: a folder of files, a WebSocket, services of actix-web.
//!
//! ```sh
//! cargo run --example handlers -- --demo
//! ```

use actix_web::dev::Service as _;
use actix_web::guard::{Get, Post};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpResponse, web};
use actix_ws::Message;
use bailiwick::prelude::*;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

/// What goes wrong with articles.
#[derive(Debug, thiserror::Error)]
enum ArticleError {
    #[error("there is no article {0}")]
    Missing(u32),
    #[error("article {number} is sold out")]
    SoldOut { number: u32 },
    #[error("the warehouse is closed")]
    Warehouse(#[from] io::Error),
    #[error(transparent)]
    Other(#[from] ApiError),
}

http_errors! {
    ArticleError {
        Missing => 404 "there is no article 7",
        SoldOut => 409,
        Warehouse => 502,
        Other => ApiError,
    }
}

/// An article.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Article {
    /// Its name.
    #[schemars(length(min = 1, max = 50))]
    name: String,
}

/// Add an article
#[api_v2_operation]
async fn add(
    Authorized(_, article): Authorized<ActiveUser, Json<Article>>,
) -> Result<Created<Article>, ApiError> {
    let name = article.name.clone();
    Ok(Created::under("/articles", name, article.into_inner()))
}

/// Order an article
///
/// Number 1 is there, 2 is sold out, 3 is in a warehouse that is closed, and the others do not exist.
#[api_v2_operation]
async fn order(number: Path<u32>) -> Result<Accepted<String>, ArticleError> {
    match number.into_inner() {
        1 => Ok(Accepted("on its way".to_owned())),
        2 => Err(ArticleError::SoldOut { number: 2 }),
        3 => Err(io::Error::other("nobody has the key of gate 7"))?,
        4 => Err(ApiError::http(StatusCode::GONE, "It was here yesterday"))?,
        number => Err(ArticleError::Missing(number)),
    }
}

/// Remove an article
#[api_v2_operation]
async fn remove(
    Authorized(_, number): Authorized<ActiveUser, Path<u32>>,
) -> Result<NoContent, ArticleError> {
    match number.into_inner() {
        1..=3 => Ok(NoContent),
        number => Err(ArticleError::Missing(number)),
    }
}

/// All prices, as a table
#[api_v2_operation(produces = "text/csv")]
async fn prices() -> StreamingResponse {
    let lines = (1..=10_000).map(|number| Ok::<_, io::Error>(format!("SKU-{number};9.99\n")));
    StreamingResponse::new("text/csv; charset=utf-8", stream::iter(lines)).download("prices.csv")
}

/// Work that nobody waits for: is it to fail, and how long does it take?
#[derive(Deserialize, JsonSchema)]
struct Later {
    /// Milliseconds.
    #[serde(default)]
    after: u64,
    /// Whether the handler itself fails.
    #[serde(default)]
    refused: bool,
}

/// Order in the background
#[api_v2_operation]
async fn later(
    query: Query<Later>,
    tasks: BackgroundTasks,
) -> Result<Accepted<String>, ArticleError> {
    let (after, refused) = (Duration::from_millis(query.after), query.refused);
    tasks.add(async move {
        tokio::time::sleep(after).await;
        std::fs::write("first.txt", "done")
    });
    tasks.add(async { Err(io::Error::other("the mail server is away")) });
    tasks.add(async {
        let first = std::fs::read_to_string("first.txt")?;
        std::fs::write("last.txt", first)
    });
    if refused { Err(ArticleError::Missing(7)) } else { Ok(Accepted("later".to_owned())) }
}

/// Work that blocks its thread
#[api_v2_operation]
async fn count(numbers: Path<u64>) -> Result<Json<u64>, ApiError> {
    let numbers = numbers.into_inner();
    let sum = blocking(move || {
        assert!(numbers > 0, "nothing to count");
        (1..=numbers).sum()
    });
    Ok(Json(sum.await?))
}

/// A table that cannot be finished
#[api_v2_operation(produces = "text/csv")]
async fn broken() -> StreamingResponse {
    let lines = [Ok("SKU-1;9.99\n"), Err(io::Error::other("the database went away"))];
    StreamingResponse::new("text/csv", stream::iter(lines))
}

/// A price that changes all the time
#[derive(Serialize, JsonSchema)]
struct Price {
    /// Now.
    cents: u32,
}

/// Prices, as they change
#[api_v2_operation]
async fn changes() -> EventSourceResponse<Price> {
    let first = stream::iter([ServerSentEvent::new(Price { cents: 1 }).event("price").id("1")]);
    let later = stream::unfold(2, async |cents| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Some((ServerSentEvent::new(Price { cents }), cents + 1))
    });
    EventSourceResponse::new(first.chain(later))
}

/// Prices that never change
///
/// Where nothing happens, a comment every 15 seconds keeps proxies from closing the connection.
#[api_v2_operation]
async fn silence() -> EventSourceResponse<Price> {
    EventSourceResponse::new(stream::pending::<Price>())
}

/// Pictures of an article.
#[derive(Deserialize, JsonSchema)]
struct Pictures {
    /// What they show.
    #[schemars(length(min = 1, max = 20))]
    caption: String,
    /// The picture.
    picture: UploadFile,
    /// Its licence.
    licence: Option<UploadFile>,
    /// More of them.
    #[serde(default)]
    #[schemars(length(max = 3))]
    more: Vec<UploadFile>,
}

/// What has arrived.
#[derive(Serialize, JsonSchema)]
struct Arrived {
    caption: String,
    name: String,
    media_type: Option<String>,
    size: u64,
    has_licence: bool,
    more: usize,
}

/// Upload pictures
#[api_v2_operation]
async fn upload(
    Authorized(_, form): Authorized<ActiveUser, Multipart<Pictures, { 4 << 20 }>>,
) -> Result<Json<Arrived>, ApiError> {
    let Pictures { caption, picture, licence, more } = form.into_inner();
    picture.save("picture.bin").await.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(Arrived {
        caption,
        name: picture.filename().to_owned(),
        media_type: picture.content_type().map(str::to_owned),
        size: picture.size(),
        has_licence: licence.is_some(),
        more: more.len(),
    }))
}

/// A file of the shop's
#[api_v2_operation]
async fn file(name: Path<String>) -> Result<FileResponse, ApiError> {
    let file = FileResponse::within(folder(), &name).await?;
    Ok(file.download("file.txt"))
}

/// A WebSocket that says back what it hears.
#[api_v2_operation(skip)]
async fn echo(
    _: ActiveUser,
    request: HttpRequest,
    body: Payload,
) -> actix_web::Result<HttpResponse> {
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

/// Where the files are.
fn folder() -> String {
    std::env::var("WEB_FOLDER").unwrap_or_else(|_| "examples/web".to_owned())
}

async fn hello() -> &'static str {
    "hello"
}

fn mount(routes: &mut Routes) {
    // A scope of actix-web with middleware of its own, and one that is only for users.
    let plain =
        web::scope("/plain").route("/hello", web::get().to(hello)).wrap_fn(|request, service| {
            let response = service.call(request);
            async {
                let mut response = response.await?;
                let name = HeaderName::from_static("x-plain");
                response.headers_mut().insert(name, HeaderValue::from_static("yes"));
                Ok(response)
            }
        });
    // Beside the server's own routes for users.
    let greeting = web::resource("/users/{username}/greeting").route(web::get().to(hello));
    // The server has this path, with a GET of its own, which ours does not replace.
    let user = || web::resource("/users/{username}");
    let added = user().guard(Post()).route(web::post().to(hello));
    let hidden = user().guard(Get()).route(web::get().to(hello));
    let files = web::scope("/listing").service(actix_files::Files::new("", folder()));
    routes
        .route("/articles", post().to(add))
        .route("/articles/{number}/order", post().to(order))
        .route("/articles/{number}", delete().to(remove))
        .route("/prices", get().to(prices))
        .route("/later", post().to(later))
        .route("/count/{numbers}", get().to(count))
        .route("/broken", get().to(broken))
        .route("/changes", get().to(changes))
        .route("/silence", get().to(silence))
        .route("/pictures", post().to(upload))
        .route("/files/{name:.*}", get().to(file))
        .route("/echo", get().to(echo))
        .service(undocumented(greeting))
        .service(undocumented(added))
        .service(undocumented(hidden))
        .service(guard::<ActiveUser>(undocumented(files)))
        .service(guard::<ActiveUser>(static_files("/inside", folder())))
        .service(undocumented(plain))
        .service(static_files("/static", folder()))
        .service(static_files("/", folder()).well_known().cache_control("public, max-age=60"));
}

fn main() -> ExitCode {
    Server::new("handlers").mount(mount).run_from_args()
}
