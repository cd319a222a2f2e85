//! Named rules that a schema cannot express.

use crate::services::Services;
use serde_json::{Value, json};

/// An entry in the table of rules, added by [`rules!`](crate::rules).
#[derive(Debug)]
pub struct Rule {
    /// The name in a field's `x-rule`.
    pub name: &'static str,
    /// What it does.
    pub check: Check,
}

/// How a rule checks a text.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// By the text alone, anywhere.
    Alone(fn(&str) -> Result<(), Broken>),
    /// With the services of a server.
    Served(fn(&str, &Services) -> Result<(), Broken>),
}

inventory::collect!(Rule);

impl Rule {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        inventory::iter::<Self>.into_iter().find(|rule| rule.name == name)
    }

    pub(super) fn check(&self, text: &str, services: Option<&Services>) -> Result<(), Broken> {
        match (self.check, services) {
            (Check::Alone(check), _) => check(text),
            (Check::Served(check), Some(services)) => check(text, services),
            (Check::Served(_), None) => {
                Err(format!("the rule `{}` needs the server's services", self.name).into())
            }
        }
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
/// [`Services`](crate::Services); one that ignores them, `|text, _|`, works without a server, too
/// ([`Json::parse`](crate::Json::parse), settings). Its error appears in the 422 like a `ValueError` raised by
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
    ($name:literal = |$text:ident, _| $check:expr; $($more:tt)*) => {
        $crate::rules! { @ $name = Alone(|$text| $check); $($more)* }
    };
    ($name:literal = $check:expr; $($more:tt)*) => {
        $crate::rules! { @ $name = Served($check); $($more)* }
    };
    (@ $name:literal = $kind:ident($check:expr); $($more:tt)*) => {
        $crate::macros::inventory::submit! {
            $crate::macros::Rule { name: $name, check: $crate::macros::Check::$kind($check) }
        }
        $crate::rules! { $($more)* }
    };
    () => {};
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::Table;

    crate::rules! {
        "a b c" = |text, _| if text == "abc" { Ok(()) } else { Err("it is abc".into()) };
        "serves" = |_, services| {
            if services.settings.server.limit_request_body.get() > 0 { Ok(()) } else { Err("0".into()) }
        };
    }

    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    struct Letters {
        #[schemars(extend("x-rule" = "a b c"))]
        text: String,
    }

    #[test]
    fn a_rule_without_services_works_in_settings() {
        let table = Table::<Letters>::new();
        let (good, faults) = table.check(json!({"text": "abc"}), false);
        assert!(faults.is_empty() && table.read(good).unwrap().text == "abc", "{faults:?}");
        let (_, faults) = table.check(json!({"text": "abd"}), false);
        assert_eq!(faults[0].why, "it is abc");
    }

    #[test]
    fn a_rule_with_services_is_broken_without() {
        let rule = Rule::named("serves").unwrap();
        let why = rule.check("x", None).unwrap_err();
        assert_eq!(why, "the rule `serves` needs the server's services".into());
    }
}
