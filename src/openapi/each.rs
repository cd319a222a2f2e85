//! What a service around another one adds to its operations.

use paperclip::actix::Mountable;
use paperclip::v2::models::{DefaultOperationRaw, DefaultPathItemRaw};
use std::collections::BTreeMap;

/// Adds the operations of `service` to the document, each of them changed.
pub(crate) fn add_each(
    service: &mut impl Mountable,
    map: &mut BTreeMap<String, DefaultPathItemRaw>,
    change: impl Fn(&mut DefaultOperationRaw),
) {
    let mut inside = BTreeMap::new();
    service.update_operations(&mut inside);
    for (path, mut item) in inside {
        for operation in item.methods.values_mut() {
            change(operation);
            operation.set_parameter_names_from_path_template(&path);
        }
        map.entry(path).or_default().methods.extend(item.methods);
    }
}
