//! A user as the API shows it: to itself, and to administrators.

use crate::domain::{Day, User};
use paperclip::actix::Apiv2Schema;
use paperclip::v2::models::DefaultSchemaRaw;
use paperclip::v2::schema::Apiv2Schema as Schema;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// A user as it sees itself, without copying it.
pub(super) struct Profile(Arc<User>);

/// A user as it sees itself: FastAPI's response model `User`.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "User")]
struct Shown<'a> {
    /// The name to log in with.
    #[openapi(example = "johndoe")]
    username: &'a str,
    /// Where to write to.
    #[openapi(example = "johndoe@example.com")]
    email: Option<&'a str>,
    /// How the user is called.
    #[openapi(example = "John Doe")]
    full_name: Option<&'a str>,
    /// Whether the user is refused.
    #[openapi(example = "false")]
    disabled: bool,
}

impl Profile {
    pub(super) fn of(user: impl Into<Arc<User>>) -> Self {
        Self(user.into())
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = &self.0;
        let shown = Shown {
            username: user.username.as_str(),
            email: user.email.as_deref(),
            full_name: user.full_name.as_deref(),
            disabled: user.disabled,
        };
        shown.serialize(serializer)
    }
}

impl Schema for Profile {
    fn name() -> Option<String> {
        Shown::name()
    }

    fn description() -> &'static str {
        Shown::description()
    }

    fn raw_schema() -> DefaultSchemaRaw {
        Shown::raw_schema()
    }
}

/// A user as administrators see it.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "UserRecord")]
pub(super) struct UserRecord {
    /// The name to log in with.
    #[openapi(example = "johndoe")]
    username: String,
    /// Where to write to.
    #[openapi(example = "johndoe@example.com")]
    email: Option<String>,
    /// How the user is called.
    #[openapi(example = "John Doe")]
    full_name: Option<String>,
    /// Whether the user is refused.
    #[openapi(example = "false")]
    disabled: bool,
    /// The scopes that the user may ask for in a token.
    #[openapi(example = "[\"me\", \"items\"]")]
    scopes: Vec<String>,
    /// The day of the user's last login, by UTC; null if there was none.
    #[openapi(example = "2026-01-31")]
    last_login: Option<String>,
    /// When the user was created (RFC 3339).
    #[openapi(example = "2026-01-31T08:00:00Z")]
    created_at: String,
    /// When the user was last changed (RFC 3339).
    #[openapi(example = "2026-01-31T08:00:00Z")]
    updated_at: String,
}

impl UserRecord {
    pub(super) fn of(user: &User, last_login: Option<Day>) -> Self {
        Self {
            last_login: last_login.map(|day| day.to_string()),
            username: user.username.to_string(),
            email: user.email.clone().map(String::from),
            full_name: user.full_name.clone().map(String::from),
            disabled: user.disabled,
            scopes: user.scopes.iter().map(str::to_owned).collect(),
            created_at: user.created_at.to_string(),
            updated_at: user.updated_at.to_string(),
        }
    }
}

/// A page of users in the order of their names.
#[derive(Serialize, Apiv2Schema)]
pub(super) struct UserPage {
    /// The users.
    pub(super) users: Vec<UserRecord>,
    /// The value of `after` for the next page; null on the last one.
    #[openapi(example = "johndoe")]
    pub(super) next: Option<String>,
}
