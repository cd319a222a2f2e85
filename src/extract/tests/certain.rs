//! What is read at once.

use super::{Closed, Order, Pair, Unique, certain, outcome};
use serde_json::{Value, from_str, to_value};

/// What requests are mostly like is read at once; what is doubtful is not.
#[test]
fn what_certainly_fits_is_read_at_once() {
    for text in [
        r#"{"items": [{"name": "a", "price": 1, "quantity": 2, "tags": ["x"]}], "note": null, "gift": true}"#,
        r#"{"items": [{"name": "\u00e4", "price": 0.5}], "color": "dark-blue", "labels": {"a": 1, "a": 2}}"#,
        r#" {"other": {"a": [1, null, "x"]}, "items": [{"name": "äöüßé", "price": 1e2}]} "#,
    ] {
        let found = certain::<Order>(text).unwrap_or_else(|| panic!("{text}"));
        let value: Value = from_str(text).unwrap();
        assert_eq!(to_value(found).unwrap(), outcome::<Order>(value).unwrap(), "{text}");
    }
    assert!(certain::<Pair>(r#"{"x": [1, "a"]}"#).is_some());
    assert!(certain::<Closed>(r#"{"a": -1, "b": 2}"#).is_some());
    for text in [
        "",
        "null",
        "[]",
        r#"{"items": []}"#,
        r#"{"items": [{"name": "a", "price": 1}]} x"#,
        r#"{"items": [{"name": "a", "price": 1}], "gift": "yes"}"#,
        r#"{"items": [{"name": "a", "price": "1"}]}"#,
        r#"{"items": [{"name": "a", "price": 0}]}"#,
        r#"{"items": [{"name": "abcdef", "price": 1}]}"#,
        r#"{"items": [{"name": "a", "price": 1, "quantity": 1.0}]}"#,
        r#"{"items": [{"name": "a", "price": 1, "tags": ["X"]}]}"#,
        r#"{"items": [{"name": "a", "price": 1, "tags": ["x", "y", "z"]}]}"#,
        r#"{"items": [{"name": "a", "name": "b", "price": 1}]}"#,
        r#"{"items": [{"name": "a", "price": 1}], "color": "blue"}"#,
        r#"{"items": [{"name": "a", "price": 1}], "due": "2020-01-01"}"#,
        r#"{"items": [{"name": "a", "price": 1}], "payment": {"kind": "cash"}}"#,
        r#"{"items": [{"name": "a", "price": 1}], "labels": {"a": "1"}}"#,
        r#"{"items": [{"name": "a", "price": 1}], "x": 1e999}"#,
        r#"{"items": [{"name": "a", "price": 1}], "x": "\ud800"}"#,
    ] {
        assert!(certain::<Order>(text).is_none(), "{text}");
    }
    let deep = format!(
        "{{\"items\": [{{\"name\": \"a\", \"price\": 1}}], \"x\": {}{}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    assert!(certain::<Order>(&deep).is_none());
    assert!(certain::<Closed>(r#"{"a": 1, "c": 2}"#).is_none());
    assert!(certain::<Unique>(r#"{"x": [1, 2]}"#).is_none());
    assert!(
        certain::<Pair>(r#"{"x": [1, "a", 2]}"#).is_none()
            && certain::<Pair>(r#"{"x": [1]}"#).is_none()
    );
}
