//! Compiles JSON schemas to nodes, once for each type, at the start.

use crate::extract::node::{
    Bounds, Field, Format, Kind, Length, List, Node, Object, Rest, Tagged, Text,
};
use crate::extract::rule::Rule;
use regex::Regex;
use serde_json::{Map, Value};

/// The prefix of references.
pub(super) const DEFINITIONS: &str = "#/components/schemas/";

/// The definitions to compile, in order of first reference.
#[derive(Default)]
pub(super) struct Compiler<'a> {
    source: Option<&'a Map<String, Value>>,
    names: Vec<String>,
}

/// Compiles a schema and everything it refers to.
///
/// # Panics
///
/// If the schema refers to a missing definition or rule, or has a pattern that the `regex` crate
/// rejects: a bug of the program, reported when it starts.
pub(super) fn compile(schema: &Value, definitions: &Map<String, Value>) -> (Node, Vec<Node>) {
    let mut compiler = Compiler { source: Some(definitions), names: Vec::new() };
    let root = compiler.node(schema);
    let mut nodes = Vec::new();
    while let Some(name) = compiler.names.get(nodes.len()).cloned() {
        nodes.push(compiler.definition(&name));
    }
    (root, nodes)
}

impl Compiler<'_> {
    fn definition(&mut self, name: &str) -> Node {
        let Some(schema) = self.source.and_then(|all| all.get(name)) else {
            panic!("the schema `{name}` is named and not there");
        };
        self.node(&schema.clone())
    }

    fn node(&mut self, schema: &Value) -> Node {
        let mut nullable = schema["nullable"] == true;
        let mut parts = Vec::new();
        if let Some(target) = schema["$ref"].as_str() {
            parts.push(plain(self.named(target)));
        }
        parts.extend(list(schema, "allOf").iter().map(|part| self.node(part)));
        if let Some(kind) = self.own_kind(schema) {
            parts.push(plain(kind));
        }
        for key in ["anyOf", "oneOf"] {
            let branches = list(schema, key);
            nullable |= branches.iter().any(is_null);
            let branches: Vec<_> = branches.iter().filter(|branch| !is_null(branch)).collect();
            if !branches.is_empty() {
                parts.push(self.union(&branches));
            }
        }
        let secret = schema["format"] == "password";
        match parts.pop() {
            None => Node { kind: Kind::Any, nullable: true, secret },
            Some(part) if parts.is_empty() => Node {
                kind: part.kind,
                nullable: nullable || part.nullable,
                secret: secret || part.secret,
            },
            Some(part) => {
                parts.push(part);
                Node { kind: Kind::All(parts), nullable, secret }
            }
        }
    }

    fn named(&mut self, target: &str) -> Kind {
        let name = target.strip_prefix(DEFINITIONS).unwrap_or(target);
        let known = self.names.iter().position(|known| known == name);
        Kind::Named(known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        }))
    }

    /// The kind given by the schema itself, without references and unions.
    fn own_kind(&mut self, schema: &Value) -> Option<Kind> {
        if is_null(schema) {
            return Some(Kind::Null);
        }
        if let Some(values) = choices(schema) {
            return Some(choice(values));
        }
        if let Some(types) = schema["type"].as_array() {
            return Some(self.one_of(schema, types));
        }
        Some(match schema["type"].as_str()? {
            "boolean" => Kind::Flag,
            "integer" => Kind::Whole(whole_bounds(schema)),
            "number" => Kind::Real(bounds(schema, Value::as_f64)),
            "string" if schema["format"] == "binary" => Kind::File,
            "string" => Kind::Text(text(schema)),
            "array" => self.array(schema),
            "object" => Kind::Object(self.object(schema)),
            _ => return None,
        })
    }

    /// The kind of a schema with several types.
    fn one_of(&mut self, schema: &Value, types: &[Value]) -> Kind {
        let is_number = |kind: &Value| kind == "number" || kind == "integer";
        let has_text = types.iter().any(|kind| kind == "string");
        if has_text && types.iter().all(|kind| kind == "string" || is_number(kind)) {
            return Kind::Decimal(bounds(schema, Value::as_f64), pattern(schema));
        }
        let branches = types.iter().map(|kind| {
            let mut branch = schema.clone();
            branch["type"] = kind.clone();
            (label(&branch), self.node(&branch))
        });
        Kind::Union(branches.collect())
    }

    fn array(&mut self, schema: &Value) -> Kind {
        if let Some(items) = schema["items"].as_array() {
            return Kind::Tuple(items.iter().map(|item| self.node(item)).collect());
        }
        Kind::List(List {
            item: Box::new(self.node(&schema["items"])),
            length: length(schema, "minItems", "maxItems"),
            is_set: schema["uniqueItems"] == true,
        })
    }

    fn object(&mut self, schema: &Value) -> Object {
        let required = list(schema, "required");
        let properties = schema["properties"].as_object().into_iter().flatten();
        let fields = properties.map(|(name, schema)| Field {
            name: name.clone(),
            node: self.node(schema),
            required: required.iter().any(|required| required == name),
        });
        Object {
            fields: fields.collect(),
            rest: match &schema["additionalProperties"] {
                Value::Bool(false) => Rest::Forbidden,
                Value::Object(each) => Rest::Each(Box::new(self.node(&Value::from(each.clone())))),
                _ => Rest::Ignored,
            },
            length: length(schema, "minProperties", "maxProperties"),
            strict: schema["x-strict"] == true,
        }
    }

    fn union(&mut self, branches: &[&Value]) -> Node {
        if let [only] = branches {
            return self.node(only);
        }
        if let Some(values) =
            branches.iter().map(|branch| choices(branch)).collect::<Option<Vec<_>>>()
        {
            return plain(choice(values.concat()));
        }
        if let Some(tag) = tag(branches) {
            let branches = branches.iter().map(|branch| {
                (constant(&branch["properties"][&tag]).unwrap_or_default(), self.node(branch))
            });
            return plain(Kind::Tagged(Tagged { branches: branches.collect(), tag: tag.clone() }));
        }
        let branches = branches.iter().map(|branch| (label(branch), self.node(branch)));
        plain(Kind::Union(branches.collect()))
    }
}

fn plain(kind: Kind) -> Node {
    Node { kind, nullable: false, secret: false }
}

fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null" || matches!(list(schema, "enum"), [Value::Null])
}

fn choices(schema: &Value) -> Option<Vec<Value>> {
    match &schema["const"] {
        Value::Null => schema["enum"].as_array().cloned(),
        value => Some(vec![value.clone()]),
    }
}

fn choice(values: Vec<Value>) -> Kind {
    let shown = values.iter().map(|value| match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    });
    let mut shown: Vec<_> = shown.collect();
    let expected = match shown.pop() {
        Some(last) if !shown.is_empty() => format!("{} or {last}", shown.join(", ")),
        last => last.unwrap_or_default(),
    };
    Kind::Choice(values, expected)
}

/// The only text that a property accepts.
fn constant(schema: &Value) -> Option<String> {
    match choices(schema)?.as_slice() {
        [Value::String(text)] => Some(text.clone()),
        _ => None,
    }
}

/// The property that is constant in every branch.
fn tag(branches: &[&Value]) -> Option<String> {
    let (first, others) = branches.split_first()?;
    let is_tag = |branch: &Value, name: &str| constant(&branch["properties"][name]).is_some();
    let names = first["properties"].as_object()?.keys();
    names
        .filter(|name| is_tag(first, name))
        .find(|name| others.iter().all(|o| is_tag(o, name)))
        .cloned()
}

/// How pydantic names a branch of a union.
fn label(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        return target.strip_prefix(DEFINITIONS).unwrap_or(target).to_owned();
    }
    match schema["type"].as_str() {
        Some("integer") => "int".to_owned(),
        Some("number") => "float".to_owned(),
        Some("boolean") => "bool".to_owned(),
        Some("string") => "str".to_owned(),
        Some("array") => format!("list[{}]", label(&schema["items"])),
        _ => schema["title"].as_str().unwrap_or("dict").to_owned(),
    }
}

fn length(schema: &Value, least: &str, most: &str) -> Length {
    let number = |key: &str| schema[key].as_u64().and_then(|number| usize::try_from(number).ok());
    Length { least: number(least).unwrap_or(0), most: number(most) }
}

/// Exclusive bounds are numbers or, in `OpenAPI` 3.0, flags on the inclusive bounds.
fn bounds<N>(schema: &Value, number: impl Fn(&Value) -> Option<N>) -> Bounds<N> {
    let side = |inclusive: &str, exclusive: &str| match &schema[exclusive] {
        Value::Bool(true) => (None, number(&schema[inclusive])),
        other => (number(&schema[inclusive]), number(other)),
    };
    let (ge, gt) = side("minimum", "exclusiveMinimum");
    let (le, lt) = side("maximum", "exclusiveMaximum");
    Bounds { multiple_of: number(&schema["multipleOf"]), le, lt, ge, gt }
}

/// The bounds, including those of the Rust type that the format names.
fn whole_bounds(schema: &Value) -> Bounds<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "a bound is whole")]
    let whole = |value: &Value| {
        let small = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        small.or_else(|| value.as_f64().map(|bound| bound as i128))
    };
    let mut bounds = bounds(schema, whole);
    let (least, most) = match schema["format"].as_str() {
        Some("int8") => (i128::from(i8::MIN), i128::from(i8::MAX)),
        Some("int16") => (i128::from(i16::MIN), i128::from(i16::MAX)),
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Some("uint8") => (0, i128::from(u8::MAX)),
        Some("uint16") => (0, i128::from(u16::MAX)),
        Some("uint32") => (0, i128::from(u32::MAX)),
        Some("uint64" | "uint" | "uint128") => (0, i128::from(u64::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    if bounds.gt.is_none() {
        bounds.ge = Some(bounds.ge.unwrap_or(least).max(least));
    }
    if bounds.lt.is_none() {
        bounds.le = Some(bounds.le.unwrap_or(most).min(most));
    }
    bounds
}

fn pattern(schema: &Value) -> Option<Regex> {
    schema["pattern"].as_str().map(|pattern| match Regex::new(pattern) {
        Ok(pattern) => pattern,
        Err(error) => panic!("the pattern of a schema: {error}"),
    })
}

fn text(schema: &Value) -> Text {
    let rule = schema["x-rule"].as_str().map(|name| match Rule::named(name) {
        Some(rule) => rule,
        None => panic!("the rule `{name}` is not declared: rules! {{ \"{name}\" = … }}"),
    });
    Text {
        length: length(schema, "minLength", "maxLength"),
        pattern: pattern(schema),
        format: match schema["format"].as_str() {
            Some("date-time") => Some(Format::DateTime),
            Some("date") => Some(Format::Date),
            Some("email") => Some(Format::Email),
            Some("uri") => Some(Format::Uri),
            Some("uuid") => Some(Format::Uuid),
            _ => None,
        },
        rule,
    }
}
