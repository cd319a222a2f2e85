//! The way out where a signing secret is lost or leaked: what it sealed is replaced. Each step can be
//! taken again, so a command that was cut off is run once more.

use crate::domain::{AuditAction, AuditEntry, SHARED_SECRET, StoredKey};
use crate::sealing::SealingKey;
use crate::services::keeper::{Keeper, KeyError, LEASE, LEASES, REFRESH, SEAL, make, place};
use std::time::{Duration, Instant};

/// How long others may be at work on the keys.
const PATIENCE: Duration = Duration::from_secs(3 * LEASE.unsigned_abs());

/// Add a key whatever others there are.
const ALWAYS: i64 = 1 << 40;

/// What was discarded, or would be.
#[derive(Debug, Default)]
pub struct Discarded {
    /// The names of server keys.
    pub server_keys: Vec<String>,
    /// The names of keys that signed tokens.
    pub signing_keys: Vec<String>,
    /// The key that signs now, if one was made.
    pub next: Option<String>,
    /// Whether the key of refresh tokens is among them.
    pub ends_logins: bool,
    /// How many logins were ended with it.
    pub logins: Option<usize>,
}

impl Discarded {
    /// Whether nothing was lost.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.server_keys.is_empty() && self.signing_keys.is_empty()
    }
}

impl Keeper {
    /// What the configured secrets cannot open, or `all`.
    pub async fn lost(&self, all: bool) -> Result<Discarded, KeyError> {
        let stored = self.server.all().await?;
        let opened = |name: &str, wrapped: &str| self.wrapping.unwrap(name, wrapped).ok();
        let seal = stored.iter().find(|(name, _)| name == SEAL);
        let seal: Option<SealingKey> = seal.and_then(|(name, wrapped)| opened(name, wrapped));
        let lost = stored.iter().filter(|(name, by)| all || opened(name, by).is_none());
        let server_keys: Vec<_> = lost.map(|(name, _)| name.clone()).collect();
        let signing = self.signing.read().await?;
        let is_open = |key: &StoredKey| {
            let seal = seal.as_ref().filter(|_| !all);
            seal.is_some_and(|seal| seal.open(&place(&key.kid), &key.sealed).is_ok())
        };
        let lost = signing.keys.iter().filter(|key| {
            let has_ended = key.retired_at.is_some_and(|end| end <= signing.now);
            key.kid != SHARED_SECRET && !has_ended && !is_open(key)
        });
        let signing_keys = lost.map(|key| key.kid.clone()).collect();
        let ends_logins = server_keys.iter().any(|name| name == REFRESH);
        Ok(Discarded { server_keys, signing_keys, next: None, ends_logins, logins: None })
    }

    /// Replaces what the configured secrets cannot open, or `all`. Whoever knows the old secret may have
    /// read what it sealed: private keys end with their tokens, and logins with the key of theirs.
    pub async fn discard(&self, all: bool) -> Result<Discarded, KeyError> {
        let done = self.do_discard(all).await;
        let entry = AuditEntry::of(AuditAction::ServerKeysDiscard);
        let entry = match &done {
            Ok(Discarded { server_keys, signing_keys, next, logins, .. }) => {
                let entry = entry
                    .detail("replaced", server_keys.join(" "))
                    .detail("retired", signing_keys.join(" "))
                    .detail("logins_ended", logins.unwrap_or_default().to_string());
                match next {
                    Some(next) => entry.detail("next_kid", next.as_str()),
                    None => entry,
                }
            }
            Err(_) => entry,
        };
        self.audit.tell(entry.because(done.as_ref().err().map(KeyError::reason)));
        done
    }

    async fn do_discard(&self, all: bool) -> Result<Discarded, KeyError> {
        if self.lost(all).await?.is_nothing() {
            return Ok(Discarded::default());
        }
        // A server that still has the old key must not seal the next one with it.
        let start = Instant::now();
        for lease in LEASES {
            while !self.signing.lease(lease, LEASE).await? {
                if start.elapsed() > PATIENCE {
                    let line = "servers are at work on the keys; nothing was changed";
                    return Err(KeyError::Refused(line.to_owned()));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let mut done = self.lost(all).await?;
        for kid in &done.signing_keys {
            self.signing.retire(kid, 0).await?;
        }
        if let (true, Some(families)) = (done.ends_logins, &self.families) {
            done.logins = Some(families.end_all().await?);
        }
        let stored = self.server.all().await?;
        for (name, before) in stored.iter().filter(|(name, _)| done.server_keys.contains(name)) {
            let failed = |cause| KeyError::Server(name.clone(), cause);
            let new = SealingKey::random().map_err(failed)?;
            let new = self.wrapping.wrap(name, &new).map_err(failed)?;
            self.server.replace(name, before, &new).await?;
        }
        if let Some(algorithm) = self.algorithm
            && self.list().await?.active(algorithm).is_none()
        {
            let key = make(algorithm).await?;
            let kid = key.kid.clone();
            if self.add(key, 0, ALWAYS).await? {
                done.next = Some(kid);
            }
        }
        Ok(done)
    }
}
