//! Texts: type, rule, length and pattern.

use super::{Walk, counted, format};
use crate::extract::node::{Node, Text};
use regex::Regex;
use serde_json::{Value, json};

impl<'a> Walk<'a> {
    pub(super) fn text(&mut self, node: &Node, text: &'a Text, value: &mut Value) {
        if let Some(format) = text.format
            && let Err((kind, msg, ctx)) = format::check(format, value)
        {
            return self.note_with(node, value, kind, msg, ctx);
        }
        let Value::String(content) = &*value else {
            return self.note(node, value, "string_type", "Input should be a valid string");
        };
        if let Some(rule) = text.rule
            && let Err(broken) = (self.apply)(rule, content)
        {
            return self.note_with(node, value, broken.kind, broken.msg, broken.ctx);
        }
        let count = content.chars().count();
        let (least, most) = (text.length.least, text.length.most);
        if count < least {
            let msg = format!("String should have at least {}", counted(least, "character"));
            self.note_with(node, value, "string_too_short", msg, json!({"min_length": least}));
        } else if let Some(most) = most.filter(|most| count > *most) {
            let msg = format!("String should have at most {}", counted(most, "character"));
            self.note_with(node, value, "string_too_long", msg, json!({"max_length": most}));
        } else if let Some(pattern) = text.pattern.as_ref().filter(|p| !p.is_match(content)) {
            self.mismatch(node, value, pattern);
        }
    }

    pub(super) fn mismatch(&mut self, node: &Node, value: &Value, pattern: &Regex) {
        let msg = format!("String should match pattern '{pattern}'");
        let ctx = json!({"pattern": pattern.as_str()});
        self.note_with(node, value, "string_pattern_mismatch", msg, ctx);
    }
}
