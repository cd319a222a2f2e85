//! Values that may be of several kinds.

use super::{MOST_PROBLEMS, Walk};
use crate::extract::node::{Node, Tagged};
use serde_json::{Value, json};

impl<'a> Walk<'a> {
    /// Accepts the first branch that fits without conversion, else the first that fits with one. If
    /// none does, reports the problems of each.
    pub(super) fn union(&mut self, branches: &'a [(String, Node)], value: &mut Value) {
        let (strict, before) = (self.strict, self.problems.len());
        let mut told = Vec::new();
        for exact in if strict { &[true][..] } else { &[true, false] } {
            told.clear();
            for (label, node) in branches {
                let mut attempt = value.clone();
                self.strict = *exact;
                self.check_at(label.as_str(), node, &mut attempt);
                self.strict = strict;
                let problems = self.problems.split_off(before);
                if problems.is_empty() {
                    *value = attempt;
                    return;
                }
                told.extend(problems);
            }
        }
        told.truncate(MOST_PROBLEMS - before);
        self.problems.extend(told);
    }

    pub(super) fn tagged(&mut self, node: &Node, tagged: &'a Tagged, value: &mut Value) {
        let Tagged { tag, branches } = tagged;
        if !value.is_object() {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            return self.note(node, value, "model_attributes_type", msg);
        }
        let discriminator = format!("'{tag}'");
        let Some(found) = value.get(tag) else {
            let msg = format!("Unable to extract tag using discriminator {discriminator}");
            let ctx = json!({"discriminator": discriminator});
            return self.note_with(node, value, "union_tag_not_found", msg, ctx);
        };
        if let Some((label, branch)) = branches.iter().find(|(label, _)| found == label) {
            return self.check_at(label.as_str(), branch, value);
        }
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        let tags: Vec<_> = branches.iter().map(|(label, _)| format!("'{label}'")).collect();
        let expected = tags.join(", ");
        let msg = format!(
            "Input tag '{found}' found using {discriminator} does not match any of the expected \
             tags: {expected}"
        );
        let ctx = json!({"discriminator": discriminator, "tag": found, "expected_tags": expected});
        self.note_with(node, value, "union_tag_invalid", msg, ctx);
    }
}
