//! What an application adds besides routes: settings of its own, state, a command, work in the
//! background, middleware.
//!
//! ```sh
//! SHOP__SHOP__TAX=7 cargo run --example shop -- --demo
//! cargo run --example shop -- note "The till was counted"
//! ```

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use bailiwick::prelude::*;
use bailiwick::security::Secret;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::process::ExitCode;

/// `[shop]`: doc comments and bounds are those of `print-config`, defaults those of serde.
#[derive(Deserialize, JsonSchema)]
struct Shop {
    /// The file that everything noteworthy is written to.
    journal: PathBuf,
    /// Percent of each price.
    #[serde(default = "tax")]
    #[schemars(range(min = 0, max = 100))]
    tax: u8,
    /// The key for the payment provider; never shown.
    payment_key: Option<Secret>,
    /// Where the goods are.
    #[serde(default)]
    warehouses: Vec<String>,
    /// `[shop.mail]`
    #[serde(default)]
    mail: Mail,
}

/// Who gets mail.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
struct Mail {
    /// The sender's address.
    sender: Option<String>,
    /// Who gets a copy.
    #[serde(default)]
    copies: Vec<String>,
}

fn tax() -> u8 {
    19
}

/// State: a file, opened once in each process.
struct Journal(File);

impl Journal {
    fn open(path: &FilePath) -> Result<Self, JournalError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.map(Self).map_err(|cause| JournalError(path.to_owned(), cause))
    }

    /// Writes a line, in one piece even if several processes write.
    fn note(&self, line: &str) -> io::Result<()> {
        (&self.0).write_all(format!("{}: {line}\n", std::process::id()).as_bytes())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the journal {}", .0.display())]
struct JournalError(PathBuf, #[source] io::Error);

/// A price.
#[derive(Serialize, JsonSchema)]
struct Price {
    /// With tax.
    total: u32,
    /// Where the goods are.
    warehouses: Vec<String>,
}

/// A price with tax
#[api_v2_operation]
async fn price(shop: State<Shop>, net: Path<u32>) -> Json<Price> {
    let total = net.into_inner() * (100 + u32::from(shop.tax)) / 100;
    Json(Price { total, warehouses: shop.warehouses.clone() })
}

/// Who answers questions
#[api_v2_operation]
async fn contact(shop: State<Shop>) -> Json<Mail> {
    Json(shop.mail.clone())
}

/// A user who is in the journal: a dependency that uses state.
struct Noted(ActiveUser);

impl Dependency for Noted {
    type Needs = ActiveUser;

    async fn build(user: ActiveUser, call: &Call<'_>) -> Result<Self, ApiError> {
        let noted = call.state::<Journal>()?.note(&format!("{} was here", user.username));
        noted.map_err(|error| ApiError::internal(&error))?;
        Ok(Self(user))
    }
}

extractor!(Noted);

/// Whether payments work, for users
#[api_v2_operation]
async fn payments(user: Noted, shop: State<Shop>) -> Json<bool> {
    log::info!("{} asks for payments", user.0.username);
    Json(shop.payment_key.as_ref().is_some_and(|key| !key.expose().is_empty()))
}

/// Writes a line into the journal
#[derive(clap::Args)]
struct Note {
    /// What happened.
    line: String,
    /// By whom; the flag of the server's own is `--server-user` here.
    #[arg(long)]
    user: Option<String>,
}

async fn note(Note { line, user }: Note, start: Start) -> io::Result<()> {
    let by = user.unwrap_or_else(|| "the command line".to_owned());
    start.state::<Journal>().note(&format!("{line} ({by})"))?;
    println!("{} noted, tax {}", line, start.settings::<Shop>().tax);
    Ok(())
}

/// Around all routes, those of the server as well.
async fn marked<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let (name, value) = (HeaderName::from_static("x-shop"), HeaderValue::from_static("open"));
    response.headers_mut().insert(name, value);
    Ok(response)
}

/// The application, for `main` and for its tests.
fn server() -> Server {
    Server::new("shop")
        .version("1.2.3")
        .about("The shop's API")
        .license("Apache-2.0")
        .tag("price", "What things cost.")
        .settings::<Shop>("shop")
        .state(async |start| Journal::open(&start.settings::<Shop>().journal))
        .command("note", note)
        .on_start(async |start| {
            start.state::<Journal>().note("opened")?;
            let keeper = start.clone();
            start.spawn(async move {
                keeper.stopping().await;
                if let Err(error) = keeper.state::<Journal>().note("closing") {
                    log::error!("the journal: {error}");
                }
            });
            Ok::<_, io::Error>(())
        })
        .on_stop(async |start| start.state::<Journal>().note("closed"))
        .wrap(|| from_fn(marked))
        .mount(|routes| {
            routes
                .route("/price/{net}", get().to(price))
                .route("/contact", get().to(contact))
                .route("/payments", get().to(payments));
        })
}

fn main() -> ExitCode {
    server().run_from_args()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::testing::{self, Application};
    use std::fs;

    async fn shop() -> Application {
        let shop = testing::prepare(server());
        let journal = shop.folder().join("journal.txt");
        shop.set("shop.journal", journal.display()).set("shop.tax", 7).start().await
    }

    #[actix_web::test]
    async fn prices_have_tax() {
        let shop = shop().await;
        let response = shop.get("/price/200").send().await;
        assert_eq!(response.text(), r#"{"total":214,"warehouses":[]}"#);
        assert_eq!(response.header("x-shop"), Some("open"));
    }

    #[actix_web::test]
    async fn users_are_noted() {
        let shop = shop().await;
        assert_eq!(shop.get("/payments").send().await.status(), 401);
        let jane = shop.user("jane").scopes("me").token().await;
        let response = shop.get("/payments").bearer(&jane).send().await;
        assert!(!response.json::<bool>(), "there is no key for payments");
        let journal = fs::read_to_string(shop.folder().join("journal.txt")).unwrap();
        assert!(journal.contains("jane was here"), "{journal}");
    }
}
