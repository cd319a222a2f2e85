//! Values that may hold a password.

use serde_json::Value;
use zeroize::Zeroize as _;

/// A value whose texts are overwritten on drop.
#[derive(Debug)]
pub(super) struct Wiped(pub(super) Value);

impl From<Wiped> for Value {
    fn from(mut wiped: Wiped) -> Self {
        wiped.0.take()
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}
