//! Texts that are something, and decimal numbers.

use super::read;
use crate::extract::schema::declared;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Moment {
    #[schemars(extend("format" = "date-time"))]
    x: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Day {
    #[schemars(extend("format" = "date"))]
    x: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Link {
    #[schemars(url)]
    x: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Id {
    #[schemars(extend("format" = "uuid"))]
    x: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Price {
    #[schemars(range(max = 10), extend("exclusiveMinimum" = 0, "multipleOf" = 0.5))]
    x: Decimal,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Person {
    #[schemars(email)]
    email: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Exact {
    #[schemars(regex(pattern = r"^\d+\.\d{2}$"))]
    price: Decimal,
}

#[test]
fn an_address_is_checked() {
    assert!(read::<Person>(json!({"email": "jane@example.com"})).is_ok());
    assert!(read::<Person>(json!({"email": null})).is_ok());
    let told = read::<Person>(json!({"email": "nope"})).unwrap_err();
    let why = "An email address must have an @-sign.";
    assert_eq!(told[0]["msg"], format!("value is not a valid email address: {why}"));
    assert_eq!(
        (&told[0]["type"], &told[0]["ctx"]),
        (&json!("value_error"), &json!({"reason": why}))
    );
}

#[test]
fn a_decimal_keeps_its_digits_and_its_pattern() {
    let price = read::<Exact>(json!({"price": "1.20"})).unwrap().price;
    assert_eq!(price.to_string(), "1.20");
    assert!(read::<Exact>(json!({"price": " 1.20 "})).is_ok());
    let told = read::<Exact>(json!({"price": " 1.234"})).unwrap_err();
    assert_eq!(told[0]["type"], "string_pattern_mismatch");
    assert_eq!(told[0]["input"], " 1.234", "as it was sent");
}

#[test]
fn a_decimal_is_published_as_a_number_or_a_text() {
    let declared = declared::<Price>();
    let x = &declared.definition("Price").unwrap()["properties"]["x"];
    let number = json!({
        "type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 10, "multipleOf": 0.5,
    });
    assert_eq!(x["anyOf"][0], number, "{x}");
    assert_eq!(x["anyOf"][1]["type"], "string", "{x}");
    assert!(x["anyOf"][1]["pattern"].is_string() && x["type"].is_null(), "{x}");
}
