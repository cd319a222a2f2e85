//! `bailiwick::testing`: applications in this process, with users, replaced parts and a clock.

use bailiwick::prelude::*;
use bailiwick::testing::{self, Application};
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

schemes! {
    /// The key of a partner.
    PartnerKey = ApiKeyHeader::new("X-Partner");
}

/// A partner, whom only another server knows.
struct Partner(String);

impl Dependency for Partner {
    type Needs = PartnerKey;

    async fn build(_: PartnerKey, call: &Call<'_>) -> Result<Self, ApiError> {
        Err(call.invalid())
    }
}

/// A partner who pays.
struct Paying(Partner);

impl Dependency for Paying {
    type Needs = (Partner, ActiveUser);

    async fn build((partner, _): (Partner, ActiveUser), _: &Call<'_>) -> Result<Self, ApiError> {
        Ok(Self(partner))
    }
}

extractor!(Partner);
extractor!(Paying);

/// State.
struct Rate(u32);

#[api_v2_operation]
async fn rate(rate: State<Rate>) -> Json<u32> {
    Json(rate.0)
}

#[api_v2_operation]
async fn partner(partner: Partner) -> Json<String> {
    Json(partner.0)
}

#[api_v2_operation]
async fn paying(paying: Paying) -> Json<String> {
    Json(paying.0.0)
}

#[api_v2_operation]
async fn echo(body: Json<Value>) -> Json<Value> {
    body
}

fn server(rate_of_state: u32) -> Server {
    Server::new("bailiwick").state(async move |_| Ok::<_, String>(Rate(rate_of_state))).mount(
        |routes| {
            routes
                .route("/rate", get().to(rate))
                .route("/partner", get().to(partner))
                .route("/paying", get().to(paying))
                .route("/echo", post().to(echo));
        },
    )
}

async fn status(app: &Application, path: &str, token: &str) -> u16 {
    app.get(path).bearer(token).send().await.status()
}

#[actix_web::test]
async fn applications_of_a_process_are_apart() {
    let (first, second) = (testing::start(server(1)).await, testing::start(server(2)).await);
    assert_ne!(first.url(), second.url());
    let rate = async |app: &Application| app.get("/rate").send().await.json::<u32>();
    assert_eq!((rate(&first).await, rate(&second).await), (1, 2));
    assert_eq!((first.state::<Rate>().0, second.state::<Rate>().0), (1, 2));
    let jane = first.user("jane").scopes("me").token().await;
    assert_eq!(
        (status(&first, "/users/me", &jane).await, status(&second, "/users/me", &jane).await),
        (200, 401)
    );
    let folder = first.folder().to_owned();
    assert!(folder.join("data").is_dir());
    drop(first);
    assert!(!folder.exists());
    assert_eq!(rate(&second).await, 2);
}

/// Any executor awaits it.
#[test]
fn it_needs_no_runtime_of_its_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let found = runtime.block_on(async {
        let app = testing::start(server(7)).await;
        app.get("/rate").send().await.json::<u32>()
    });
    assert_eq!(found, 7);
}

#[actix_web::test]
async fn users_log_in_with_their_scopes() {
    let app = testing::start(server(0)).await;
    let jane = app.user("jane").scopes("me items").token().await;
    let items: Value = app.get("/users/me/items").bearer(&jane).send().await.json();
    assert_eq!(items, json!([{"item_id": "Foo", "owner": "jane"}]));
    assert_eq!(status(&app, "/users", &jane).await, 401);
    let admin = app.user("jane").scopes("users:read").token().await;
    assert_eq!(status(&app, "/users", &admin).await, 200);
    assert_eq!(status(&app, "/users/me", &jane).await, 200, "the scopes that she had stay");
    app.user("bob").password("a password of his").scopes("me").add().await;
    let basic = app.get("/basic/users/me").basic("bob", "a password of his").send().await;
    assert_eq!(basic.json::<Value>()["username"], "bob");
    let eve = app.user("eve").disabled().scopes("me").token().await;
    assert_eq!(status(&app, "/users/me", &eve).await, 400);
}

#[actix_web::test]
async fn state_and_dependencies_are_replaced() {
    let opened = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&opened);
    let counting = Server::new("bailiwick")
        .state(async move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Err::<Rate, _>("there is no such rate")
        })
        .mount(|routes| {
            routes.route("/rate", get().to(rate)).route("/paying", get().to(paying));
        });
    let app = testing::prepare(counting)
        .state(Rate(9))
        .dependency(|call| match call.request().headers().get("x-refuse") {
            Some(_) => Err(call.invalid()),
            None => Ok(Partner("acme".to_owned())),
        })
        .start()
        .await;
    assert_eq!(app.get("/rate").send().await.json::<u32>(), 9);
    assert_eq!(opened.load(Ordering::Relaxed), 0);
    // Below the replaced one, all is as it was.
    assert_eq!(app.get("/paying").send().await.status(), 401);
    let jane = app.user("jane").scopes("me").token().await;
    let paying = app.get("/paying").bearer(&jane);
    assert_eq!(paying.send().await.json::<String>(), "acme");
    let refused = app.get("/paying").bearer(&jane).header("x-refuse", "1").send().await;
    assert_eq!(refused.status(), 401);
    // Another application of this process has its own.
    let other = testing::start(server(0)).await;
    assert_eq!(other.get("/partner").header("x-partner", "k").send().await.status(), 401);
}

#[actix_web::test]
async fn the_clock_is_set() {
    let app =
        testing::prepare(server(0)).set("tokens.access_token_expire_minutes", 5).start().await;
    let jane = app.user("jane").scopes("me").token().await;
    app.advance(Duration::from_mins(4));
    assert_eq!(status(&app, "/users/me", &jane).await, 200);
    app.advance(Duration::from_mins(2));
    assert_eq!(status(&app, "/users/me", &jane).await, 401);
    app.set_time(2_000_000_000);
    let bob = app.user("bob").scopes("me").token().await;
    assert_eq!(status(&app, "/users/me", &bob).await, 200);
    let created = app
        .with_services(async |services| {
            let found = services.accounts.find(&"bob".parse().expect("a name")).await;
            found.expect("no error").expect("bob").created_at.to_string()
        })
        .await;
    assert!(created.starts_with("2033-05-18T03:33:"), "{created}");
}

#[actix_web::test]
async fn settings_are_those_of_the_test() {
    let app = testing::prepare(server(0))
        .config("[server]\nroot_path = '/api'\n[docs]\ntitle = 'From the file'\n")
        .set("docs.title", "From the test")
        .start()
        .await;
    let document: Value = app.get("/openapi.json").send().await.json();
    assert_eq!(document["info"]["title"], "From the test");
    assert_eq!(document["servers"], json!([{"url": "/api"}]));
}

#[actix_web::test]
async fn requests_have_bodies_and_headers() {
    let app = testing::start(server(0)).await;
    let echoed = app.post("/echo").json(&json!({"a": [1, "ü"]})).send().await;
    assert_eq!((echoed.status(), echoed.json::<Value>()), (200, json!({"a": [1, "ü"]})));
    let refused = app.post("/echo").body("text/plain", "a").send().await;
    assert_eq!(refused.status(), 415);
    assert_eq!(refused.header("content-type"), Some("application/json"));
    let delete = app.delete("/echo").send().await;
    assert_eq!((delete.status(), delete.header("allow")), (405, Some("POST")));
    assert_eq!(app.request("HEAD", "/rate").send().await.bytes(), b"");
}

#[actix_web::test]
async fn hooks_run_once_and_tasks_end() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |text: &'static str| {
        let seen = Arc::clone(&seen);
        move || seen.lock().expect("a list").push(text)
    };
    let (start, stop, task) = (note("start"), note("stop"), note("task"));
    let server = Server::new("bailiwick")
        .on_start(async move |running| {
            start();
            let (task, keeper) = (task.clone(), running.clone());
            running.spawn(async move {
                keeper.stopping().await;
                task();
            });
            Ok::<_, String>(())
        })
        .on_stop(async move |_| {
            stop();
            Ok::<_, String>(())
        });
    let app = testing::start(server).await;
    assert_eq!(*seen.lock().expect("a list"), ["start"]);
    drop(app);
    assert_eq!(*seen.lock().expect("a list"), ["start", "task", "stop"]);
}

/// What a start panics with.
async fn panics(start: impl Future) -> String {
    let caught = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(start)).await;
    let Err(panic) = caught else { panic!("it starts") };
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[actix_web::test]
async fn what_cannot_start_says_why() {
    let wrong = testing::prepare(server(0)).set("server.keepalive", "soon").start();
    let message = panics(wrong).await;
    assert!(message.contains("BAILIWICK__SERVER__KEEPALIVE = \"soon\": expected"), "{message}");
    let failing = Server::new("bailiwick").state(async |_| Err::<Rate, _>("no rates today"));
    let message = panics(testing::start(failing)).await;
    assert!(message.ends_with("cannot be opened: no rates today"), "{message}");
    let panicking = Server::new("bailiwick").on_start(async |start| {
        let _ = start.state::<Rate>();
        Ok::<_, String>(())
    });
    let message = panics(testing::start(panicking)).await;
    assert!(message.contains("on_start failed: no earlier Server::state opens a"), "{message}");
    let app = testing::start(server(0)).await;
    let message = panics(app.user("jane").scopes("no:such").token()).await;
    assert_eq!(message, "the user jane: the scope no:such is not declared");
}
