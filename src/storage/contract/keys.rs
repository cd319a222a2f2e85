//! Keys that servers share, and leases.

use crate::domain::{
    KeyAlgorithm, SHARED_SECRET, ServerKeys, SigningKeys, StoredKey, StoredKeys, Timestamp,
};

const ES: KeyAlgorithm = KeyAlgorithm::Es256;

fn key(kid: &str, algorithm: KeyAlgorithm) -> StoredKey {
    StoredKey {
        kid: kid.to_owned(),
        alg: algorithm.name().to_owned(),
        public: format!("public.{kid}"),
        sealed: format!("sealed-{kid}"),
        active_from: Timestamp(0),
        retired_at: None,
    }
}

fn active(stored: &StoredKeys) -> Option<&str> {
    stored.active(ES).map(|key| key.kid.as_str())
}

/// `by_hand` runs SQL.
pub(in crate::storage) async fn servers_share_keys(
    (one, other): (&(impl ServerKeys + SigningKeys), &(impl ServerKeys + SigningKeys)),
    by_hand: impl AsyncFn(&'static str),
) {
    // The first one wins.
    assert_eq!(one.find("seal").await.unwrap(), None);
    assert_eq!(one.keep("seal", "1").await.unwrap(), "1");
    assert_eq!(other.keep("seal", "2").await.unwrap(), "1");
    other.keep("csrf", "3").await.unwrap();
    assert!(!one.replace("seal", "2", "4").await.unwrap(), "it is another one by now");
    assert!(one.replace("seal", "1", "4").await.unwrap());
    let all = [("csrf", "3"), ("seal", "4")].map(|(name, key)| (name.to_owned(), key.to_owned()));
    assert_eq!(other.all().await.unwrap(), all);

    let empty = one.read().await.unwrap();
    assert!(empty.keys.is_empty() && empty.now.0 > 1_700_000_000, "{empty:?}");

    // Servers that start together add one key.
    let first = |kid: &'static str| key(kid, ES);
    assert!(one.add(first("a"), 0, -1_000).await.unwrap());
    assert!(!other.add(first("b"), 0, -1_000).await.unwrap());
    assert!(!other.add(first("a"), 0, 1_000).await.unwrap(), "the name is taken");
    // And one next key.
    assert!(other.add(first("c"), 100, 0).await.unwrap());
    assert!(!one.add(first("d"), 100, 0).await.unwrap());
    assert!(one.add(key("e", KeyAlgorithm::EdDsa), 0, -1_000).await.unwrap(), "of its own");
    let stored = one.read().await.unwrap();
    assert_eq!(active(&stored), Some("a"));
    let next = stored.keys.iter().find(|key| key.kid == "c").unwrap();
    assert!((99..=101).contains(&(next.active_from.0 - stored.now.0)), "{stored:?}");
    assert_eq!((&*next.alg, &*next.public, &*next.sealed), ("ES256", "public.c", "sealed-c"));

    by_hand("UPDATE signing_keys SET active_from = active_from - 10 WHERE kid = 'a'").await;
    assert_eq!(one.promote(ES).await.unwrap().as_deref(), Some("c"));
    assert_eq!(one.promote(ES).await.unwrap(), None, "there is no next one");
    assert_eq!(active(&other.read().await.unwrap()), Some("c"));
    assert!(one.add(key("f", ES), 100, 0).await.unwrap());
    assert_eq!(one.promote(ES).await.unwrap().as_deref(), Some("f"));
    let stored = one.read().await.unwrap();
    let from = |kid: &str| stored.keys.iter().find(|key| key.kid == kid).unwrap().active_from;
    assert!(from("f") > from("c"), "never in the same second: {stored:?}");
    by_hand("DELETE FROM signing_keys WHERE kid = 'f'").await;
    assert!(one.retire("c", 0).await.unwrap());
    assert!(one.retire("c", 1_000).await.unwrap());
    assert!(!one.retire("x", 0).await.unwrap());
    let stored = other.read().await.unwrap();
    assert_eq!(active(&stored), Some("a"), "what is retired does not sign");
    let retired = stored.keys.iter().find(|key| key.kid == "c").unwrap().retired_at.unwrap();
    assert!(retired <= stored.now, "an end does not move on");

    // The first switch counts.
    assert!(one.leave_shared_secret(60).await.unwrap());
    by_hand("UPDATE signing_keys SET retired_at = 7 WHERE kid = 'HS256'").await;
    assert!(!other.leave_shared_secret(60).await.unwrap());
    let left = |stored: StoredKeys| {
        let mut keys = stored.keys.into_iter();
        keys.find(|key| key.kid == SHARED_SECRET).map(|key| key.retired_at)
    };
    assert_eq!(left(one.read().await.unwrap()), Some(Some(Timestamp(7))));
    by_hand("UPDATE signing_keys SET retired_at = 7 WHERE kid = 'c'").await;
    one.forget(1_000).await.unwrap();
    let stored = one.read().await.unwrap();
    assert!(stored.keys.iter().all(|key| key.kid != "c"));
    assert!(left(stored).is_some(), "a switch is not forgotten");
    assert!(one.keep_shared_secret().await.unwrap());
    assert!(!other.keep_shared_secret().await.unwrap());
    assert_eq!(left(other.read().await.unwrap()), None);

    assert!(one.lease("keys", 60).await.unwrap());
    assert!(!other.lease("keys", 60).await.unwrap());
    assert!(other.lease("cleaning", 60).await.unwrap());
    by_hand("UPDATE leases SET until = until - 61").await;
    assert!(other.lease("keys", 60).await.unwrap());
    by_hand("UPDATE leases SET until = until + 10000").await;
    assert!(one.lease("keys", 60).await.unwrap(), "the clock was set back");
}
