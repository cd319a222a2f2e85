//! Named rules that a schema cannot express.

use crate::services::Services;
use serde_json::{Value, json};

/// An entry in the table of rules, added by [`rules!`](crate::rules).
#[derive(Debug)]
pub struct Rule {
    /// The name in a field's `x-rule`.
    pub name: &'static str,
    /// Checks a text.
    pub check: fn(&str, &Services) -> Result<(), Broken>,
}

inventory::collect!(Rule);

impl Rule {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        inventory::iter::<Self>.into_iter().find(|rule| rule.name == name)
    }
}

/// Why a text violates a rule. Created from a sentence, it is pydantic's `value_error`.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    pub(super) kind: &'static str,
    pub(super) msg: String,
    pub(super) ctx: Value,
}

impl Broken {
    /// With a kind and message of its own.
    pub(crate) fn new(kind: &'static str, msg: impl Into<String>, ctx: Value) -> Self {
        Self { kind, msg: msg.into(), ctx }
    }
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self::new("value_error", format!("Value error, {why}"), json!({"error": {}}))
    }
}

impl From<&str> for Broken {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

/// Declares named rules for texts. A field selects its rule with
/// `#[schemars(extend("x-rule" = "…"))]`; an undeclared name stops the start.
///
/// A rule gets the text, before length and pattern are checked, and the server's
/// [`Services`](crate::Services). Its error appears in the 422 like a `ValueError` raised by
/// one of pydantic's validators, together with all other errors.
///
/// ```
/// use bailiwick::prelude::*;
///
/// rules! {
///     "sku" = |text, _| match text.strip_prefix("SKU-") {
///         Some(_) => Ok(()),
///         None => Err("an article number begins with SKU-".into()),
///     };
/// }
///
/// #[derive(serde::Deserialize, JsonSchema)]
/// struct Article {
///     #[schemars(extend("x-rule" = "sku"))]
///     number: String,
/// }
/// ```
#[macro_export]
macro_rules! rules {
    ($($name:literal = $check:expr;)+) => {$(
        $crate::macros::inventory::submit! {
            $crate::macros::Rule { name: $name, check: $check }
        }
    )+};
}
