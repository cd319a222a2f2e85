//! What users of FastAPI take for granted of their own routes.

use actix_web::{Either, HttpResponse};
use bailiwick::prelude::*;
use bailiwick::testing::{self, Application};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Note {
    #[schemars(length(min = 2))]
    text: String,
    #[serde(default)]
    weight: f64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Page {
    number: u32,
}

#[api_v2_operation]
async fn optional(note: Json<Option<Note>>) -> Json<Option<Note>> {
    note
}

#[api_v2_operation]
async fn swallowed(note: Option<Json<Note>>, page: Option<Query<Page>>) -> Json<(bool, bool)> {
    Json((note.is_some(), page.is_some()))
}

async fn either(body: Either<Json<Note>, Json<Page>>) -> &'static str {
    match body {
        Either::Left(_) => "note",
        Either::Right(_) => "page",
    }
}

#[api_v2_operation]
async fn plain() -> HttpResponse {
    HttpResponse::Ok().body("plain")
}

async fn start() -> Application {
    let server = Server::new("bailiwick").mount(|routes| {
        let either = actix_web::web::resource("/either").route(actix_web::web::post().to(either));
        routes
            .route("/optional", post().to(optional))
            .route("/swallowed", post().to(swallowed))
            .route("/plain", get().to(plain))
            .route("/slash/", get().to(plain))
            .route("/notes/{name}", get().to(plain))
            .service(undocumented(either));
    });
    testing::start(server).await
}

#[actix_web::test]
async fn a_body_may_be_optional() {
    let app = start().await;
    let none = app.post("/optional").send().await;
    assert_eq!((none.status(), none.json::<Value>()), (200, json!(null)));
    let null = app.post("/optional").json(&json!(null)).send().await;
    assert_eq!((null.status(), null.json::<Value>()), (200, json!(null)));
    let note = json!({"text": "ab", "weight": 1.5});
    assert_eq!(app.post("/optional").json(&note).send().await.json::<Value>(), note);
    assert_eq!(app.post("/optional").json(&json!({"text": "a"})).send().await.status(), 422);
    let document: Value = app.get("/openapi.json").send().await.json();
    let body = |path: &str| document["paths"][path]["post"]["requestBody"].clone();
    assert_eq!(body("/optional")["required"], json!(false));
    assert_eq!(body("/swallowed")["required"], json!(true));
}

#[actix_web::test]
async fn what_is_wrong_is_not_what_is_missing() {
    let app = start().await;
    let missing = app.post("/swallowed").send().await;
    assert_eq!((missing.status(), missing.json::<Value>()), (200, json!([false, false])));
    let wrong = app.post("/swallowed").json(&json!({"text": "a"})).send().await;
    assert_eq!(wrong.status(), 422);
    assert_eq!(wrong.json::<Value>()["detail"][0]["loc"], json!(["body", "text"]));
    let wrong = app.post("/swallowed?number=x").json(&json!({"text": "ab"})).send().await;
    assert_eq!(wrong.status(), 422);
    assert_eq!(wrong.json::<Value>()["detail"][0]["loc"], json!(["query", "number"]));
    let right = app.post("/swallowed?number=1").json(&json!({"text": "ab"})).send().await;
    assert_eq!(right.json::<Value>(), json!([true, true]));
    // What is read as something else is not wrong.
    for (body, found) in [(json!({"text": "ab"}), "note"), (json!({"number": 1}), "page")] {
        let read = app.post("/either").json(&body).send().await;
        assert_eq!((read.status(), read.text()), (200, found), "{body}");
    }
    assert_ne!(app.post("/either").json(&json!({})).send().await.status(), 200);
}

#[actix_web::test]
async fn doubles_arrive_as_they_are_sent() {
    let app = start().await;
    for weight in ["1.9060211884410623", "928.9579374208199", "1e-310", "0.1", "5e-324"] {
        let body = format!("{{\"text\":\"ab\",\"weight\":{weight}}}");
        let answer = app.post("/optional").body("application/json", body).send().await;
        let sent: f64 = weight.parse().expect("a number");
        assert_eq!(answer.json::<Note>().weight.to_bits(), sent.to_bits(), "{weight}");
    }
}

#[actix_web::test]
async fn a_slash_more_or_less_is_redirected() {
    let app = start().await;
    for (asked, found) in [
        ("/plain/", "/plain"),
        ("/plain/?a=%2F&b", "/plain?a=%2F&b"),
        ("/slash", "/slash/"),
        ("/notes/a%20b/", "/notes/a%20b"),
    ] {
        let answer = app.get(asked).send().await;
        assert_eq!((answer.status(), answer.header("location")), (307, Some(found)), "{asked}");
    }
    for path in ["/plain", "/slash/", "/notes/a", "/users/me/"] {
        assert_ne!(app.get(path).send().await.status(), 307, "{path}");
    }
    for path in ["/nothing/", "/notes/a/b/", "//notes/a", "/notes//", "/notes/\\a/"] {
        assert_eq!(app.get(path).send().await.status(), 404, "{path}");
    }
    assert_eq!(app.post("/plain/").send().await.status(), 405);
    let server = Server::new("bailiwick").mount(|routes| {
        routes.route("/plain", get().to(plain));
    });
    let below = testing::prepare(server).set("server.root_path", "/api").start().await;
    assert_eq!(below.get("/plain/").send().await.header("location"), Some("/api/plain"));
}

#[actix_web::test]
async fn every_operation_has_a_success() {
    let app = start().await;
    let document: Value = app.get("/openapi.json").send().await.json();
    let responses = &document["paths"]["/plain"]["get"]["responses"];
    assert_eq!(responses["200"], json!({"description": "Successful Response"}), "{responses}");
}
