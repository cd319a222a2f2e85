//! What the extractors of parameters have in common: the query, the path, headers and cookies.

use crate::api_error::ApiError;
use crate::extract::apply;
use crate::extract::check::Source;
use crate::extract::schema::{Declared, declared};
use crate::openapi::{document_error, parameter};
use crate::security::remember_part;
use actix_web::HttpRequest;
use paperclip::v2::models::DefaultOperationRaw;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Makes an extractor of a wrapper, and a dependency's need, by how it reads a request and how the document
/// shows it.
macro_rules! parameters {
    ($name:ident, $read:expr, $document:expr) => {
        $crate::extract::wrapper! { $name<T> }

        impl<T> ::actix_web::FromRequest for $name<T>
        where
            T: ::serde::de::DeserializeOwned + ::schemars::JsonSchema + 'static,
        {
            type Error = $crate::api_error::ApiError;
            type Future = ::std::future::Ready<Result<Self, Self::Error>>;

            fn from_request(
                request: &::actix_web::HttpRequest,
                _: &mut ::actix_web::dev::Payload,
            ) -> Self::Future {
                ::std::future::ready(($read)(request).map(Self))
            }
        }

        impl<T> $crate::security::Resolve for $name<T>
        where
            T: ::serde::de::DeserializeOwned + ::schemars::JsonSchema + 'static,
        {
            async fn resolve<Outer: $crate::security::ScopeList>(
                request: &::actix_web::HttpRequest,
            ) -> Result<Self, $crate::api_error::ApiError> {
                ($read)(request).map(Self)
            }

            fn document<Outer: $crate::security::ScopeList>(
                found: &mut $crate::openapi::Requirements,
            ) {
                found.add_parameters::<Self>();
            }
        }

        impl<T: ::schemars::JsonSchema + 'static> ::paperclip::actix::OperationModifier
            for $name<T>
        {
            fn update_parameter(operation: &mut ::paperclip::v2::models::DefaultOperationRaw) {
                ($document)(operation, &$crate::extract::schema::declared::<T>());
            }

            fn update_definitions(
                map: &mut ::std::collections::BTreeMap<
                    String,
                    ::paperclip::v2::models::DefaultSchemaRaw,
                >,
            ) {
                $crate::extract::schema::declared::<T>().define_fields(map);
            }
        }
    };
}

pub(super) use parameters;

/// A part of the request whose parameters have names of their own.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// `query`, `header`…
    pub(super) name: &'static str,
    /// The parameter of a field.
    pub(super) parameter: fn(&str) -> String,
}

impl Part {
    /// Reads a struct whose fields have these values.
    pub(super) fn read<T: DeserializeOwned + JsonSchema + 'static, V: Into<Value>>(
        self,
        request: &HttpRequest,
        pairs: impl FnOnce(&Declared) -> Vec<(String, V)>,
    ) -> Result<T, ApiError> {
        let declared = declared::<T>();
        let pairs = pairs(&declared);
        let is_absent = pairs.is_empty();
        let value = gathered(&declared, pairs.into_iter());
        let read = declared.read(value, Source::Texts, &[self.name], &apply(request));
        let read = read.map_err(|error| self.named(error));
        if is_absent { read } else { remember_part(request, self.name, read) }
    }

    /// Replaces the names of fields by those of parameters.
    fn named(self, error: ApiError) -> ApiError {
        let ApiError::Validation(mut problems) = error else { return error };
        for step in problems.iter_mut().filter_map(|problem| problem.loc.get_mut(1)) {
            if let Some(field) = step.as_str() {
                *step = json!((self.parameter)(field));
            }
        }
        ApiError::Validation(problems)
    }

    /// Adds the fields of a struct to an operation, as parameters.
    pub(super) fn document(self, operation: &mut DefaultOperationRaw, declared: &Declared) {
        let shown = declared.shown();
        let required = shown["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (field, schema) in shown["properties"].as_object().into_iter().flatten() {
            let mut schema = schema.clone();
            let mut object = json!({
                "in": self.name,
                "name": (self.parameter)(field),
                "required": self.name == "path" || required.iter().any(|required| required == field),
            });
            for key in ["description", "example"] {
                if let Some(text) = schema.as_object_mut().and_then(|schema| schema.remove(key)) {
                    object[key] = text;
                }
            }
            object["schema"] = schema;
            parameter(operation, &object);
        }
        document_error(operation, 422, "");
    }
}

/// The fields of a form or of parameters as an object: lists get all values, other fields the last.
pub(super) fn gathered(
    declared: &Declared,
    pairs: impl Iterator<Item = (String, impl Into<Value>)>,
) -> Value {
    let mut members = Map::new();
    for (name, value) in pairs {
        let field = declared.fields().iter().find(|field| field.name == name);
        if field.is_some_and(|field| declared.is_list(&field.node)) {
            if let Value::Array(values) = members.entry(name).or_insert_with(|| json!([])) {
                values.push(value.into());
            }
        } else {
            members.insert(name, value.into());
        }
    }
    Value::Object(members)
}
