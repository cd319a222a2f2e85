//! Limits of single routes: how often, how large, how long.

use bailiwick::prelude::*;
use bailiwick::testing::{self, Application, Response};
use serde_json::{Value, json};
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[api_v2_operation]
async fn hello() -> Json<u32> {
    Json(1)
}

#[api_v2_operation]
async fn length(text: Json<String>) -> Json<usize> {
    Json(text.len())
}

/// Whether the handler that never responds was dropped.
#[derive(Default)]
struct Dropped(AtomicBool);

struct OnDrop(State<Dropped>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

#[api_v2_operation]
async fn forever(dropped: State<Dropped>) -> Json<u32> {
    let _on_drop = OnDrop(dropped);
    pending().await
}

async fn plain(body: actix_web::web::Bytes) -> String {
    body.len().to_string()
}

fn mount(routes: &mut Routes) {
    let shared = Rate::per_minute(3);
    let by_key = |request: &HttpRequest| {
        let key = request.headers().get("x-tenant")?;
        key.to_str().ok().map(str::to_owned)
    };
    let undocumented_scope =
        actix_web::web::scope("/plain").route("", actix_web::web::post().to(plain));
    let of_users =
        limits(resource("/of-users").route(get().to(hello))).rate(Rate::per_minute(2).by_user());
    routes
        .service(limits(resource("/often").route(get().to(hello))).rate(Rate::per_minute(2)))
        .service(limits(scope("/one").route("", get().to(hello))).rate(shared.clone()))
        .service(limits(scope("/other").route("", get().to(hello))).rate(shared))
        .service(guard::<ActiveUser>(of_users))
        .service(
            limits(resource("/known").route(get().to(hello))).rate(Rate::per_minute(2).by_user()),
        )
        .service(
            limits(resource("/tenants").route(get().to(hello))).rate(Rate::per_hour(1).by(by_key)),
        )
        .service(limits(resource("/small").route(post().to(length))).body(10))
        .service(limits(resource("/large").route(post().to(length))).body(100_000))
        .service(limits(undocumented(undocumented_scope)).body(10).rate(Rate::per_minute(2)))
        .service(
            limits(resource("/slow").route(get().to(forever))).time_out(Duration::from_millis(50)),
        )
        .service(
            limits(resource("/fast").route(get().to(hello))).time_out(Duration::from_mins(10)),
        );
}

fn server() -> Server {
    Server::new("bailiwick").state(async |_| Ok::<_, String>(Dropped::default())).mount(mount)
}

async fn start() -> Application {
    // Each thread mounts the routes for itself.
    testing::prepare(server())
        .set("server.workers", 4)
        .set("server.limit_request_body", 1000)
        .start()
        .await
}

/// The statuses of so many requests from an address.
async fn ask(app: &Application, path: &str, address: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(app.get(path).header("x-forwarded-for", address).send().await.status());
    }
    statuses
}

#[actix_web::test]
async fn a_rate_is_one_for_all_threads_and_apart_for_each_address() {
    let app = start().await;
    assert_eq!(ask(&app, "/often", "192.0.2.1", 4).await, [200, 200, 429, 429]);
    let refused = app.get("/often").header("x-forwarded-for", "192.0.2.1").send().await;
    assert_eq!(refused.json::<Value>(), json!({"detail": "Too Many Requests"}));
    let wait: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(ask(&app, "/often", "192.0.2.2", 2).await, [200, 200]);
    // A network of IPv6 is one party.
    assert_eq!(ask(&app, "/often", "2001:db8::1", 2).await, [200, 200]);
    assert_eq!(ask(&app, "/often", "2001:db8::2", 1).await, [429]);
    // What a client claims counts only from a proxy that is trusted.
    assert_eq!(ask(&app, "/often", "192.0.2.1, 198.51.100.1", 1).await, [200]);
    assert_eq!(ask(&app, "/often", "192.0.2.9, 192.0.2.1", 1).await, [429]);
    app.advance(Duration::from_secs(31));
    assert_eq!(ask(&app, "/often", "192.0.2.1", 2).await, [200, 429]);
    // Another application has its own.
    let other = start().await;
    assert_eq!(ask(&other, "/often", "192.0.2.1", 1).await, [200]);
}

#[actix_web::test]
async fn clones_of_a_rate_count_together() {
    let app = start().await;
    assert_eq!(ask(&app, "/one", "192.0.2.1", 2).await, [200, 200]);
    assert_eq!(ask(&app, "/other", "192.0.2.1", 2).await, [200, 429]);
    assert_eq!(ask(&app, "/one", "192.0.2.1", 1).await, [429]);
}

#[actix_web::test]
async fn a_rate_by_user_follows_users() {
    let app = start().await;
    let jane = app.user("jane").scopes("me").token().await;
    let bob = app.user("bob").scopes("me").token().await;
    let status = async |path: &str, token: &str, address: &str| {
        let request = app.get(path).header("x-forwarded-for", address);
        request.bearer(token).send().await.status()
    };
    for path in ["/of-users", "/known"] {
        assert_eq!(status(path, &jane, "192.0.2.1").await, 200, "{path}");
        assert_eq!(status(path, &jane, "192.0.2.2").await, 200, "{path}");
        assert_eq!(status(path, &jane, "192.0.2.3").await, 429, "{path}");
        assert_eq!(status(path, &bob, "192.0.2.3").await, 200, "{path}");
    }
    // Whom the guard refuses is not counted; without a guard, strangers are counted by address.
    assert_eq!(ask(&app, "/of-users", "192.0.2.7", 4).await, [401; 4]);
    assert_eq!(ask(&app, "/known", "192.0.2.7", 3).await, [200, 200, 429]);
    assert_eq!(status("/known", "forged", "192.0.2.7").await, 429);
    assert_eq!(status("/known", "forged", "192.0.2.8").await, 200);
}

#[actix_web::test]
async fn a_rate_is_by_what_an_application_wants() {
    let app = start().await;
    let status =
        async |tenant: &str| app.get("/tenants").header("x-tenant", tenant).send().await.status();
    assert_eq!((status("a").await, status("b").await, status("a").await), (200, 200, 429));
}

async fn send(app: &Application, path: &str, length: usize) -> Response {
    app.post(path).json(&"x".repeat(length - 2)).send().await
}

#[actix_web::test]
async fn a_body_may_be_smaller_or_larger_than_others() {
    let app = start().await;
    assert_eq!(send(&app, "/small", 10).await.text(), "8");
    let refused = send(&app, "/small", 11).await;
    assert_eq!(refused.status(), 413);
    assert_eq!(refused.json::<Value>(), json!({"detail": "Request body too large"}));
    assert_eq!(send(&app, "/large", 100_000).await.text(), "99998");
    assert_eq!(send(&app, "/large", 100_001).await.status(), 413);
    assert_eq!(send(&app, "/plain", 10).await.text(), "10");
    assert_eq!(send(&app, "/plain", 11).await.status(), 413);
    assert_eq!(send(&app, "/plain", 11).await.status(), 429);
}

/// Without a declared length.
#[actix_web::test]
async fn a_body_in_pieces_is_cut_short() {
    let app = start().await;
    let pieces = |count: usize| format!("{}0\r\n\r\n", "4\r\n\"aa\"\r\n".repeat(count));
    for (path, pieces, status) in
        [("/small", pieces(1), 200), ("/small", pieces(3), 413), ("/plain", pieces(3), 413)]
    {
        let address = app.url().strip_prefix("http://").expect("a URL").to_owned();
        let answer = actix_web::rt::task::spawn_blocking(move || {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{pieces}"
            );
            let mut connection = crate::harness::connect(&address);
            std::io::Write::write_all(&mut connection, head.as_bytes()).expect("sent");
            std::io::read_to_string(connection).expect("an answer")
        });
        let answer = answer.await.expect("no panic");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
}

#[actix_web::test]
async fn a_handler_that_takes_too_long_is_given_up() {
    let app = start().await;
    let late = app.get("/slow").send().await;
    assert_eq!(late.status(), 504);
    assert_eq!(late.json::<Value>(), json!({"detail": "Gateway Timeout"}));
    assert!(app.state::<Dropped>().0.load(Ordering::SeqCst));
    assert_eq!(app.get("/fast").send().await.status(), 200);
}

#[actix_web::test]
async fn limits_are_in_the_document() {
    let app = start().await;
    let document: Value = app.get("/openapi.json").send().await.json();
    let operation = |method: &str, path: &str| document["paths"][path][method].clone();
    let often = operation("get", "/often");
    let refused = &often["responses"]["429"];
    assert!(refused["headers"]["Retry-After"].is_object(), "{often}");
    let example = &refused["content"]["application/json"]["example"];
    assert_eq!(example, &json!({"detail": "Too Many Requests"}));
    assert_eq!(operation("get", "/one")["responses"]["429"], *refused);
    let guarded = operation("get", "/of-users");
    assert_eq!(guarded["responses"]["429"], *refused);
    assert!(guarded["security"].is_array(), "{guarded}");
    let large = operation("post", "/large");
    assert_eq!(large["requestBody"]["x-max-bytes"], 100_000);
    assert!(large["responses"]["413"].is_object(), "{large}");
    let slow = operation("get", "/slow");
    let example = &slow["responses"]["504"]["content"]["application/json"]["example"];
    assert_eq!(example, &json!({"detail": "Gateway Timeout"}));
    assert!(operation("get", "/fast")["responses"]["429"].is_null());
    assert!(operation("get", "/plain").is_null());
}
