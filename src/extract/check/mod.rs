//! Checks a value against its type's schema: collects all problems in pydantic's words, and converts
//! what pydantic converts (`"5"` to 5).

mod address;
mod compound;
mod format;
mod moment;
mod number;
mod text;
mod union;

use crate::api_error::FieldProblem;
use crate::extract::node::{Kind, Node};
use crate::extract::rule::{Broken, Rule};
use serde_json::{Value, json};

/// Further problems are not reported: the response must not grow with the request.
const MOST_PROBLEMS: usize = 100;

/// About the most bytes of input that a response echoes: nested values could appear again and again.
const MOST_SHOWN: usize = 256 * 1024;

/// Where the value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A JSON body.
    Json,
    /// Texts from a URL or a form: the input of a missing field is null.
    Texts,
}

/// Applies a rule to a text.
pub(super) type Apply<'a> = &'a dyn Fn(&Rule, &str) -> Result<(), Broken>;

/// A walk through a value, and the problems found.
pub(super) struct Walk<'a> {
    definitions: &'a [Node],
    source: Source,
    apply: Apply<'a>,
    path: Vec<Value>,
    problems: Vec<FieldProblem>,
    shown: usize,
    strict: bool,
}

impl<'a> Walk<'a> {
    /// Starts at `path`, such as `["body"]`.
    pub(super) fn new(
        definitions: &'a [Node],
        source: Source,
        path: Vec<Value>,
        apply: Apply<'a>,
    ) -> Self {
        let (problems, shown, strict) = (Vec::new(), 0, false);
        Self { definitions, source, apply, path, problems, shown, strict }
    }

    pub(super) fn problems(self) -> Vec<FieldProblem> {
        self.problems
    }

    /// Checks a value and converts it in place.
    pub(super) fn check(&mut self, node: &'a Node, value: &mut Value) {
        if self.problems.len() >= MOST_PROBLEMS || (value.is_null() && node.nullable) {
            return;
        }
        match &node.kind {
            Kind::Any => {}
            Kind::Null if value.is_null() => {}
            Kind::Null => self.note(node, value, "none_required", "Input should be None"),
            Kind::Flag => self.flag(node, value),
            Kind::Whole(bounds) => self.whole(node, bounds, value),
            Kind::Real(bounds) => self.real(node, bounds, value),
            Kind::Decimal(bounds, pattern) => self.decimal(node, bounds, pattern.as_ref(), value),
            Kind::Text(text) => self.text(node, text, value),
            Kind::File if value.is_object() => {}
            Kind::File => {
                let msg = "Value error, Expected UploadFile, received: <class 'str'>";
                self.note_with(node, value, "value_error", msg, json!({"error": {}}));
            }
            Kind::Choice(values, _) if values.contains(value) => {}
            Kind::Choice(_, expected) => {
                let ctx = json!({"expected": expected});
                self.note_with(node, value, "enum", format!("Input should be {expected}"), ctx);
            }
            Kind::List(list) => self.list(node, list, value),
            Kind::Tuple(items) => self.tuple(node, items, value),
            Kind::Object(object) => self.object(node, object, value),
            Kind::Union(branches) => self.union(branches, value),
            Kind::Tagged(tagged) => self.tagged(node, tagged, value),
            Kind::All(parts) => parts.iter().for_each(|part| self.check(part, value)),
            Kind::Named(at) => self.check(&self.definitions[*at], value),
        }
    }

    /// Checks the value at `key`.
    fn check_at(&mut self, key: impl Into<Value>, node: &'a Node, value: &mut Value) {
        self.path.push(key.into());
        self.check(node, value);
        self.path.pop();
    }

    fn note(&mut self, node: &Node, input: &Value, kind: &'static str, msg: impl Into<String>) {
        self.note_with(node, input, kind, msg, Value::Null);
    }

    fn note_with(
        &mut self,
        node: &Node,
        input: &Value,
        kind: &'static str,
        msg: impl Into<String>,
        ctx: Value,
    ) {
        let is_shown = !node.hides(self.definitions);
        let input = if is_shown { self.shown(input) } else { Value::Null };
        self.push(kind, msg, input, ctx);
    }

    fn push(&mut self, kind: &'static str, msg: impl Into<String>, input: Value, ctx: Value) {
        if self.problems.len() < MOST_PROBLEMS {
            let loc = self.path.clone();
            self.problems.push(FieldProblem { kind, loc, msg: msg.into(), input, ctx });
        }
    }

    /// The input to echo; null for a file, or once too much was echoed.
    fn shown(&mut self, input: &Value) -> Value {
        let is_file = |value: &Value| value.is_object();
        if self.source == Source::Texts
            && (is_file(input) || input.as_array().is_some_and(|all| all.iter().any(is_file)))
        {
            return Value::Null;
        }
        self.shown += weight(input);
        if self.shown > MOST_SHOWN { Value::Null } else { input.clone() }
    }
}

/// About the size of a value in a response, in bytes.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>() + 2
        }
        _ => 8,
    }
}

/// `1 item`, `2 items`.
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
