//! What `bailiwick keys` does. The audit log is told of each command, and how it ended.

use crate::domain::{
    AuditAction, AuditEntry, KeyAlgorithm, SHARED_SECRET, StoredKey, StoredKeys, Timestamp, program,
};
use crate::services::keeper::{Keeper, KeyError, make, of};
use crate::tokens::KeyPair;

/// Seconds between the publication of a key and its first signature.
const AHEAD: i64 = 24 * 3600;

/// The same for a key that is to sign now: all servers know it by then.
const SOON: i64 = 2;

/// Add a key whatever others there are.
const ALWAYS: i64 = 1 << 40;

/// A key that signs from some time on.
pub struct Rotated {
    /// Its name.
    pub kid: String,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// When it begins to sign; `None` if the servers do not sign with this algorithm.
    pub active_from: Option<Timestamp>,
    /// Whether it was published before.
    pub was_published: bool,
}

impl Keeper {
    /// Publishes a key that signs from tomorrow, unless there is one; it, or else a new one, signs
    /// `now`.
    pub async fn rotate(&self, now: bool) -> Result<Rotated, KeyError> {
        let done = self.do_rotate(now).await;
        self.tell(AuditEntry::of(AuditAction::SigningKeyRotate), done)
    }

    /// Ends a key at once: its tokens are refused. If it signs, the next one does from now on, made if
    /// there is none; returns that one's name.
    pub async fn retire(&self, kid: &str) -> Result<Option<String>, KeyError> {
        let done = self.do_retire(kid).await;
        let entry = of(AuditAction::SigningKeyRetire, kid, None);
        let entry = match &done {
            Ok(Some(next)) => entry.detail("next_kid", next.as_str()),
            _ => entry,
        };
        self.audit.tell(entry.because(done.as_ref().err().map(KeyError::reason)));
        done
    }

    /// Publishes the private key in a PEM file; it signs from tomorrow, or `now`.
    pub async fn import(&self, pem: &str, now: bool) -> Result<Rotated, KeyError> {
        let done = self.do_import(pem, now).await;
        self.tell(AuditEntry::of(AuditAction::SigningKeyImport), done)
    }

    /// Seals every server key with the signing secret; returns how many there are, and how many
    /// another secret had sealed.
    pub async fn rewrap(&self) -> Result<(usize, usize), KeyError> {
        let done = self.do_rewrap().await;
        let entry = AuditEntry::of(AuditAction::ServerKeysRewrap);
        let entry = match &done {
            Ok((_, changed)) => entry.detail("changed", changed.to_string()),
            Err(_) => entry,
        };
        self.audit.tell(entry.because(done.as_ref().err().map(KeyError::reason)));
        done
    }

    fn tell(
        &self,
        entry: AuditEntry,
        done: Result<Rotated, KeyError>,
    ) -> Result<Rotated, KeyError> {
        let entry = match &done {
            Ok(Rotated { kid, algorithm, active_from, .. }) => {
                let entry = entry.detail("kid", kid.as_str()).detail("algorithm", algorithm.name());
                match active_from {
                    Some(from) => entry.detail("active_from", from.to_string()),
                    None => entry,
                }
            }
            Err(cause) => entry.because(Some(cause.reason())),
        };
        self.audit.tell(entry);
        done
    }

    async fn do_rotate(&self, now: bool) -> Result<Rotated, KeyError> {
        let Some(algorithm) = self.algorithm else {
            let line = "tokens.algorithm is HS256: its secret is changed in the settings; only the \
                        keys of other algorithms are rotated";
            return Err(KeyError::Refused(line.to_owned()));
        };
        let promoted = if now { self.signing.promote(algorithm).await? } else { None };
        let (kid, was_published) = if let Some(kid) = promoted {
            (kid, true)
        } else {
            let key = make(algorithm).await?;
            let kid = key.kid.clone();
            let (seconds, unless_after) = if now { (SOON, ALWAYS) } else { (AHEAD, 0) };
            if self.add(key, seconds, unless_after).await? {
                (kid, false)
            } else {
                (next(&self.list().await?, algorithm)?, true)
            }
        };
        let stored = self.list().await?;
        let active_from = stored.keys.iter().find(|key| key.kid == kid).map(|key| key.active_from);
        Ok(Rotated { kid, algorithm, active_from, was_published })
    }

    async fn do_retire(&self, kid: &str) -> Result<Option<String>, KeyError> {
        let stored = self.list().await?;
        let unknown = || KeyError::Unknown(kid.to_owned());
        let key = stored.keys.iter().find(|key| key.kid == kid).ok_or_else(unknown)?;
        if kid == SHARED_SECRET {
            if self.algorithm.is_none() {
                let line = "tokens.algorithm is HS256: the shared secret signs, and cannot end";
                return Err(KeyError::Refused(line.to_owned()));
            }
            self.signing.retire(kid, 0).await?;
            return Ok(None);
        }
        let algorithm = KeyAlgorithm::named(&key.alg).ok_or_else(unknown)?;
        let mut next = None;
        if stored.active(algorithm).is_some_and(|active| active.kid == kid) {
            next = self.signing.promote(algorithm).await?;
            if next.is_none() && self.algorithm == Some(algorithm) {
                let key = make(algorithm).await?;
                next = Some(key.kid.clone());
                self.add(key, 0, ALWAYS).await?;
            }
        }
        // Where this one has only just begun, the next one begins a second later.
        let seconds = i64::from(key.active_from >= stored.now);
        self.signing.retire(kid, seconds).await?;
        Ok(next)
    }

    async fn do_import(&self, pem: &str, now: bool) -> Result<Rotated, KeyError> {
        let key = KeyPair::of_pem(pem).map_err(|cause| KeyError::Refused(cause.to_string()))?;
        let (kid, algorithm) = (key.kid.clone(), key.algorithm);
        if !self.add(key, if now { SOON } else { AHEAD }, ALWAYS).await? {
            let line =
                format!("the key {kid} is there already; `{} keys list` shows it", program());
            return Err(KeyError::Refused(line));
        }
        let stored = self.list().await?;
        let signs = |key: &&StoredKey| key.kid == kid && self.algorithm == Some(algorithm);
        let active_from = stored.keys.iter().find(signs).map(|key| key.active_from);
        Ok(Rotated { kid, algorithm, active_from, was_published: false })
    }

    async fn do_rewrap(&self) -> Result<(usize, usize), KeyError> {
        let all = self.server.all().await?;
        let mut changed = 0;
        for (name, wrapped) in all.iter().filter(|(_, it)| !self.wrapping.is_current(it)) {
            let failed = |cause| KeyError::Server(name.clone(), cause);
            let key = self.wrapping.unwrap(name, wrapped).map_err(failed)?;
            let anew = self.wrapping.wrap(name, &key).map_err(failed)?;
            changed += usize::from(self.server.replace(name, wrapped, &anew).await?);
        }
        Ok((all.len(), changed))
    }
}

/// The newest key that has not begun.
fn next(stored: &StoredKeys, algorithm: KeyAlgorithm) -> Result<String, KeyError> {
    let next = stored.keys.iter().rfind(|key| {
        key.alg == algorithm.name() && key.retired_at.is_none() && key.active_from > stored.now
    });
    next.map(|key| key.kid.clone())
        .ok_or_else(|| KeyError::Refused("the new key is gone".to_owned()))
}
