//! The floor of the comparison: the same bytes from a bare actix-web handler, without any check.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::web::{Data, get, route};
use actix_web::{App, HttpResponse, HttpServer};

/// The headers of each of bailiwick's responses, besides the body's type.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("x-request-id"),
        HeaderValue::from_static("0123456789abcdef0123456789abcdef"),
    ),
];

const ME: &str = r#"{"username":"johndoe","email":"johndoe@example.com","full_name":"John Doe","disabled":false}"#;
const ITEMS: &str = r#"[{"item_id":"Foo","owner":"johndoe"}]"#;
const MISSING: &str = r#"{"detail":"Not Found"}"#;

/// How many of the headers are sent.
#[derive(Clone, Copy)]
struct Sent(usize);

fn answer(status: StatusCode, body: &'static str, Sent(sent): Sent) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer.content_type("application/json");
    for header in HEADERS.into_iter().take(sent) {
        answer.append_header(header);
    }
    answer.body(body)
}

async fn me(sent: Data<Sent>) -> HttpResponse {
    answer(StatusCode::OK, ME, **sent)
}

async fn items(sent: Data<Sent>) -> HttpResponse {
    answer(StatusCode::OK, ITEMS, **sent)
}

async fn not_found(sent: Data<Sent>) -> HttpResponse {
    answer(StatusCode::NOT_FOUND, MISSING, **sent)
}

/// `bare ADDRESS THREADS HEADERS`: HEADERS is `all` for the same bytes, `none` for the same body.
#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let usage = || std::io::Error::other("usage: bare ADDRESS THREADS all|none");
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, threads, headers] = arguments.as_slice() else { return Err(usage()) };
    let threads = threads.parse().map_err(std::io::Error::other)?;
    let sent = match headers.as_str() {
        "all" => Data::new(Sent(HEADERS.len())),
        "none" => Data::new(Sent(0)),
        _ => return Err(usage()),
    };
    HttpServer::new(move || {
        App::new()
            .app_data(sent.clone())
            .route("/users/me/", get().to(me))
            .route("/users/me/items/", get().to(items))
            .default_service(route().to(not_found))
    })
    .workers(threads)
    .bind(address)?
    .run()
    .await
}
