//! Password errors, to HTTP.

use crate::api_error::{ApiError, FieldProblem, Overload};
use crate::passwords::{LONGEST, PasswordError, SHORTEST};
use serde_json::{Value, json};

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy { retry_after_seconds } => {
                Self::Busy(Overload::Logins, retry_after_seconds)
            }
            PasswordError::TooShort
            | PasswordError::TooLong
            | PasswordError::Nul
            | PasswordError::TooCommon => {
                Self::Validation(vec![password_problem(&error, "password")])
            }
            PasswordError::CostNotAllowed(_)
            | PasswordError::NoThreads(_)
            | PasswordError::Pepper(..)
            | PasswordError::NotBcrypt
            | PasswordError::Failed => Self::internal(&error),
        }
    }
}

/// Why the new password in the body's field `name` was refused; never shows the password.
#[must_use]
pub fn password_problem(error: &PasswordError, name: &str) -> FieldProblem {
    let (kind, ctx) = match error {
        PasswordError::TooShort => ("string_too_short", json!({"min_length": SHORTEST})),
        PasswordError::TooLong => ("string_too_long", json!({"max_length": LONGEST})),
        _ => ("value_error", Value::Null),
    };
    FieldProblem::new(kind, ("body", name), error.to_string()).ctx(ctx)
}
