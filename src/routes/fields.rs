//! Fields shared by several bodies, and rules that a schema cannot express.

use crate::api_error::{FieldProblem, password_problem};
use crate::domain::{
    FieldError, ScopeName, Scopes, Secret, Username, check_email, check_full_name, check_new_name,
};
use crate::extract::Broken;
use crate::passwords::{LONGEST, SHORTEST};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// The pattern of a text without control characters.
pub(super) const PRINTABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

crate::rules! {
    "username" = |text, _| match text.parse::<Username>() {
        // Nobody has such a name: the extractor responds with 404.
        Ok(_) | Err(FieldError::Reserved) => Ok(()),
        Err(error) => Err(broken(&error)),
    };
    "username-or-empty" = |text, _| match text.parse::<Username>() {
        Ok(_) | Err(FieldError::Empty) => Ok(()),
        Err(error) => Err(broken(&error)),
    };
    "new-username" = |text, _| {
        let name = text.parse::<Username>();
        name.and_then(|name| check_new_name(&name)).map_err(|error| broken(&error))
    };
    "email" = |text, _| check_email(text).map_err(|error| broken(&error));
    "full-name" = |text, _| check_full_name(text).map_err(|error| broken(&error));
    "new-password" = |text, services| {
        let checked = services.passwords.check_policy(&Secret::new(text));
        checked.map_err(|error| {
            let FieldProblem { kind, msg, ctx, .. } = password_problem(&error, "password");
            Broken::new(kind, msg, ctx)
        })
    };
    "declared-scope" = |text, services| {
        let undeclared = || Broken::new("value_error", "Scope is not declared", Value::Null);
        services.scopes.contains(text).then_some(()).ok_or_else(undeclared)
    };
}

fn broken(error: &FieldError) -> Broken {
    let (kind, ctx) = match error {
        FieldError::Empty => ("string_too_short", json!({"min_length": 1})),
        FieldError::TooLong(most) => ("string_too_long", json!({"max_length": most})),
        _ => ("value_error", Value::Null),
    };
    Broken::new(kind, format!("String {error}"), ctx)
}

/// No invisible characters, no white space but single spaces within, no letters of scripts that do not
/// belong together
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("x-rule" = "new-username"))]
pub(super) struct NewName(
    #[schemars(
        with = "String",
        length(min = 1, max = Username::LONGEST),
        regex(pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"),
        extend("not" = json!({"enum": ["me", ".", ".."]}))
    )]
    pub(super) Username,
);

/// 8 characters at least, 71 bytes at most, none of the most common passwords
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("x-rule" = "new-password"))]
pub(super) struct NewPassword(
    // Not checked: the settings can turn the policy off.
    #[schemars(
        with = "String",
        extend("format" = "password", "x-hint-minLength" = SHORTEST, "x-hint-maxLength" = LONGEST)
    )]
    pub(super) Secret,
);

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("x-rule" = "declared-scope"))]
pub(super) struct DeclaredScope(#[schemars(with = "String", extend("format" = "scope"))] ScopeName);

/// The scopes as a set.
pub(super) fn set_of(scopes: Vec<DeclaredScope>) -> Scopes {
    scopes.into_iter().map(|scope| scope.0).collect()
}

/// Distinguishes null (`Some(None)`) from absent (`None`).
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
