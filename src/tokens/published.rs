//! The asymmetric keys in force, and the claims of tokens that they have verified.

use crate::domain::{KeyAlgorithm, SHARED_SECRET, StoredKeys, Timestamp};
use crate::tokens::Claims;
use crate::tokens::asymmetric::{self, PublicKey, Signer, algorithm_of};
use crate::tokens::error::TokenError;
use crate::tokens::header::Presented;
use crate::tokens::keys::Key;
use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use zeroize::Zeroizing;

/// Most tokens whose claims are kept, each in a few hundred bytes.
const KEPT: usize = 20_000;

/// Larger tokens are verified each time: their claims take as much memory as they do.
const LARGEST_KEPT: usize = 2 * 1024;

/// A public key, ready to verify.
struct Verifying {
    public: PublicKey,
    header: String,
    key: Key,
}

/// A private key, ready to sign.
struct Signing {
    kid: String,
    algorithm: KeyAlgorithm,
    header: String,
    active_from: Timestamp,
    signer: Signer,
}

/// The keys at a moment.
#[derive(Default)]
struct Keys {
    /// Those that have ended as well: they are known.
    verifying: Vec<Arc<Verifying>>,
    /// In the order in which they begin to sign.
    signing: Vec<Arc<Signing>>,
    /// The database's clock, less that of this machine, in seconds.
    ahead: i64,
}

/// The claims of a verified token.
struct Kept {
    claims: Claims,
    exp: i64,
    by: Arc<Verifying>,
}

/// The keys in force; their reader replaces them.
pub(super) struct Published {
    keys: RwLock<Arc<Keys>>,
    kept: OnceLock<Cache<[u8; 32], Arc<Kept>>>,
    /// `i64::MAX` for never.
    shared_until: AtomicI64,
}

/// A token's key.
pub(super) struct Found(Arc<Verifying>);

impl Published {
    pub(super) fn none() -> Self {
        Self {
            keys: RwLock::default(),
            kept: OnceLock::new(),
            shared_until: AtomicI64::new(i64::MAX),
        }
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the keys that are stored by now; `open` yields the private ones of `algorithms`.
    pub(super) fn replace(
        &self,
        stored: &StoredKeys,
        algorithms: &[KeyAlgorithm],
        now: Timestamp,
        open: impl Fn(&str, &str) -> Option<Zeroizing<Vec<u8>>>,
    ) {
        let before = self.keys();
        // Whole seconds: two readings may differ by one although both clocks are right, and what has
        // ended must not begin again.
        let ahead = stored.now.0.saturating_sub(now.0);
        let ahead = if before.ahead == ahead.saturating_add(1) { before.ahead } else { ahead };
        let mut keys = Keys { ahead, ..Keys::default() };
        let mut shared_until = i64::MAX;
        for row in &stored.keys {
            if row.kid == SHARED_SECRET {
                shared_until = row.retired_at.map_or(i64::MAX, |at| at.0.saturating_sub(ahead));
            }
            let Some(public) = PublicKey::of(row) else { continue };
            let same = |it: &&Arc<Verifying>| {
                it.public.kid == public.kid
                    && it.public.retired_at == public.retired_at
                    && it.public.active_from == public.active_from
            };
            let verifying = before.verifying.iter().find(same).cloned().or_else(|| {
                let key = Key::of_public(algorithm_of(public.algorithm), public.decoding()?);
                Some(Arc::new(Verifying { header: public.header(), public: public.clone(), key }))
            });
            let Some(verifying) = verifying else { continue };
            if algorithms.contains(&public.algorithm) && public.retired_at.is_none() {
                let same = |it: &&Arc<Signing>| {
                    it.kid == public.kid && it.active_from == public.active_from
                };
                let signing = before.signing.iter().find(same).cloned().or_else(|| {
                    let private = open(&row.kid, &row.sealed)?;
                    let signer = Signer::of_pkcs8(public.algorithm, &private)?;
                    let (kid, header) = (public.kid.clone(), verifying.header.clone());
                    let active_from = public.active_from;
                    let algorithm = public.algorithm;
                    Some(Arc::new(Signing { kid, algorithm, header, active_from, signer }))
                });
                keys.signing.extend(signing);
            }
            keys.verifying.push(verifying);
        }
        self.shared_until.store(shared_until, Ordering::Relaxed);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// When own tokens signed with the shared secret end to count, by this machine's clock.
    pub(super) fn shared_until(&self) -> Option<Timestamp> {
        match self.shared_until.load(Ordering::Relaxed) {
            i64::MAX => None,
            end => Some(Timestamp(end)),
        }
    }

    /// Signs with the newest key that has begun; while there is none, because it has just been retired,
    /// with the next one, which is published.
    pub(super) fn sign(
        &self,
        algorithm: KeyAlgorithm,
        now: Timestamp,
        claims: &impl serde::Serialize,
    ) -> Result<String, TokenError> {
        let key = self.active(algorithm, now).ok_or(TokenError::Signing)?;
        key.signer.sign(&key.header, claims)
    }

    /// The same for another kind of token.
    pub(super) fn sign_as(
        &self,
        kind: &'static str,
        algorithm: KeyAlgorithm,
        now: Timestamp,
        claims: &impl serde::Serialize,
    ) -> Result<String, TokenError> {
        let key = self.active(algorithm, now).ok_or(TokenError::Signing)?;
        key.signer.sign(&asymmetric::header(kind, algorithm, &key.kid), claims)
    }

    fn active(&self, algorithm: KeyAlgorithm, now: Timestamp) -> Option<Arc<Signing>> {
        let keys = self.keys();
        let now = now.0.saturating_add(keys.ahead);
        let mut its = keys.signing.iter().filter(|key| key.algorithm == algorithm);
        let active = its.clone().rfind(|key| key.active_from.0 <= now);
        active.or_else(|| its.next()).cloned()
    }

    /// Whether there is a key of this algorithm to sign with.
    pub(super) fn can_sign(&self, algorithm: KeyAlgorithm, now: Timestamp) -> bool {
        let keys = self.keys();
        let now = now.0.saturating_add(keys.ahead);
        keys.signing.iter().any(|key| key.algorithm == algorithm && key.active_from.0 <= now)
    }

    /// The key with this encoded header, as it writes it itself.
    pub(super) fn by_header(&self, header: &str) -> Option<Found> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.verifying.iter().find(|key| key.header == header).cloned().map(Found)
    }

    /// The key that a header names.
    pub(super) fn by_kid(&self, kid: &str) -> Option<Found> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.verifying.iter().find(|key| key.public.kid == kid).cloned().map(Found)
    }

    /// The claims of a token that this key has verified before, unless it has expired or the key
    /// has ended.
    pub(super) fn recall(&self, token: &[u8; 32], by: &Found, oldest: i64) -> Option<Claims> {
        let kept = self.kept.get()?.get(token)?;
        // A key that has changed is another one.
        (Arc::ptr_eq(&kept.by, &by.0) && kept.exp > oldest).then(|| kept.claims.clone())
    }

    /// Keeps the claims of a verified token.
    pub(super) fn remember(&self, token: [u8; 32], Found(by): Found, exp: i64, claims: Claims) {
        let kept = self.kept.get_or_init(|| Cache::new(KEPT));
        kept.insert(token, Arc::new(Kept { claims, exp, by }));
    }

    /// What the JWKS holds: every key whose tokens count, and those that sign next.
    pub(super) fn public(&self, now: Timestamp) -> Vec<PublicKey> {
        let now = self.database_time(now);
        let all = self.keys();
        let current = all.verifying.iter().filter(|key| !key.has_ended(now));
        current.map(|key| key.public.clone()).collect()
    }

    /// The database's clock.
    pub(super) fn database_time(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add(self.keys().ahead))
    }
}

impl Found {
    /// Whether this key made the signature of `message`, and the header does not say otherwise.
    pub(super) fn verify(
        &self,
        header: Option<&Presented>,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        if let Some(header) = header {
            header.check_access_token(algorithm_of(self.0.public.algorithm))?;
        }
        self.0.key.verify_signature(message, signature)
    }

    /// The same for an ID token.
    pub(super) fn verify_id_token(
        &self,
        header: &Presented,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        header.check(algorithm_of(self.0.public.algorithm))?;
        self.0.key.verify_signature(message, signature)
    }

    /// Whether its tokens count no more, by the database's clock.
    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.0.has_ended(now)
    }
}

impl Verifying {
    fn has_ended(&self, now: Timestamp) -> bool {
        self.public.retired_at.is_some_and(|end| end <= now)
    }
}

/// What a token is remembered by, if it is.
pub(super) fn fingerprint(token: &str) -> Option<[u8; 32]> {
    if token.len() > LARGEST_KEPT {
        return None;
    }
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{KeyAlgorithm, Scopes, StoredKey, TokenId, UserId};
    use crate::tokens::KeyPair;

    fn stored(now: i64, keys: &[(&KeyPair, i64, Option<i64>)]) -> StoredKeys {
        let key = |(pair, from, until): &(&KeyPair, i64, Option<i64>)| StoredKey {
            kid: pair.kid.clone(),
            alg: pair.algorithm.name().to_owned(),
            public: pair.public.clone(),
            sealed: String::new(),
            active_from: Timestamp(*from),
            retired_at: until.map(Timestamp),
        };
        StoredKeys { now: Timestamp(now), keys: keys.iter().map(key).collect() }
    }

    fn take(published: &Published, stored: &StoredKeys) {
        published.replace(stored, &[], stored.now, |_, _| None);
    }

    fn claims() -> Claims {
        let subject = "johndoe".parse().unwrap();
        Claims {
            client: None,
            issued_to: None,
            subject,
            scopes: Scopes::default(),
            id: Some(UserId(1)),
            epoch: 0,
            token: TokenId(1),
            family: None,
            ends_at: Timestamp(200),
            issued_at: None,
        }
    }

    #[test]
    fn a_bounded_number_of_tokens_is_remembered_for_as_long_as_they_and_their_key_live() {
        let pair = KeyPair::generate(KeyAlgorithm::EdDsa).unwrap();
        let published = Published::none();
        take(&published, &stored(100, &[(&pair, 0, None)]));
        let found = || published.by_kid(&pair.kid).unwrap();
        let name = |number: usize| fingerprint(&number.to_string()).unwrap();
        for number in 0..KEPT + KEPT / 2 {
            published.remember(name(number), found(), 200, claims());
        }
        let kept = published.kept.get().unwrap().len();
        assert!((KEPT / 2..=KEPT).contains(&kept), "{kept}");
        let newest = name(KEPT + KEPT / 2 - 1);
        assert_eq!(published.recall(&newest, &found(), 199), Some(claims()));
        assert_eq!(published.recall(&newest, &found(), 200), None, "it has expired");
        assert_eq!(fingerprint(&"x".repeat(LARGEST_KEPT + 1)), None);

        // Read again, it is the same key; with another end, another one.
        take(&published, &stored(101, &[(&pair, 0, None)]));
        assert_eq!(published.recall(&newest, &found(), 100), Some(claims()));
        take(&published, &stored(102, &[(&pair, 0, Some(150))]));
        assert_eq!(published.recall(&newest, &found(), 100), None);
        for (now, has_ended) in [(149, false), (150, true), (151, true)] {
            assert_eq!(found().has_ended(Timestamp(now)), has_ended);
            assert_eq!(published.public(Timestamp(now)).is_empty(), has_ended);
        }
    }
}
