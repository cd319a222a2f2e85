//! A type's schema, generated once by `schemars` from its declaration; the document shows it, and
//! values are checked against it.

use crate::api_error::{ApiError, FieldProblem};
use crate::extract::certain::fits;
use crate::extract::check::{Apply, Source, Walk};
use crate::extract::compile::{DEFINITIONS, compile};
use crate::extract::node::{Field, Kind, Node, Object};
use crate::extract::publish::published;
use crate::extract::wiped::Wiped;
use crate::openapi;
use paperclip::v2::models::DefaultSchemaRaw;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::any::TypeId;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// A type's schema.
#[derive(Debug)]
pub(super) struct Declared {
    /// For the document.
    pub(super) schema: Value,
    /// Everything it refers to, by name.
    definitions: Map<String, Value>,
    pub(super) root: Node,
    pub(super) nodes: Vec<Node>,
}

/// All schemas, made by one generator so that two types with the same name get different names.
struct Schemas {
    generator: SchemaGenerator,
    known: HashMap<TypeId, Arc<Declared>>,
}

static SCHEMAS: LazyLock<Mutex<Schemas>> = LazyLock::new(|| {
    Mutex::new(Schemas { generator: settings().into_generator(), known: HashMap::new() })
});

thread_local! {
    /// A cache for each thread, so that no request waits for a lock.
    static KNOWN: RefCell<HashMap<TypeId, Arc<Declared>>> = RefCell::default();
}

fn settings() -> SchemaSettings {
    SchemaSettings::openapi3().with(|settings| settings.meta_schema = None)
}

/// The schema of a type.
pub(super) fn declared<T: JsonSchema + 'static>() -> Arc<Declared> {
    let id = TypeId::of::<T>();
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&id).cloned()) {
        return known;
    }
    let mut schemas = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    let Schemas { generator, known } = &mut *schemas;
    let declared = known.entry(id).or_insert_with(|| Arc::new(Declared::of::<T>(generator)));
    KNOWN.with_borrow_mut(|known| known.insert(id, declared.clone()));
    declared.clone()
}

impl Declared {
    fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Self {
        let mut schema = generator.subschema_for::<T>();
        let all = generator.clone().take_definitions(true);
        transform(&mut schema);
        let schema = Value::from(schema);
        let mut definitions = Map::new();
        reachable(&schema, &all, &mut definitions);
        let (root, nodes) = compile(&schema, &definitions);
        for (name, definition) in &mut definitions {
            *definition = published(definition);
            definition["title"] = json!(name);
        }
        Self { schema: published(&schema), definitions, root, nodes }
    }

    /// Adds the definitions to the document.
    pub(super) fn define(&self, map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        for (name, schema) in &self.definitions {
            map.insert(name.clone(), openapi::schema(schema));
        }
    }

    /// Adds the definitions except its own: the document shows queries and paths as parameters.
    pub(super) fn define_fields(&self, map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        let own = self.name();
        for (name, schema) in self.definitions.iter().filter(|(name, _)| own != Some(name)) {
            map.insert(name.clone(), openapi::schema(schema));
        }
    }

    /// A type that it refers to, as the document shows it.
    pub(super) fn definition(&self, name: &str) -> Option<&Value> {
        self.definitions.get(name)
    }

    /// Its name in references.
    fn name(&self) -> Option<&str> {
        self.schema["$ref"].as_str().and_then(|target| target.strip_prefix(DEFINITIONS))
    }

    /// The fields, if it is a struct.
    pub(super) fn object(&self) -> Option<&Object> {
        match &self.root.resolved(&self.nodes).kind {
            Kind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The fields; none if it is no struct.
    pub(super) fn fields(&self) -> &[Field] {
        self.object().map(|object| object.fields.as_slice()).unwrap_or_default()
    }

    /// The items, if it is a tuple.
    pub(super) fn tuple(&self) -> Option<&[Node]> {
        match &self.root.resolved(&self.nodes).kind {
            Kind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Whether a field takes a list.
    pub(super) fn is_list(&self, node: &Node) -> bool {
        matches!(node.resolved(&self.nodes).kind, Kind::List(_))
    }

    /// The schema that the document shows, without a reference at its top.
    pub(super) fn shown(&self) -> &Value {
        self.name().and_then(|name| self.definitions.get(name)).unwrap_or(&self.schema)
    }

    /// Reads a JSON text that certainly fits as it is; what does not is for [`read`](Self::read).
    pub(super) fn read_certain<T: DeserializeOwned>(
        &self,
        text: &[u8],
        apply: Apply<'_>,
    ) -> Option<T> {
        let text = str::from_utf8(text).ok()?;
        if !fits(&self.root, &self.nodes, apply, text) {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// Checks and reads a value from `part` of the request.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        value: Value,
        source: Source,
        part: &[&str],
        apply: Apply<'_>,
    ) -> Result<T, ApiError> {
        let mut value = Wiped(value);
        let path = part.iter().map(|step| json!(step)).collect();
        let mut walk = Walk::new(&self.nodes, source, path, apply);
        walk.check(&self.root, &mut value.0);
        let problems = walk.problems();
        if !problems.is_empty() {
            return Err(ApiError::Validation(problems));
        }
        serde_path_to_error::deserialize(value.0.take()).map_err(|error| {
            let steps = error.path().iter().filter_map(step);
            let loc = part.iter().map(|step| json!(step)).chain(steps).collect();
            let msg = format!("Value error, {}", error.inner());
            let (kind, ctx) = ("value_error", json!({"error": {}}));
            ApiError::Validation(vec![FieldProblem { kind, loc, msg, input: Value::Null, ctx }])
        })
    }
}

fn step(segment: &serde_path_to_error::Segment) -> Option<Value> {
    match segment {
        serde_path_to_error::Segment::Seq { index } => Some(json!(index)),
        serde_path_to_error::Segment::Map { key } => Some(json!(key)),
        _ => None,
    }
}

/// Applies the generator's transforms to a schema outside the definitions.
fn transform(schema: &mut Schema) {
    for transform in &mut settings().transforms {
        transform.transform(schema);
    }
}

/// Collects the definitions that `schema` refers to, directly or not.
fn reachable(schema: &Value, all: &Map<String, Value>, found: &mut Map<String, Value>) {
    match schema {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str);
            let name = target.and_then(|target| target.strip_prefix(DEFINITIONS));
            if let Some(name) = name.filter(|name| !found.contains_key(*name))
                && let Some(definition) = all.get(name)
            {
                found.insert(name.to_owned(), definition.clone());
                reachable(definition, all, found);
            }
            members.values().for_each(|member| reachable(member, all, found));
        }
        Value::Array(items) => items.iter().for_each(|item| reachable(item, all, found)),
        _ => {}
    }
}
