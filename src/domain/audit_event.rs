//! Events of the audit log that a database keeps.

use crate::domain::audit::AuditEntry;
use crate::domain::repository::RepositoryError;
use crate::domain::user::Username;
use async_trait::async_trait;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Most characters of a value.
const LONGEST: usize = 4096;

/// The place of an event among all: its time, then which process told of it. A process gives no
/// two events the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditKey {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// A random number of the process, below 2^53.
    pub process: i64,
}

impl AuditKey {
    /// The last place before this time, in microseconds.
    #[must_use]
    pub const fn before(at: i64) -> Self {
        Self { at: at.saturating_sub(1), process: i64::MAX }
    }

    /// The time, as RFC 3339 has it (`2026-01-31T08:00:00.000001Z`).
    #[must_use]
    pub fn time(self) -> String {
        let time = jiff::Timestamp::from_microsecond(self.at);
        time.map_or_else(|_| self.at.to_string(), |time| format!("{time:.6}"))
    }
}

/// An event as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When, and by which process.
    pub key: AuditKey,
    /// What the log tells of it.
    pub fields: AuditFields,
}

/// The fields of an event in their order; JSON has them as an object of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFields(Vec<(String, String)>);

impl AuditFields {
    /// The fields of an entry, and the id of the request that caused it. No database refuses them:
    /// PostgreSQL has no text with U+0000.
    #[must_use]
    pub(crate) fn of(entry: &AuditEntry, request_id: Option<&str>) -> Self {
        let request_id = request_id.map(|id| ("request_id", id));
        let fields = entry.fields().chain(request_id);
        Self(fields.map(|(name, value)| (name.to_owned(), kept(value))).collect())
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Each field with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let pair = size_of::<(String, String)>();
        self.iter().map(|(name, value)| pair + name.len() + value.len()).sum()
    }
}

fn kept(value: &str) -> String {
    let value = match value.char_indices().nth(LONGEST) {
        None => value.to_owned(),
        Some((end, _)) => format!("{}…", &value[..end]),
    };
    if value.contains('\0') { value.replace('\0', "\u{fffd}") } else { value }
}

impl Serialize for AuditFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for AuditFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = AuditFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AuditFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(AuditFields(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A page of events, oldest first.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// The key of the last event before.
    pub after: AuditKey,
    /// Only those by this user or about it.
    pub user: Option<Username>,
    /// How many at most.
    pub limit: u32,
}

/// A store of events.
#[async_trait]
pub trait AuditEvents: Send + Sync {
    /// Keeps these events; those that it has already stay as they are, so that a step whose outcome is
    /// not known can be repeated.
    async fn keep(&self, events: &[AuditEvent]) -> Result<(), RepositoryError>;

    /// A page of events.
    async fn page(&self, query: &AuditQuery) -> Result<Vec<AuditEvent>, RepositoryError>;

    /// Deletes a bounded number of events from before this time, in microseconds, unless another
    /// process does that now. Returns whether more are left to delete.
    async fn forget(&self, before: i64) -> Result<bool, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AuditAction;

    #[test]
    fn fields_keep_their_order_in_json() {
        let entry =
            AuditEntry::of(AuditAction::Login).who("a\0b\n").detail("method", "x".repeat(5000));
        let fields = AuditFields::of(&entry, Some("the-request"));
        let text = serde_json::to_string(&fields).unwrap();
        let cut = format!("{}…", "x".repeat(4096));
        assert_eq!(
            text,
            format!(
                "{{\"what\":\"login\",\"outcome\":\"accepted\",\"via\":\"server\",\
                 \"who\":\"a\u{fffd}b\\n\",\"method\":\"{cut}\",\"request_id\":\"the-request\"}}"
            )
        );
        assert_eq!(serde_json::from_str::<AuditFields>(&text).unwrap(), fields);
        assert_eq!(fields.get("method"), Some(&*cut));
        assert!(serde_json::from_str::<AuditFields>("[]").is_err());
        assert!(fields.size() > text.len());
    }

    #[test]
    fn a_key_prints_its_time() {
        let key = AuditKey { at: 1_769_846_400_000_001, process: 7 };
        assert_eq!(key.time(), "2026-01-31T08:00:00.000001Z");
        assert!(AuditKey::before(key.at) < AuditKey { process: 0, ..key });
        assert!(AuditKey::before(key.at) > AuditKey { at: key.at - 1, process: 7 });
    }
}
