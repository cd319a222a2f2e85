//! Takes the fields of a JSON object one by one and collects all problems.

use crate::api_error::{FieldProblem, password_problem};
use crate::domain::{FieldError, ScopeTable, Scopes, Secret};
use crate::passwords::{LONGEST, Passwords, SHORTEST};
use serde_json::{Map, Value, json};

/// Further problems are not reported: the response must not grow with the request.
const MOST_PROBLEMS: usize = 100;

/// An object's fields not taken yet, and the problems so far.
pub(super) struct Fields<'a> {
    object: Map<String, Value>,
    scopes: &'a ScopeTable,
    passwords: &'a Passwords,
    problems: Vec<FieldProblem>,
}

/// The schema of a new password.
pub(super) fn password_schema() -> Value {
    json!({
        "type": "string",
        "format": "password",
        "minLength": SHORTEST,
        "maxLength": LONGEST,
        "description": "8 characters at least, 71 bytes at most, none of the most common passwords",
    })
}

/// The schema of a list of scopes.
pub(super) fn scopes_schema() -> Value {
    json!({"type": "array", "items": {"type": "string", "format": "scope"}})
}

/// The schema of a nullable text without control characters.
pub(super) fn text_schema(most: usize) -> Value {
    json!({
        "type": "string",
        "nullable": true,
        "maxLength": most,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
    })
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        object: Map<String, Value>,
        scopes: &'a ScopeTable,
        passwords: &'a Passwords,
    ) -> Self {
        Self { object, scopes, passwords, problems: Vec::new() }
    }

    fn note(
        &mut self,
        kind: &'static str,
        name: &str,
        msg: impl Into<String>,
    ) -> &mut FieldProblem {
        self.problems.push(FieldProblem::new(kind, ("body", name), msg));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// A required text, parsed by `check`.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        check: impl Fn(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        if let Some(value) = self.object.remove(name) {
            self.text(name, value, check)
        } else {
            self.problems.push(FieldProblem::missing("body", name));
            None
        }
    }

    /// The same for a text that may be absent, but not null.
    pub(super) fn given<T>(
        &mut self,
        name: &str,
        check: impl Fn(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let value = self.object.remove(name)?;
        self.text(name, value, check)
    }

    /// A text that may be absent (`None`) or null (`Some(None)`).
    pub(super) fn optional(
        &mut self,
        name: &str,
        check: impl Fn(&str) -> Result<(), FieldError>,
    ) -> Option<Option<String>> {
        match self.object.remove(name)? {
            Value::Null => Some(None),
            value => {
                let checked = |text: &str| check(text).map(|()| text.to_owned());
                self.text(name, value, checked).map(Some)
            }
        }
    }

    fn text<T>(
        &mut self,
        name: &str,
        value: Value,
        check: impl Fn(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let Value::String(text) = value else {
            self.note("string_type", name, "Input should be a valid string").input = value;
            return None;
        };
        match check(&text) {
            Ok(checked) => Some(checked),
            Err(error) => {
                let (kind, ctx) = match error {
                    FieldError::Empty => ("string_too_short", json!({"min_length": 1})),
                    FieldError::TooLong(most) => ("string_too_long", json!({"max_length": most})),
                    _ => ("value_error", Value::Null),
                };
                let problem = self.note(kind, name, format!("String {error}"));
                problem.input = Value::String(text);
                problem.ctx = ctx;
                None
            }
        }
    }

    /// A required text that is never echoed.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        match self.object.remove(name) {
            Some(Value::String(text)) => Some(Secret::new(text)),
            Some(_) => {
                self.note("string_type", name, "Input should be a valid string");
                None
            }
            None => {
                self.problems.push(FieldProblem::missing("body", name));
                None
            }
        }
    }

    /// A required new password that satisfies the policy.
    pub(super) fn new_password(&mut self, name: &str) -> Option<Secret> {
        let password = self.secret(name)?;
        match self.passwords.check_policy(&password) {
            Ok(()) => Some(password),
            Err(error) => {
                self.problems.push(password_problem(&error, name));
                None
            }
        }
    }

    /// A boolean that may be absent.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.object.remove(name)? {
            Value::Bool(value) => Some(value),
            other => {
                self.note("bool_type", name, "Input should be a valid boolean").input = other;
                None
            }
        }
    }

    /// Whether the field is present.
    pub(super) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// A required list of declared scopes.
    pub(super) fn scopes(&mut self, name: &str) -> Option<Scopes> {
        let values = match self.object.remove(name) {
            Some(Value::Array(values)) => values,
            Some(other) => {
                self.note("list_type", name, "Input should be a valid list").input = other;
                return None;
            }
            None => {
                self.problems.push(FieldProblem::missing("body", name));
                return None;
            }
        };
        let before = self.problems.len();
        let mut names = Vec::new();
        for (at, value) in values.into_iter().enumerate() {
            if self.problems.len() > MOST_PROBLEMS {
                break;
            }
            let declared = value.as_str().filter(|text| self.scopes.contains(text));
            if let Some(scope) = declared.and_then(|text| text.parse().ok()) {
                names.push(scope);
            } else {
                let problem = self.note("value_error", name, "Scope is not declared");
                problem.loc.push(json!(at));
                problem.input = value;
            }
        }
        (self.problems.len() == before).then(|| names.into_iter().collect())
    }

    /// The result if there are no problems; unknown fields are problems.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Result<T, Vec<FieldProblem>> {
        let left = MOST_PROBLEMS.saturating_sub(self.problems.len());
        let unknown: Vec<String> = self.object.keys().take(left).cloned().collect();
        for name in unknown {
            self.note("extra_forbidden", &name, "Extra inputs are not permitted");
        }
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => Err(self.problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Username, check_email};
    use crate::settings::PasswordSettings;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;
    use std::sync::LazyLock;

    static SCOPES: LazyLock<ScopeTable> =
        LazyLock::new(|| ScopeTable::new(&BTreeMap::new()).unwrap());
    static PASSWORDS: LazyLock<Passwords> = LazyLock::new(|| {
        let threads = NonZeroUsize::new(1);
        let settings = PasswordSettings {
            bcrypt_cost: 4,
            hash_threads: threads,
            ..PasswordSettings::default()
        };
        Passwords::new(&settings).unwrap()
    });

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            Just(json!("me")),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,5}", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_is_taken_or_every_problem_names_its_field(
            known in prop::collection::btree_map(
                "username|email|password|disabled|scopes", any_json(), 0..6),
            unknown in prop::collection::btree_map("x.{0,5}", any_json(), 0..2),
        ) {
            let sent: BTreeMap<String, Value> = known.into_iter().chain(unknown).collect();
            let mut fields = Fields::new(sent.clone().into_iter().collect(), &SCOPES, &PASSWORDS);
            let username = fields.required("username", str::parse::<Username>);
            let email = fields.optional("email", check_email);
            let password = fields.secret("password");
            let disabled = fields.boolean("disabled");
            let scopes = fields.scopes("scopes");
            let read = || Some((username?, password?, scopes?));
            match fields.finish(read()) {
                Ok((username, password, scopes)) => {
                    prop_assert_eq!(&sent["username"], username.as_str());
                    prop_assert_eq!(&sent["password"], password.expose());
                    prop_assert_eq!(sent.get("email").cloned(), email.map(|it| json!(it)));
                    prop_assert_eq!(sent.get("disabled").cloned(), disabled.map(Value::from));
                    prop_assert!(scopes.iter().all(|scope| sent["scopes"].to_string().contains(scope)));
                }
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    for problem in problems {
                        prop_assert_eq!(&problem.loc[0], "body");
                        let name = problem.loc[1].as_str().unwrap();
                        prop_assert_eq!(problem.kind == "missing", !sent.contains_key(name));
                        // A password is never echoed.
                        prop_assert!(name != "password" || problem.input.is_null());
                    }
                }
            }
        }
    }
}
