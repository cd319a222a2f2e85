//! An application on bailiwick: settings, a route for everybody, a route for users, tests.

use bailiwick::prelude::*;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// `[greetings]` in config.toml.
#[derive(Deserialize, JsonSchema)]
struct Greetings {
    /// The first word of each.
    #[serde(default = "hello")]
    #[schemars(length(min = 1, max = 20))]
    word: String,
}

fn hello() -> String {
    "Hello".to_owned()
}

/// A greeting.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Greeting {
    /// What is said.
    text: String,
}

/// Greets everybody
#[api_v2_operation]
async fn everybody(greetings: State<Greetings>) -> Json<Greeting> {
    Json(Greeting { text: format!("{}, world", greetings.word) })
}

/// Greets the user who asks
#[api_v2_operation]
async fn you(user: ActiveUser, greetings: State<Greetings>) -> Json<Greeting> {
    Json(Greeting { text: format!("{}, {}", greetings.word, user.username) })
}

/// The application, for `main` and for the tests.
fn server() -> Server {
    Server::new(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .settings::<Greetings>("greetings")
        .mount(|routes| {
            routes.route("/greeting", get().to(everybody)).route("/greeting/me", get().to(you));
        })
}

fn main() -> ExitCode {
    server().run_from_args()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::testing;

    #[actix_web::test]
    async fn users_are_greeted_by_name() {
        let app = testing::prepare(server()).set("greetings.word", "Welcome").start().await;
        let everybody: Greeting = app.get("/greeting").send().await.json();
        assert_eq!(everybody.text, "Welcome, world");
        assert_eq!(app.get("/greeting/me").send().await.status(), 401);
        let jane = app.user("jane").scopes("me").token().await;
        let you: Greeting = app.get("/greeting/me").bearer(&jane).send().await.json();
        assert_eq!(you.text, "Welcome, jane");
    }
}
