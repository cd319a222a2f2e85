//! Declared structs against what pydantic makes of the same models.

mod certain;
mod formats;

use crate::api_error::ApiError;
use crate::domain::Secret;
use crate::extract::check::Source;
use crate::extract::schema::declared;
use formats::{Day, Id, Link, Moment, Price};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, from_str, json, to_value};
use std::collections::{BTreeMap, BTreeSet};

/// Values for each model of `pydantic_errors.py`, and the errors or what became of the value.
const RECORDED: &str = include_str!("../../tests/clients/pydantic_errors.json");

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Color {
    Red,
    DarkBlue,
    Green,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Payment {
    Card {
        #[schemars(length(min = 4))]
        number: String,
    },
    Cash,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    #[schemars(length(min = 1, max = 5))]
    name: String,
    #[schemars(range(min = 0, max = 1000), extend("exclusiveMinimum" = true))]
    price: f64,
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 99))]
    quantity: u32,
    #[serde(default)]
    #[schemars(length(max = 2))]
    tags: Vec<Tag>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
struct Tag(#[schemars(regex(pattern = "^[a-z]+$"))] String);

fn one() -> u32 {
    1
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Order {
    #[schemars(length(min = 1))]
    items: Vec<Item>,
    color: Option<Color>,
    payment: Option<Payment>,
    note: Option<String>,
    #[serde(default)]
    gift: bool,
    #[serde(default)]
    labels: BTreeMap<String, i64>,
    #[schemars(extend("format" = "date"))]
    due: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Closed {
    a: i64,
    #[serde(default)]
    b: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-strict" = true))]
struct Strict {
    #[serde(default)]
    whole: i64,
    #[serde(default)]
    real: f64,
    #[serde(default)]
    flag: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Whole {
    x: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Real {
    x: f64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Flag {
    x: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Text {
    x: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Bounded {
    #[schemars(extend("multipleOf" = 2))]
    even: i64,
    #[schemars(extend("exclusiveMinimum" = 5))]
    over: i64,
    #[schemars(extend("exclusiveMaximum" = 0.5))]
    under: f64,
    #[schemars(range(min = 0.00001))]
    tiny: f64,
    #[schemars(extend("multipleOf" = 0.5))]
    step: f64,
    #[schemars(length(equal = 2))]
    two: String,
}

impl Default for Bounded {
    fn default() -> Self {
        Self { even: 0, over: 6, under: 0.0, tiny: 1.0, step: 0.0, two: "ab".to_owned() }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum NumberOrText {
    Number(i64),
    Text(String),
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Several {
    x: NumberOrText,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum NumberOrModel {
    Number(i64),
    Model(Text),
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Mixed {
    x: NumberOrModel,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Unique {
    #[schemars(length(min = 2, max = 3))]
    x: BTreeSet<i64>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Pair {
    x: (i64, String),
}

fn certain<T: DeserializeOwned + JsonSchema + 'static>(text: &str) -> Option<T> {
    declared::<T>().read_certain(text.as_bytes(), &|_, _| Ok(()))
}

fn read<T: DeserializeOwned + JsonSchema + 'static>(value: Value) -> Result<T, Value> {
    let read = declared::<T>().read(value, Source::Json, &[], &|_, _| Ok(()));
    read.map_err(|error| match error {
        ApiError::Validation(problems) => json!(problems),
        other => panic!("{other:?}"),
    })
}

/// What became of a value, or the errors without `ctx` where it is null, as it is sent.
fn outcome<T>(value: Value) -> Result<Value, Value>
where
    T: DeserializeOwned + Serialize + JsonSchema + 'static,
{
    let certain = certain::<T>(&value.to_string()).map(|made| to_value(made).unwrap());
    let made = read::<T>(value).map(|made| to_value(made).unwrap());
    // Read at once is only what is read otherwise, too, and alike.
    assert!(certain.is_none() || certain.as_ref() == made.as_ref().ok(), "{certain:?}: {made:?}");
    made
}

fn outcome_of(model: &str, value: Value) -> Result<Value, Value> {
    match model {
        "Bounded" => outcome::<Bounded>(value),
        "Closed" => outcome::<Closed>(value),
        "Day" => outcome::<Day>(value),
        "Flag" => outcome::<Flag>(value),
        "Id" => outcome::<Id>(value),
        "Link" => outcome::<Link>(value),
        "Mixed" => outcome::<Mixed>(value),
        "Moment" => outcome::<Moment>(value),
        "Order" => outcome::<Order>(value),
        "Pair" => outcome::<Pair>(value),
        "Price" => outcome::<Price>(value),
        "Real" => outcome::<Real>(value),
        "Several" => outcome::<Several>(value),
        "Strict" => outcome::<Strict>(value),
        "Text" => outcome::<Text>(value),
        "Unique" => outcome::<Unique>(value),
        "Whole" => outcome::<Whole>(value),
        other => panic!("{other}"),
    }
}

/// Numbers of Rust and of Python are equal if they are the same number.
fn as_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(as_numbers).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), as_numbers(value))).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn errors_are_those_of_pydantic() {
    let cases: Vec<Value> = from_str(RECORDED).unwrap();
    assert!(cases.len() > 190, "{}", cases.len());
    let mut faults = Vec::new();
    for case in cases {
        let (model, value) = (case["model"].as_str().unwrap(), &case["value"]);
        let (found, expected) = match outcome_of(model, value.clone()) {
            Err(problems) => (problems, &case["errors"]),
            // How pydantic writes one is its own: that it is taken is what counts.
            Ok(_) if matches!(model, "Day" | "Id" | "Link" | "Moment" | "Price") => {
                (Value::Null, &case["errors"])
            }
            Ok(made) => (made, &case["made"]),
        };
        if as_numbers(&found) != as_numbers(expected) {
            faults.push(format!("{model} {value}\n  here:     {found}\n  pydantic: {expected}"));
        }
    }
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Login {
    #[expect(dead_code, reason = "read only")]
    name: String,
    #[schemars(with = "String", length(min = 8), extend("format" = "password"))]
    #[expect(dead_code, reason = "read only")]
    password: Secret,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Logins {
    #[expect(dead_code, reason = "read only")]
    several: Vec<Login>,
    #[expect(dead_code, reason = "read only")]
    count: u8,
}

#[test]
fn a_secret_is_never_shown() {
    for value in [
        json!({"several": [{"name": 1, "password": "hunter2"}]}),
        json!({"several": [{"password": "hunter2"}], "count": 1}),
        json!({"several": [{"name": "a", "password": ["hunter2"]}]}),
        json!({"several": ["hunter2"], "count": 1}),
        json!({"several": "hunter2", "count": 1}),
    ] {
        let problems = read::<Logins>(value.clone()).unwrap_err();
        assert!(!problems.to_string().contains("hunter2"), "{value}: {problems}");
    }
}

/// First and last day, in this order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Days")]
struct Span {
    days: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Days {
    first: u32,
    last: u32,
}

impl TryFrom<Days> for Span {
    type Error = &'static str;

    fn try_from(Days { first, last }: Days) -> Result<Self, &'static str> {
        last.checked_sub(first).map(|days| Self { days }).ok_or("the last day is before the first")
    }
}

#[test]
fn a_rule_about_several_fields_is_asked_once_all_are_right() {
    assert_eq!(read::<Span>(json!({"first": "3", "last": 5})).unwrap().days, 2);
    let problems = read::<Vec<Span>>(json!([{"first": 3, "last": 5}, {"first": 3, "last": 1}]));
    assert_eq!(
        problems.unwrap_err(),
        json!([{"type": "value_error", "loc": [1], "input": null, "ctx": {"error": {}},
                "msg": "Value error, the last day is before the first"}]),
    );
    let problems = read::<Span>(json!({"first": -1, "last": "x"})).unwrap_err();
    assert_eq!(problems.as_array().map(Vec::len), Some(2), "{problems}");
}

/// A formula.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Formula {
    Number(i64),
    Sum(Vec<Formula>),
    Product { factors: Vec<Formula> },
}

/// Trying each branch again at each level would take longer than anybody waits.
#[test]
fn nested_unions_are_checked_in_passing() {
    let nested = |innermost: Value| {
        (0..60).fold(innermost, |inner, level| match level % 2 {
            0 => json!([1, inner]),
            _ => json!({"factors": [inner, 2]}),
        })
    };
    let value = nested(json!(3));
    assert_eq!(to_value(read::<Formula>(value.clone()).unwrap()).unwrap(), value);
    let problems = read::<Formula>(nested(json!("x"))).unwrap_err();
    assert!(problems.as_array().is_some_and(|list| (1..=100).contains(&list.len())));
}

#[test]
fn the_document_has_only_words_that_it_knows() {
    let schema = |shown: &Value, name: &str| shown["properties"][name].clone();
    let order = declared::<Order>().shown().clone();
    assert_eq!(order["required"], json!(["items"]));
    assert_eq!(schema(&order, "items")["minItems"], 1);
    assert_eq!(schema(&order, "note"), json!({"type": "string", "nullable": true}));
    let color = json!({"allOf": [{"$ref": "#/components/schemas/Color"}], "nullable": true});
    assert_eq!(schema(&order, "color"), color);
    let bounded = declared::<Bounded>().shown().clone();
    let over = json!([5, true]);
    let found = schema(&bounded, "over");
    assert_eq!(json!([found["minimum"], found["exclusiveMinimum"]]), over);
    assert!(!declared::<Strict>().shown().to_string().contains("x-"));
    let pair = schema(declared::<Pair>().shown(), "x");
    assert_eq!(pair["items"]["anyOf"].as_array().map(Vec::len), Some(2));
    assert_eq!(schema(declared::<Mixed>().shown(), "x")["anyOf"][0]["type"], "integer");
}

#[derive(JsonSchema)]
struct Ruled {
    #[schemars(extend("x-rule" = "nobody declares it"))]
    #[expect(dead_code, reason = "declared only")]
    x: String,
}

#[test]
#[should_panic(expected = "the rule `nobody declares it` is not declared")]
fn a_rule_that_is_not_there_stops_the_start() {
    declared::<Ruled>();
}

proptest! {
    /// What is read is what was sent, and what is refused says where.
    #[test]
    fn any_value_is_read_or_refused(text in "[\\[\\]{}:,\"a-z0-9 ]{0,40}", number: f64, deep in 0..100_usize) {
        let parsed = from_str::<Value>(&text).unwrap_or(json!(text));
        let inner = json!({"items": [parsed, {"name": text, "price": number, "quantity": number}]});
        let value = (0..deep).fold(inner, |inner, _| json!({"items": [inner]}));
        let _ = outcome::<Order>(value.clone());
        for problem in read::<Order>(value).err().iter().flat_map(|all| all.as_array().unwrap()) {
            prop_assert!(!problem["msg"].as_str().unwrap().is_empty());
            prop_assert!(problem["loc"].is_array());
        }
    }
}
