//! Lines of the audit log: fields in a text, and the same fields in JSON.

use super::AUDIT;
use super::placeholders::request_id;
use crate::domain::AuditEntry;
use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{Level, Record};
use std::fmt;

/// Writes an entry: at level info what was done, at level warning what was not.
pub fn write_audit(entry: &AuditEntry) {
    let level = if entry.is_accepted() { Level::Info } else { Level::Warn };
    if level > log::max_level() {
        return;
    }
    log::logger().log(
        &Record::builder()
            .level(level)
            .target(AUDIT)
            .module_path(Some(module_path!()))
            .file(Some(file!()))
            .line(Some(line!()))
            .key_values(&Fields(entry))
            .args(format_args!("{}", Text(entry)))
            .build(),
    );
}

/// `what=login outcome=accepted via=http who=johndoe`, as logfmt has it: quoted where that is needed.
struct Text<'a>(&'a AuditEntry);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in self.0.fields() {
            write!(f, "{separator}{name}=")?;
            separator = " ";
            write!(f, "{}", shown_value(value))?;
        }
        request_id().map_or(Ok(()), |id| write!(f, "{separator}request_id={id}"))
    }
}

/// A value as it stands in a line: quoted and escaped unless it is plain.
pub fn shown_value(value: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| if is_plain(value) { f.write_str(value) } else { write!(f, "{value:?}") })
}

fn is_plain(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@+-".contains(&byte);
    !value.is_empty() && value.bytes().all(plain)
}

/// For JSON.
struct Fields<'a>(&'a AuditEntry);

impl Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let mut fields = self.0.fields();
        fields.try_for_each(|(name, value)| visitor.visit_pair(Key::from(name), Value::from(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AuditAction, AuditReason, Origin, Sender};

    fn login(name: &str) -> AuditEntry {
        let sender = Sender {
            address: Some("192.0.2.7".into()),
            user_agent: Some("curl/8.5 (x)".into()),
            ..Origin::Unknown.into()
        };
        AuditEntry::of(AuditAction::Login).by_request(&sender).who(name)
    }

    #[test]
    fn a_line_is_made_of_fields() {
        let refused = login("johndoe").because(Some(AuditReason::WrongPassword));
        assert_eq!(
            Text(&refused.detail("method", "basic")).to_string(),
            "what=login outcome=refused reason=wrong_password via=http address=192.0.2.7 \
             who=johndoe method=basic user_agent=\"curl/8.5 (x)\"",
        );
    }

    /// Whoever reads from the left meets what the server says first, and no value ends early.
    #[test]
    fn a_name_forges_nothing() {
        let shown = |name: &str| {
            let line = Text(&login(name)).to_string();
            let (_, rest) = line.split_once(" who=").unwrap();
            rest.strip_suffix(" user_agent=\"curl/8.5 (x)\"").unwrap().to_owned()
        };
        for (name, expected) in [
            ("", r#""""#),
            ("한국", r#""한국""#),
            ("a b", r#""a b""#),
            ("a outcome=accepted", r#""a outcome=accepted""#),
            ("a\" outcome=\"accepted", r#""a\" outcome=\"accepted""#),
            ("a\nwhat=login\u{85}\u{2028}", r#""a\nwhat=login\u{85}\u{2028}""#),
            ("\u{202e}nhoj\\", r#""\u{202e}nhoj\\""#),
        ] {
            assert_eq!(shown(name), expected);
        }
        let long = shown(&"가".repeat(100_000));
        assert_eq!(long, format!("\"{}…\"", "가".repeat(256)));
    }
}
