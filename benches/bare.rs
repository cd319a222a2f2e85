//! The floor of the comparison: the same bytes from a bare actix-web handler, without any check.

use actix_web::web::get;
use actix_web::{App, HttpResponse, HttpServer};

async fn me() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(
        r#"{"username":"johndoe","email":"johndoe@example.com","full_name":"John Doe","disabled":false}"#,
    )
}

async fn items() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(r#"[{"item_id":"Foo","owner":"johndoe"}]"#)
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().content_type("application/json").body(r#"{"detail":"Not Found"}"#)
}

/// `bare ADDRESS THREADS`
#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, threads] = arguments.as_slice() else {
        return Err(std::io::Error::other("usage: bare ADDRESS THREADS"));
    };
    let threads = threads.parse().map_err(std::io::Error::other)?;
    HttpServer::new(|| {
        App::new()
            .route("/users/me/", get().to(me))
            .route("/users/me/items/", get().to(items))
            .default_service(actix_web::web::route().to(not_found))
    })
    .workers(threads)
    .bind(address)?
    .run()
    .await
}
