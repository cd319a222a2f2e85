//! The JSON bodies of user administration.

use crate::extract::Json;
use crate::routes::fields::{DeclaredScope, NewName, NewPassword, PRINTABLE, present};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A body with a user's fields: everything that the checks accept fits.
pub(super) type UserJson<T> = Json<T, { 64 * 1024 }>;

/// A body with a password.
pub(super) type PasswordJson<T> = Json<T, { 16 * 1024 }>;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "UserCreate",
    extend("x-strict" = true),
    extend("example" = json!({
        "username": "bob",
        "password": "correct horse battery",
        "email": "bob@example.com",
        "full_name": "Bob Builder",
        "scopes": ["me", "items"],
    }))
)]
pub(super) struct UserCreateBody {
    pub(super) username: NewName,
    pub(super) password: NewPassword,
    #[schemars(length(max = 254), regex(pattern = PRINTABLE), extend("x-rule" = "email"))]
    pub(super) email: Option<String>,
    #[schemars(length(max = 256), regex(pattern = PRINTABLE), extend("x-rule" = "full-name"))]
    pub(super) full_name: Option<String>,
    #[serde(default)]
    pub(super) disabled: bool,
    #[serde(default)]
    #[schemars(extend("default" = null))]
    pub(super) scopes: Vec<DeclaredScope>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "UserChange",
    extend("x-strict" = true, "example" = json!({"disabled": true}))
)]
pub(super) struct UserChangeBody {
    #[serde(default)]
    #[schemars(with = "NewName")]
    pub(super) username: Option<NewName>,
    #[serde(default, deserialize_with = "present")]
    #[schemars(length(max = 254), regex(pattern = PRINTABLE), extend("x-rule" = "email"))]
    pub(super) email: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schemars(length(max = 256), regex(pattern = PRINTABLE), extend("x-rule" = "full-name"))]
    pub(super) full_name: Option<Option<String>>,
    #[serde(default)]
    #[schemars(with = "bool")]
    pub(super) disabled: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "Password",
    extend("x-strict" = true, "example" = json!({"password": "correct horse battery"}))
)]
pub(super) struct PasswordBody {
    pub(super) password: NewPassword,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "Scopes",
    extend("x-strict" = true, "example" = json!({"scopes": ["me", "items"]}))
)]
pub(super) struct ScopesBody {
    pub(super) scopes: Vec<DeclaredScope>,
}
