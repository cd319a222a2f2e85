//! `Server::on_user_created`, in `examples/orders`: each new user gets a row in the application's own database.

use crate::example_server::Example;
use crate::people::HASH;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

pub(crate) const PASSWORD: &str = "quiet river stone";

/// What the application knows about a user, who logs in for it.
fn customer(app: &Example, name: &str) -> Value {
    let form = format!("username={name}&password={PASSWORD}&scope=me");
    let login = app.post_form("/token", &form.replace(' ', "+")).json();
    let token = login["access_token"].as_str().unwrap_or_else(|| panic!("{name}: {login}"));
    app.get_as("/customers/me", &format!("Bearer {token}")).json()
}

pub(crate) fn is_known(app: &Example, name: &str) -> bool {
    customer(app, name)["since"].is_string()
}

fn add(app: &Example, name: &str, more: &[&str]) -> std::process::Output {
    let add = ["users", "add", name, "--scope", "me", "--password-stdin"];
    app.command(&[&add[..], more].concat(), PASSWORD)
}

#[test]
fn whoever_adds_a_user_the_application_knows_it() {
    let app = Example::spawn_with("orders", &[("ORDERS__REGISTRATION__ENABLED", "true")]);
    // Those of the demo, which were created before the state was opened.
    let token = app.login("/token", "me");
    assert!(app.get_as("/customers/me", &token).json()["since"].is_string());

    // By a command, in its own process.
    let added = add(&app, "root", &["--scope", "users:write"]);
    assert!(added.status.success(), "{added:?}");
    assert!(is_known(&app, "root"));

    // By the API.
    let form = format!("username=root&password={PASSWORD}&scope=users:write").replace(' ', "+");
    let login = app.post_form("/token", &form).json();
    let bearer = format!("Bearer {}", login["access_token"].as_str().expect("a token"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({"username": "bob", "password": PASSWORD, "scopes": ["me"]}).to_string();
    assert_eq!(app.send("POST", "/users", &headers, &body).status, 201);
    assert!(is_known(&app, "bob"));
    // One that is refused is nobody.
    assert_eq!(app.send("POST", "/users", &headers, &body).status, 409);

    // By a registration.
    let body = json!({"username": "carol", "password": PASSWORD}).to_string();
    let registered = app.send("POST", "/register", &headers[1..], &body);
    assert_eq!(registered.status, 201, "{}", registered.body);
    assert!(is_known(&app, "carol"));

    // By an import, except those who are there already.
    let line = |name: &str| json!({"username": name, "hashed_password": HASH}).to_string();
    let lines = format!("{}\n{}\n", line("bob"), line("dave"));
    let imported =
        app.command(&["users", "import", "-", "--skip-existing", "--scope", "me"], &lines);
    assert_eq!(String::from_utf8_lossy(&imported.stdout), "1 added, 1 skipped\n", "{imported:?}");
    let set = app.command(&["users", "set-password", "dave", "--password-stdin"], PASSWORD);
    assert!(set.status.success(), "{set:?}");
    assert!(is_known(&app, "dave"));
}

/// The user stays, and whoever has added it hears of it.
#[test]
fn a_failure_is_told_and_undoes_nothing() {
    let app = Example::spawn_with("orders", &[("ORDERS__REGISTRATION__ENABLED", "true")]);
    let database = app.folder().join("data/shop/shop.sqlite3");
    actix_web::rt::System::new().block_on(async {
        let options = SqliteConnectOptions::new().filename(database);
        let mut shop = options.connect().await.expect("the shop's database");
        let full = "CREATE TRIGGER full BEFORE INSERT ON customers BEGIN SELECT RAISE(ABORT, 'the book is full'); END";
        sqlx::raw_sql(full).execute(&mut shop).await.expect("a trigger");
    });
    let added = add(&app, "jane", &[]);
    assert_eq!(added.status.code(), Some(1), "{added:?}");
    let text = String::from_utf8_lossy(&added.stderr);
    assert!(
        text.contains("on_user_created failed for jane: ") && text.contains("the book is full"),
        "{text}"
    );
    assert_eq!(customer(&app, "jane")["since"], Value::Null);
    let body = json!({"username": "carol", "password": PASSWORD}).to_string();
    let headers = [("content-type", "application/json")];
    assert_eq!(app.send("POST", "/register", &headers, &body).status, 201);
    app.stderr().wait_for("on_user_created failed for carol: ");
    assert_eq!(customer(&app, "carol")["since"], Value::Null);
}

/// A command opens the state first: without it, nobody is added whom the application would not know.
#[test]
fn a_command_that_cannot_open_the_state_adds_nobody() {
    let app = Example::spawn("orders");
    let folder = app.folder().join("data/shop/shop.sqlite3/no").display().to_string();
    let environment = [("ORDERS__SHOP__FOLDER", folder.as_str())];
    let add = ["users", "add", "jane", "--scope", "me", "--no-password"];
    let refused = Example::run_in("orders", app.folder(), &add, &environment);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("the state orders::store::Db cannot be opened"), "{text}");
    let listed = app.command(&["users", "list"], "");
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("jane"), "{listed:?}");
}
