//! Events of the audit log, as every database keeps them.

use crate::domain::{AuditEvent, AuditEvents, AuditFields, AuditKey, AuditQuery};
use crate::storage::contract::name;
use serde_json::{Value, json};

fn event(at: i64, process: i64, fields: Value) -> AuditEvent {
    let fields: AuditFields = serde_json::from_value(fields).unwrap();
    AuditEvent { key: AuditKey { at, process }, fields }
}

async fn all(events: &dyn AuditEvents, user: Option<&str>, limit: u32) -> Vec<AuditEvent> {
    let mut query = AuditQuery { user: user.map(name), limit, ..AuditQuery::default() };
    let mut found = Vec::new();
    loop {
        let page = events.page(&query).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else { return found };
        query.after = last.key;
        found.extend(page);
    }
}

/// `one` and `other` are on one database.
pub(in crate::storage) async fn events_are_kept_in_their_order(
    (one, other): (&dyn AuditEvents, &dyn AuditEvents),
) {
    assert_eq!(all(one, None, 2).await, []);
    one.keep(&[]).await.unwrap();
    let most = (1 << 53) - 1;
    let strange = "\u{fffd}\n\u{85}'\"\\; DROP TABLE users \u{202e}한국 $1 %s {} \u{1f980}";
    let expected = [
        event(-5, 7, json!({"what": "login", "who": "alice"})),
        event(1, 7, json!({"what": "login", "outcome": "refused", "who": strange})),
        event(1, most, json!({"what": "user_disable", "who": "root", "whom": "alice"})),
        event(2, 1, json!({"what": "password_change", "who": "alice", "whom": "alice"})),
        event(2, 7, json!({"what": "settings_reload"})),
        event(most, 7, json!({"who": "", "whom": "Alice", "detail": "x".repeat(4097)})),
    ];
    one.keep(&[expected[4].clone(), expected[0].clone(), expected[2].clone()]).await.unwrap();
    other.keep(&expected).await.unwrap();
    one.keep(&expected[1..3]).await.unwrap();
    // The first one is from before 1970, and so before every page.
    for limit in [1, 2, 3, 100] {
        assert_eq!(all(one, None, limit).await, expected[1..]);
        let of_alice = [expected[2].clone(), expected[3].clone()];
        assert_eq!(all(other, Some("alice"), limit).await, of_alice);
        assert_eq!(all(other, Some("Alice"), limit).await, [expected[5].clone()]);
        assert_eq!(all(one, Some("nobody"), limit).await, []);
    }
    let query = AuditQuery { after: AuditKey::before(2), user: None, limit: 1 };
    assert_eq!(one.page(&query).await.unwrap(), [expected[3].clone()]);
}

/// Both are on one database; both may delete at the same time.
pub(in crate::storage) async fn old_events_are_deleted_bit_by_bit(
    (one, other): (&dyn AuditEvents, &dyn AuditEvents),
) {
    let many: Vec<_> = (0..2_500).map(|at| event(at, at % 3, json!({"what": "login"}))).collect();
    one.keep(&many).await.unwrap();
    assert!(one.forget(2_400).await.unwrap(), "more are left");
    assert_eq!(all(one, None, 1_000).await.len(), 1_500, "a bounded number at a time");
    while tokio::try_join!(one.forget(2_400), other.forget(2_400)).unwrap() != (false, false) {}
    while one.forget(2_400).await.unwrap() {}
    assert_eq!(all(other, None, 1_000).await, many[2_400..]);
    assert!(!other.forget(2_400).await.unwrap());
}
