//! What is due with the signing keys. Nothing is flipped: the active key is the newest that has begun.

use crate::domain::{KeyAlgorithm, SHARED_SECRET, StoredKey, StoredKeys};

/// Seconds that a key signs.
const PERIOD: i64 = 90 * 24 * 3600;

/// Seconds that it is published before.
const AHEAD: i64 = 24 * 3600;

/// Seconds that a public key is kept after its end.
const KEPT: i64 = 365 * 24 * 3600;

/// Before all times.
const EVER: i64 = -(1 << 40);

/// Something to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Work {
    Make { algorithm: KeyAlgorithm, seconds: i64, unless_after: i64 },
    Promote(KeyAlgorithm),
    Retire { kid: String, seconds: i64 },
    LeaveSharedSecret,
    KeepSharedSecret,
    Forget { seconds: i64 },
}

/// What a server that signs with `algorithm` (`None`: the shared secret) and `also` with another has to do,
/// where tokens live
/// for `life` seconds and keys stay published `afterwards`.
pub(super) fn plan(
    stored: &StoredKeys,
    (algorithm, also): (Option<KeyAlgorithm>, Option<KeyAlgorithm>),
    life: i64,
    afterwards: i64,
) -> Vec<Work> {
    let now = stored.now.0;
    let mut work = Vec::new();
    let left = stored.keys.iter().any(|key| key.kid == SHARED_SECRET);
    if let Some(also) = also.filter(|also| algorithm != Some(*also)) {
        keep(stored, also, (life, afterwards), &mut work);
    }
    let Some(algorithm) = algorithm else {
        // As long as somebody signs with it.
        if left {
            work.push(Work::KeepSharedSecret);
        }
        return work;
    };
    keep(stored, algorithm, (life, afterwards), &mut work);
    let names = [Some(algorithm), also].map(|one| one.map(KeyAlgorithm::name));
    let current = stored.keys.iter().filter(|key| key.retired_at.is_none());
    let others = current.filter(|key| !names.contains(&Some(&*key.alg)));
    // A server that signs with another algorithm would have replaced its key by now.
    let unused = others.filter(|key| key.active_from.0 + PERIOD + AHEAD <= now);
    work.extend(unused.map(|key| retire(key, life + afterwards)));
    if !left {
        work.push(Work::LeaveSharedSecret);
    }
    let is_old = |key: &StoredKey| {
        key.kid != SHARED_SECRET && key.retired_at.is_some_and(|end| end.0 < now - KEPT)
    };
    if stored.keys.iter().any(is_old) {
        work.push(Work::Forget { seconds: KEPT });
    }
    work
}

/// What is to be done for one algorithm.
fn keep(
    stored: &StoredKeys,
    algorithm: KeyAlgorithm,
    (life, afterwards): (i64, i64),
    work: &mut Vec<Work>,
) {
    let now = stored.now.0;
    let current = stored.keys.iter().filter(|key| key.retired_at.is_none());
    let own: Vec<_> = current.filter(|key| key.alg == algorithm.name()).collect();
    let has_next = own.iter().any(|key| key.active_from.0 > now);
    match stored.active(algorithm) {
        None if has_next => work.push(Work::Promote(algorithm)),
        None => work.push(Work::Make { algorithm, seconds: 0, unless_after: EVER }),
        Some(active) => {
            let until = active.active_from.0 + PERIOD;
            if !has_next && until - AHEAD <= now {
                let seconds = AHEAD.max(until - now);
                work.push(Work::Make { algorithm, seconds, unless_after: 0 });
            }
            let end = active.active_from.0 + life + afterwards;
            let before = own.iter().filter(|key| key.active_from < active.active_from);
            work.extend(before.map(|key| retire(key, end - now)));
        }
    }
}

fn retire(key: &StoredKey, seconds: i64) -> Work {
    Work::Retire { kid: key.kid.clone(), seconds: seconds.max(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 24 * 3600;
    const ES: KeyAlgorithm = KeyAlgorithm::Es256;

    fn key(kid: &str, alg: &str, from: i64, end: Option<i64>) -> StoredKey {
        StoredKey {
            kid: kid.to_owned(),
            alg: alg.to_owned(),
            public: String::new(),
            sealed: String::new(),
            active_from: Timestamp(NOW + from),
            retired_at: end.map(|end| Timestamp(NOW + end)),
        }
    }

    fn due(algorithm: Option<KeyAlgorithm>, keys: Vec<StoredKey>) -> Vec<Work> {
        plan(&StoredKeys { now: Timestamp(NOW), keys }, (algorithm, None), 1800, 3600)
    }

    fn switched() -> StoredKey {
        key("HS256", "HS256", -NOW, Some(1800))
    }

    #[test]
    fn the_shared_secret_counts_while_somebody_signs_with_it() {
        assert_eq!(due(None, vec![]), []);
        assert_eq!(due(None, vec![key("a", "ES256", -100 * DAY, None)]), []);
        assert_eq!(due(None, vec![switched()]), [Work::KeepSharedSecret]);
        let first = Work::Make { algorithm: ES, seconds: 0, unless_after: EVER };
        assert_eq!(due(Some(ES), vec![]), [first, Work::LeaveSharedSecret]);
    }

    #[test]
    fn the_next_key_is_published_a_day_before_and_the_last_one_stays_for_its_tokens() {
        let es = |kid: &str, from: i64| key(kid, "ES256", from, None);
        let next = |seconds| Work::Make { algorithm: ES, seconds, unless_after: 0 };
        assert_eq!(due(Some(ES), vec![switched(), es("a", 0)]), []);
        assert_eq!(due(Some(ES), vec![switched(), es("a", -89 * DAY + 1)]), []);
        assert_eq!(due(Some(ES), vec![switched(), es("a", -89 * DAY)]), [next(DAY)]);
        assert_eq!(due(Some(ES), vec![switched(), es("a", -200 * DAY)]), [next(DAY)], "late");
        assert_eq!(due(Some(ES), vec![switched(), es("a", -89 * DAY), es("b", DAY)]), []);
        let retired = |seconds| Work::Retire { kid: "a".to_owned(), seconds };
        let both = |since: i64| vec![switched(), es("a", -90 * DAY), es("b", -since)];
        assert_eq!(due(Some(ES), both(0)), [retired(1800 + 3600)]);
        assert_eq!(due(Some(ES), both(100)), [retired(1800 + 3600 - 100)]);
        assert_eq!(due(Some(ES), both(7000)), [retired(0)]);
        let done = key("a", "ES256", -90 * DAY, Some(5400));
        assert_eq!(due(Some(ES), vec![switched(), done, es("b", 0)]), []);
    }

    #[test]
    fn a_key_for_id_tokens_is_kept_beside_the_others() {
        let due = |algorithm, keys| {
            let stored = StoredKeys { now: Timestamp(NOW), keys };
            plan(&stored, (algorithm, Some(KeyAlgorithm::Rs256)), 1800, 3600)
        };
        let first = |algorithm| Work::Make { algorithm, seconds: 0, unless_after: EVER };
        let rs = |from| key("r", "RS256", from, None);
        assert_eq!(due(None, vec![]), [first(KeyAlgorithm::Rs256)]);
        assert_eq!(due(None, vec![rs(0)]), []);
        let both = [first(KeyAlgorithm::Rs256), first(ES), Work::LeaveSharedSecret];
        assert_eq!(due(Some(ES), vec![]), both);
        let es = || vec![switched(), key("a", "ES256", 0, None)];
        assert_eq!(due(Some(ES), [es(), vec![rs(0)]].concat()), []);
        let next = Work::Make { algorithm: KeyAlgorithm::Rs256, seconds: DAY, unless_after: 0 };
        assert_eq!(due(Some(ES), [es(), vec![rs(-95 * DAY)]].concat()), [next], "never unused");
        let only = due(Some(KeyAlgorithm::Rs256), vec![switched(), rs(0)]);
        assert_eq!(only, [], "one key does both");
    }

    #[test]
    fn a_key_that_was_retired_is_replaced() {
        let gone = key("a", "ES256", -DAY, Some(0));
        let first = Work::Make { algorithm: ES, seconds: 0, unless_after: EVER };
        assert_eq!(due(Some(ES), vec![switched(), gone.clone()]), [first]);
        let next = key("b", "ES256", DAY, None);
        assert_eq!(due(Some(ES), vec![switched(), gone, next]), [Work::Promote(ES)]);
    }

    #[test]
    fn keys_of_other_algorithms_end_when_nobody_can_be_using_them() {
        let other = |from: i64| key("e", "EdDSA", from, None);
        let own = || vec![switched(), key("a", "ES256", 0, None)];
        let with = |from: i64| own().into_iter().chain([other(from)]).collect::<Vec<_>>();
        assert_eq!(due(Some(ES), with(-90 * DAY)), []);
        let end = Work::Retire { kid: "e".to_owned(), seconds: 5400 };
        assert_eq!(due(Some(ES), with(-91 * DAY)), [end]);
        let old = key("o", "ES256", -999 * DAY, Some(-366 * DAY));
        let all = own().into_iter().chain([old]).collect();
        assert_eq!(due(Some(ES), all), [Work::Forget { seconds: KEPT }]);
    }
}
