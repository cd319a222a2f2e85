//! Lists, tuples and objects.

use super::{Source, Walk, counted};
use crate::extract::node::{List, Node, Object, Rest};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Too few or too many items.
struct Miscount {
    kind: &'static str,
    msg: String,
    ctx: Value,
}

impl Miscount {
    fn too_short(what: &str, least: usize, found: usize) -> Self {
        let expected = counted(least, "item");
        Self {
            kind: "too_short",
            msg: format!("{what} should have at least {expected} after validation, not {found}"),
            ctx: json!({"field_type": what, "min_length": least, "actual_length": found}),
        }
    }

    fn too_long(what: &str, most: usize, found: Option<usize>) -> Self {
        let expected = counted(most, "item");
        let count = found.map_or_else(|| "more".to_owned(), |found| found.to_string());
        Self {
            kind: "too_long",
            msg: format!("{what} should have at most {expected} after validation, not {count}"),
            ctx: json!({"field_type": what, "max_length": most, "actual_length": found}),
        }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn list(&mut self, node: &Node, list: &'a List, value: &mut Value) {
        let (what, kind, msg) = if list.is_set {
            ("Set", "set_type", "Input should be a valid set")
        } else {
            ("List", "list_type", "Input should be a valid list")
        };
        let Value::Array(items) = value else { return self.note(node, value, kind, msg) };
        let count = items.len();
        if let Some(most) = list.length.most.filter(|most| count > *most && !list.is_set) {
            return self.miscounted(node, value, Miscount::too_long(what, most, Some(count)));
        }
        let before = self.problems.len();
        for (at, item) in items.iter_mut().enumerate() {
            self.check_at(at, &list.item, item);
        }
        if self.problems.len() > before {
            return;
        }
        let count = if list.is_set { distinct(items) } else { count };
        if count < list.length.least {
            self.miscounted(node, value, Miscount::too_short(what, list.length.least, count));
        } else if let Some(most) = list.length.most.filter(|most| count > *most) {
            self.miscounted(node, value, Miscount::too_long(what, most, None));
        }
    }

    fn miscounted(&mut self, node: &Node, value: &Value, Miscount { kind, msg, ctx }: Miscount) {
        self.note_with(node, value, kind, msg, ctx);
    }

    pub(super) fn tuple(&mut self, node: &Node, nodes: &'a [Node], value: &mut Value) {
        let Value::Array(items) = value else {
            return self.note(node, value, "tuple_type", "Input should be a valid tuple");
        };
        if items.len() > nodes.len() {
            let miscount = Miscount::too_long("Tuple", nodes.len(), Some(items.len()));
            return self.miscounted(node, value, miscount);
        }
        for (at, (item, node)) in items.iter_mut().zip(nodes).enumerate() {
            self.check_at(at, node, item);
        }
        for at in items.len()..nodes.len() {
            self.missing(node, at.into(), value);
        }
    }

    /// Reports that `key` is missing from `within`.
    fn missing(&mut self, node: &Node, key: Value, within: &Value) {
        self.path.push(key);
        if self.source == Source::Texts || self.strict {
            self.push("missing", "Field required", Value::Null, Value::Null);
        } else {
            self.note(node, within, "missing", "Field required");
        }
        self.path.pop();
    }

    pub(super) fn object(&mut self, node: &Node, object: &'a Object, value: &mut Value) {
        let outer = self.strict;
        self.strict |= object.strict;
        match value {
            Value::Object(_) => self.members(node, object, value),
            // pydantic tells dictionaries from models.
            _ if object.fields.is_empty() && matches!(object.rest, Rest::Each(_)) => {
                self.note(node, value, "dict_type", "Input should be a valid dictionary");
            }
            _ if self.strict => {
                self.push("model_attributes_type", NO_OBJECT, Value::Null, Value::Null);
            }
            _ => self.note(node, value, "model_attributes_type", NO_OBJECT),
        }
        self.strict = outer;
    }

    fn members(&mut self, node: &Node, object: &'a Object, value: &mut Value) {
        for field in &object.fields {
            match value.get_mut(&field.name) {
                Some(member) => self.check_at(field.name.as_str(), &field.node, member),
                None if field.required => self.missing(node, field.name.as_str().into(), value),
                None => {}
            }
        }
        let Value::Object(members) = value else { return };
        match &object.rest {
            Rest::Ignored => return,
            Rest::Forbidden => self.extras(node, object, members),
            Rest::Each(each) => {
                for (name, member) in members.iter_mut().filter(|(name, _)| !object.has(name)) {
                    self.check_at(name.as_str(), each, member);
                }
            }
        }
        let count = value.as_object().map_or(0, Map::len);
        if count < object.length.least {
            let miscount = Miscount::too_short("Dictionary", object.length.least, count);
            self.miscounted(node, value, miscount);
        } else if let Some(most) = object.length.most.filter(|most| count > *most) {
            self.miscounted(node, value, Miscount::too_long("Dictionary", most, Some(count)));
        }
    }

    fn extras(&mut self, node: &Node, object: &Object, members: &Map<String, Value>) {
        for (name, member) in members.iter().filter(|(name, _)| !object.has(name)) {
            self.path.push(name.as_str().into());
            // It may be a secret with a misspelt name.
            let is_shown = !self.strict && !node.hides(self.definitions);
            let input = if is_shown { self.shown(member) } else { Value::Null };
            self.push("extra_forbidden", "Extra inputs are not permitted", input, Value::Null);
            self.path.pop();
        }
    }
}

const NO_OBJECT: &str = "Input should be a valid dictionary or object to extract fields from";

impl Object {
    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }
}

fn distinct(items: &[Value]) -> usize {
    items.iter().map(Value::to_string).collect::<BTreeSet<_>>().len()
}
