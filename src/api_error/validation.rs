//! Problems with a request's fields, in the shape of FastAPI's `HTTPValidationError`.

use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;

/// One entry in the `detail` list of a 422 response.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldProblem {
    /// The kind of problem, under pydantic's name: `missing`, `string_too_short`…
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where: `["body", "username"]`.
    pub loc: Vec<Value>,
    /// What is wrong, in a sentence.
    pub msg: String,
    /// The input; null where it is missing or secret.
    pub input: Value,
    /// The numbers and patterns used in `msg`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub ctx: Value,
}

impl FieldProblem {
    /// A problem at `field` of `part` (`body`, `query`, `path`).
    #[must_use]
    pub fn new(kind: &'static str, (part, field): (&str, &str), msg: impl Into<String>) -> Self {
        let loc =
            if field.is_empty() { vec![json!(part)] } else { vec![json!(part), json!(field)] };
        Self { kind, loc, msg: msg.into(), input: Value::Null, ctx: Value::Null }
    }

    /// A required field is missing.
    #[must_use]
    pub fn missing(part: &str, field: &str) -> Self {
        Self::new("missing", (part, field), "Field required")
    }

    /// Adds the input; not for secrets.
    #[must_use]
    pub fn input(mut self, input: impl Into<Value>) -> Self {
        self.input = input.into();
        self
    }

    /// Adds the numbers and patterns.
    #[must_use]
    pub fn ctx(mut self, ctx: Value) -> Self {
        self.ctx = ctx;
        self
    }
}

/// In a line, without the input: `items.0.sku: Field required`.
impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.loc.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            match step {
                // The name of an unknown field may be anything.
                Value::String(name) => write!(f, "{}", name.escape_debug())?,
                number => write!(f, "{number}")?,
            }
        }
        if !self.loc.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.msg)?;
        // Why a text is no JSON.
        self.ctx["error"].as_str().map_or(Ok(()), |why| write!(f, " ({why})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_as_pydantic_writes_it() {
        let problem = FieldProblem::missing("body", "password");
        assert_eq!(
            serde_json::to_value(problem).unwrap(),
            json!({"type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null}),
        );
    }
}
