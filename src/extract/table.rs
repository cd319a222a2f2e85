//! A type as a section of the configuration: its keys, and values checked in the same way as bodies.

use crate::api_error::{ApiError, FieldProblem};
use crate::extract::apply_alone;
use crate::extract::check::{Source, Walk};
use crate::extract::compile::DEFINITIONS;
use crate::extract::node::{Kind, Node, Object, Rest};
use crate::extract::schema::{Declared, declared};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::marker::PhantomData;
use std::sync::Arc;

/// A type of settings.
pub(crate) struct Table<T> {
    declared: Arc<Declared>,
    of: PhantomData<fn() -> T>,
}

/// One key.
#[derive(Debug, Default)]
pub(crate) struct Leaf {
    /// Below the section: `mail.host`.
    pub(crate) path: String,
    /// Its documentation.
    pub(crate) text: String,
    /// Null without one.
    pub(crate) default: Value,
    pub(crate) is_required: bool,
    pub(crate) is_secret: bool,
    pub(crate) shape: Shape,
}

/// What a key holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    One,
    List,
    /// Something with names of its own.
    Table,
}

/// What is wrong with a value.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) path: Vec<String>,
    pub(crate) is_missing: bool,
    pub(crate) why: String,
}

impl<T: DeserializeOwned + JsonSchema + 'static> Table<T> {
    pub(crate) fn new() -> Self {
        Self { declared: declared::<T>(), of: PhantomData }
    }

    /// Whether it is a struct with named fields, without which there are no keys.
    pub(crate) fn is_struct(&self) -> bool {
        self.declared.object().is_some()
    }

    /// The schema for editors, without references.
    pub(crate) fn schema(&self) -> Value {
        self.resolved(self.declared.shown(), 0)
    }

    /// Its keys, in the order of its fields.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        leaves_of(&self.schema(), "", &Value::Null, &mut leaves);
        leaves
    }

    fn resolved(&self, schema: &Value, depth: usize) -> Value {
        // A type may contain itself.
        const DEEPEST: usize = 16;
        match schema {
            Value::Object(members) => {
                let target = members.get("$ref").and_then(Value::as_str);
                let found = target
                    .and_then(|target| target.strip_prefix(DEFINITIONS))
                    .and_then(|name| self.declared.definition(name));
                let mut all = match found {
                    Some(found) if depth < DEEPEST => self.resolved(found, depth + 1),
                    _ => json!({}),
                };
                for (name, value) in members.iter().filter(|(name, _)| *name != "$ref") {
                    all[name] = self.resolved(value, depth + 1);
                }
                // What refers to one schema is that schema, with what is said beside it.
                if let Some([only]) = all["allOf"].as_array().map(Vec::as_slice) {
                    let mut only = only.clone();
                    for (name, value) in all.as_object().into_iter().flatten() {
                        if name != "allOf" {
                            only[name] = value.clone();
                        }
                    }
                    all = only;
                } else if all["allOf"].is_null()
                    && let Some(members) = all.as_object_mut()
                {
                    members.remove("allOf");
                }
                all
            }
            Value::Array(items) => items.iter().map(|item| self.resolved(item, depth)).collect(),
            other => other.clone(),
        }
    }

    /// Checks the values, and converts them to the types of their fields.
    pub(crate) fn check(&self, mut value: Value, are_texts: bool) -> (Value, Vec<Fault>) {
        let source = if are_texts { Source::Texts } else { Source::Json };
        let mut walk = Walk::new(&self.declared.nodes, source, Vec::new(), &apply_alone);
        walk.check(&self.declared.root, &mut value);
        let mut faults: Vec<_> = walk.problems().into_iter().map(Fault::from).collect();
        unknown(&self.declared.root, &self.declared.nodes, &value, &mut Vec::new(), &mut faults);
        (value, faults)
    }

    /// The settings.
    pub(crate) fn read(&self, value: Value) -> Result<T, Vec<Fault>> {
        match self.declared.read(value, Source::Json, &[], &apply_alone) {
            Ok(read) => Ok(read),
            Err(ApiError::Validation(problems)) => {
                Err(problems.into_iter().map(Fault::from).collect())
            }
            Err(other) => {
                Err(vec![Fault { path: Vec::new(), is_missing: false, why: other.to_string() }])
            }
        }
    }
}

fn leaves_of(schema: &Value, above: &str, default: &Value, leaves: &mut Vec<Leaf>) {
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        let own = field.get("default").or_else(|| default.get(name)).unwrap_or(&Value::Null);
        if field["properties"].is_object() {
            leaves_of(field, &path, own, leaves);
            continue;
        }
        let is = |kind: &str| field["type"] == kind;
        leaves.push(Leaf {
            path,
            text: field["description"].as_str().unwrap_or_default().to_owned(),
            default: own.clone(),
            is_required: is_required(name),
            is_secret: holds_secret(field),
            shape: match () {
                () if is("object") || field["items"]["type"] == "object" => Shape::Table,
                () if is("array") => Shape::List,
                () => Shape::One,
            },
        });
    }
}

fn holds_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.get("format").is_some_and(|format| format == "password")
                || members.values().any(holds_secret)
        }
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

/// Members that no field takes. Bodies may have some, a configuration may not.
fn unknown(
    node: &Node,
    all: &[Node],
    value: &Value,
    path: &mut Vec<String>,
    faults: &mut Vec<Fault>,
) {
    match (&node.resolved(all).kind, value) {
        (Kind::List(list), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                below(at.to_string(), (&list.item, all), item, path, faults);
            }
        }
        (Kind::Object(Object { fields, rest, .. }), Value::Object(members)) => {
            for (name, value) in members {
                match (fields.iter().find(|field| field.name == *name), rest) {
                    (Some(field), _) => {
                        below(name.clone(), (&field.node, all), value, path, faults);
                    }
                    (None, Rest::Each(node)) => {
                        below(name.clone(), (node, all), value, path, faults);
                    }
                    // The walk has told it.
                    (None, Rest::Forbidden) => {}
                    (None, Rest::Ignored) => {
                        let names: Vec<_> =
                            fields.iter().map(|field| field.name.as_str()).collect();
                        let why = format!("only the keys {}", names.join(", "));
                        let path = path.iter().chain([name]).cloned().collect();
                        faults.push(Fault { path, is_missing: false, why });
                    }
                }
            }
        }
        _ => {}
    }
}

fn below(
    step: String,
    (node, all): (&Node, &[Node]),
    value: &Value,
    path: &mut Vec<String>,
    faults: &mut Vec<Fault>,
) {
    path.push(step);
    unknown(node, all, value, path, faults);
    path.pop();
}

impl From<FieldProblem> for Fault {
    fn from(FieldProblem { kind, loc, msg, .. }: FieldProblem) -> Self {
        let step = |step: &Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
        Self {
            path: loc.iter().map(step).collect(),
            is_missing: kind == "missing",
            why: expected(&msg),
        }
    }
}

/// pydantic's sentence as what is expected: "Input should be a valid integer" is "a valid integer".
fn expected(msg: &str) -> String {
    for between in [" should be ", " should have "] {
        if let Some((_, rest)) = msg.split_once(between) {
            return rest.to_owned();
        }
    }
    match msg.split_once(" should match pattern ") {
        Some((_, pattern)) => format!("a text that matches {pattern}"),
        None => msg.strip_prefix("Value error, ").unwrap_or(msg).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Shop {
        /// Where orders are kept.
        url: String,
        /// Percent.
        #[serde(default = "tax")]
        #[schemars(range(min = 0, max = 100))]
        tax: u8,
        #[serde(default)]
        mail: Mail,
        #[serde(default)]
        branches: Vec<Branch>,
        key: Option<crate::security::Secret>,
    }

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    struct Mail {
        host: Option<String>,
        #[serde(default)]
        to: Vec<String>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Branch {
        town: String,
    }

    fn tax() -> u8 {
        19
    }

    #[test]
    fn fields_are_keys_and_tables_below_them_as_well() {
        let leaves = Table::<Shop>::new().leaves();
        let all: Vec<_> = leaves
            .iter()
            .map(|leaf| (leaf.path.as_str(), leaf.is_required, leaf.is_secret, leaf.shape))
            .collect();
        assert_eq!(
            all,
            [
                ("url", true, false, Shape::One),
                ("tax", false, false, Shape::One),
                ("mail.host", false, false, Shape::One),
                ("mail.to", false, false, Shape::List),
                ("branches", false, false, Shape::Table),
                ("key", false, true, Shape::One),
            ]
        );
        assert_eq!(
            (&leaves[0].text, &leaves[1].default),
            (&"Where orders are kept.".into(), &json!(19))
        );
    }

    #[test]
    fn values_are_checked_and_unknown_members_refused() {
        let table = Table::<Shop>::new();
        let (_, faults) = table.check(
            json!({"url": 1, "tax": 101, "mail": {"too": []}, "branches": [{"town": "a", "x": 1}]}),
            false,
        );
        let told: Vec<_> = faults.iter().map(|f| (f.path.join("."), f.why.as_str())).collect();
        assert_eq!(
            told,
            [
                ("url".to_owned(), "a valid string"),
                ("tax".to_owned(), "less than or equal to 100"),
                ("mail.too".to_owned(), "only the keys host, to"),
                ("branches.0.x".to_owned(), "only the keys town"),
            ]
        );
        let (converted, faults) = table.check(json!({"url": "a", "tax": "7"}), true);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(converted["tax"], 7);
        let shop = table.read(converted).unwrap();
        assert_eq!((shop.url.as_str(), shop.tax, shop.mail.to.len()), ("a", 7, 0));
        assert_eq!((shop.mail.host, shop.branches.len(), shop.key.is_some()), (None, 0, false));
        let missing = table.read(json!({})).unwrap_err();
        assert!(missing[0].is_missing && missing[0].path == ["url"], "{missing:?}");
    }
}
