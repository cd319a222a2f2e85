//! A type as a section of the configuration.

use crate::extract::{Fault, Leaf, Shape, Table};
use crate::settings::{OwnKey, OwnReader, OwnSection, OwnShape, Shared, Wrong};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::any::TypeId;
use std::sync::Arc;

/// The section of this name; `None` if the type is no struct with named fields.
pub(super) fn section<T>(name: &'static str) -> Option<OwnSection>
where
    T: DeserializeOwned + JsonSchema + Send + Sync + 'static,
{
    let table = Table::<T>::new();
    if !table.is_struct() {
        return None;
    }
    let key = |leaf: Leaf| OwnKey {
        name: format!("{name}.{}", leaf.path),
        text: leaf.text,
        default: leaf.default,
        is_required: leaf.is_required,
        is_secret: leaf.is_secret,
        shape: match leaf.shape {
            Shape::One => OwnShape::One,
            Shape::List => OwnShape::List,
            Shape::Table => OwnShape::Table,
        },
    };
    Some(OwnSection {
        name,
        keys: table.leaves().into_iter().map(key).collect(),
        schema: table.schema(),
        reader: Box::new(table),
    })
}

impl<T> OwnReader for Table<T>
where
    T: DeserializeOwned + JsonSchema + Send + Sync + 'static,
{
    fn check(&self, values: Value, are_texts: bool) -> (Value, Vec<Wrong>) {
        let (values, faults) = Self::check(self, values, are_texts);
        (values, faults.into_iter().map(Wrong::from).collect())
    }

    fn read(&self, values: Value) -> Result<(TypeId, Shared), Vec<Wrong>> {
        match Self::read(self, values) {
            Ok(settings) => Ok((TypeId::of::<T>(), Arc::new(settings))),
            Err(faults) => Err(faults.into_iter().map(Wrong::from).collect()),
        }
    }
}

impl From<Fault> for Wrong {
    fn from(Fault { path, is_missing, why }: Fault) -> Self {
        Self { path, is_missing, why }
    }
}
