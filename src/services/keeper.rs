//! Keeps the keys that sign tokens: reads them, and makes, publishes and retires them in time.

mod commands;
mod discard;
mod plan;
mod server;
mod sign_in;

pub use commands::Rotated;
pub use discard::Discarded;

use crate::accounts::Audit;
use crate::domain::{
    AuditAction, AuditEntry, AuditReason, KeyAlgorithm, RefreshFamilies, RepositoryError,
    ServerKeys, SigningKeys, StoredKey, StoredKeys, Timestamp, program,
};
use crate::sealing::{SealError, SealingKey, Wrapping};
use crate::tokens::{AFTERWARDS, Claims, KeyPair, PublicKey, TokenError, Tokens};
use plan::{Work, plan};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Lock, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::{Mutex, Notify};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// Pause between two looks at the keys, where asymmetric ones count.
const PAUSE: Duration = Duration::from_millis(500);

/// The same where they do not.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// An unknown key makes the keys be read again at most this often.
const FORCED: Duration = Duration::from_secs(1);

/// How long a start waits for its first key.
const START: Duration = Duration::from_secs(30);

/// What signs ID tokens, whatever signs access tokens.
const ID_TOKENS: KeyAlgorithm = KeyAlgorithm::Rs256;

/// How many seconds one server has for making a key.
const LEASE: i64 = 10;

/// The leases of whoever makes keys, and of whoever makes those for ID tokens.
const LEASES: [&str; 2] = ["signing keys", "sign-in keys"];

/// Seconds that a server which still signs with the shared secret has for withdrawing the record of a
/// switch: its tokens count until they expire, too.
const GRACE: i64 = 60;

/// The server key that seals private keys.
const SEAL: &str = "seal";

/// The one that makes the tags of refresh tokens.
const REFRESH: &str = "rt";

/// Why keys cannot be read or changed.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The database does not respond.
    #[error("{0}")]
    Database(#[from] RepositoryError),
    /// A server key cannot be opened.
    #[error(
        "the server key `{0}` cannot be opened: it is {1}. If that secret is lost, or somebody has learned \
         it, `{program} keys discard` replaces what it sealed: logins that refresh tokens renew end, and \
         so do signing keys with their tokens",
        program = program()
    )]
    Server(String, SealError),
    /// A private key cannot be made.
    #[error("a key cannot be made: {0}")]
    Make(TokenError),
    /// No key has the name.
    #[error("no key is named {0:?}; `{program} keys list` shows them", program = program())]
    Unknown(String),
    /// What was asked for does not fit the keys or the settings.
    #[error("{0}")]
    Refused(String),
}

impl KeyError {
    fn reason(&self) -> AuditReason {
        match self {
            Self::Database(_) => AuditReason::DatabaseUnavailable,
            Self::Server(..) | Self::Make(_) => AuditReason::Internal,
            Self::Unknown(_) => AuditReason::UnknownKey,
            Self::Refused(_) => AuditReason::Invalid,
        }
    }
}

/// Whoever keeps the keys that sign tokens.
pub struct Keeper {
    tokens: Arc<Tokens>,
    algorithm: Option<KeyAlgorithm>,
    signing: Arc<dyn SigningKeys>,
    server: Arc<dyn ServerKeys>,
    wrapping: Wrapping,
    seal: OnceLock<SealingKey>,
    forced: Mutex<Option<Instant>>,
    /// The fault that was logged last.
    fault: Lock<String>,
    audit: Audit,
    /// What a lost key of refresh tokens ends.
    families: Option<Arc<dyn RefreshFamilies>>,
    pause: Duration,
    has_issuer: bool,
    /// Whether somebody signs in by this server, which needs a key for ID tokens.
    signs_in: AtomicBool,
    /// Wakes the watch.
    wanted: Notify,
}

impl Keeper {
    pub(super) fn new(
        tokens: Arc<Tokens>,
        algorithm: Option<KeyAlgorithm>,
        (server, signing): (Arc<dyn ServerKeys>, Arc<dyn SigningKeys>),
        wrapping: Wrapping,
        has_issuer: bool,
    ) -> Self {
        let pause = if has_issuer { PAUSE } else { LONG_PAUSE };
        let (seal, forced) = (OnceLock::new(), Mutex::default());
        let (fault, audit) = (Lock::default(), Audit::default());
        let families = None;
        let (signs_in, wanted) = (AtomicBool::new(false), Notify::new());
        Self {
            tokens,
            algorithm,
            signing,
            server,
            wrapping,
            seal,
            forced,
            fault,
            audit,
            families,
            pause,
            has_issuer,
            signs_in,
            wanted,
        }
    }

    /// Each change of a key is told to this log.
    pub(super) fn telling(self, audit: Audit) -> Self {
        Self { audit, ..self }
    }

    /// The same where these end with the key of their tokens.
    pub(super) fn ending(self, families: Arc<dyn RefreshFamilies>) -> Self {
        Self { families: Some(families), ..self }
    }

    /// The log that it tells.
    #[must_use]
    pub fn audit_log(&self) -> &Audit {
        &self.audit
    }

    /// Returns once there is a key to sign with.
    pub(super) async fn start(&self) -> Result<(), KeyError> {
        let start = Instant::now();
        loop {
            let stored = self.read().await?;
            if self.keep(&stored).await? {
                self.read().await?;
            }
            if self.tokens.can_sign() {
                return Ok(());
            }
            if start.elapsed() > START {
                let line = "no server on this database has made a key to sign tokens with";
                return Err(KeyError::Refused(line.to_owned()));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Keeps the keys, as long as it is polled.
    pub async fn watch(&self) {
        loop {
            // Also when a key is wanted.
            let _ = timeout(self.pause, self.wanted.notified()).await;
            let kept = async {
                let stored = self.read().await?;
                if self.keep(&stored).await? {
                    self.read().await?;
                }
                Ok::<_, KeyError>(())
            };
            match kept.await {
                // An unreachable database is reported elsewhere; the keys in memory still count.
                Ok(()) | Err(KeyError::Database(_)) => {}
                Err(cause) => self.complain(format!("signing keys: {cause}")),
            }
        }
    }

    /// Verifies a token. A key that is not known may be new: then they are read again, once a second
    /// at most.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let mut verdict = self.tokens.check(token);
        if verdict == Err(TokenError::Key) {
            let mut forced = self.forced.lock().await;
            if forced.is_none_or(|at| at.elapsed() >= FORCED) {
                if let Err(cause) = self.read().await {
                    log::debug!("the signing keys cannot be read: {cause}");
                }
                // Afterwards: a database that is slow to respond is not asked by each one that waits.
                *forced = Some(Instant::now());
            }
            drop(forced);
            verdict = self.tokens.check(token);
        }
        self.tokens.count(&verdict);
        verdict
    }

    /// Reads the keys, and uses them from now on.
    async fn read(&self) -> Result<StoredKeys, KeyError> {
        let stored = self.signing.read().await?;
        let current = |key: &StoredKey| key.alg == ID_TOKENS.name() && key.retired_at.is_none();
        if self.has_issuer && stored.keys.iter().any(current) {
            // Somebody has signed in by a server on this database.
            self.signs_in.store(true, Ordering::Relaxed);
        }
        let signing = [self.algorithm, self.also()].map(|one| one.map(KeyAlgorithm::name));
        let signs =
            |key: &StoredKey| signing.contains(&Some(&*key.alg)) && key.retired_at.is_none();
        let mut opened = Ok(());
        if self.seal.get().is_none()
            && stored.keys.iter().any(signs)
            && let Some(wrapped) = self.server.find(SEAL).await?
        {
            opened = self.open_seal(&wrapped).map(drop);
        }
        let faults = RefCell::new(String::new());
        // Public keys verify whatever becomes of the private ones.
        self.tokens.take_keys(&stored, |kid, sealed| {
            let private = self.seal.get()?.open(&place(kid), sealed);
            if let Err(cause) = &private {
                *faults.borrow_mut() =
                    format!("the signing key {kid} cannot be used: it is {cause}");
            }
            private.ok()
        });
        opened?;
        self.complain(faults.into_inner());
        Ok(stored)
    }

    /// Logs a fault once, however often it is found.
    fn complain(&self, fault: String) {
        let mut last = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != fault && !fault.is_empty() {
            log::error!(target: "bailiwick.error", "{fault}");
        }
        *last = fault;
    }

    fn open_seal(&self, wrapped: &str) -> Result<&SealingKey, KeyError> {
        let key = self.wrapping.unwrap(SEAL, wrapped);
        let key = key.map_err(|cause| KeyError::Server(SEAL.to_owned(), cause))?;
        Ok(self.seal.get_or_init(|| key))
    }

    /// Does what is due, if this server gets to do it; whether it did.
    async fn keep(&self, stored: &StoredKeys) -> Result<bool, KeyError> {
        let algorithms = (self.algorithm, self.also());
        let work = plan(stored, algorithms, self.tokens.longest_life(), AFTERWARDS);
        // The first key for ID tokens does not wait for the lease of other work.
        let lease = LEASES[usize::from(self.also().is_some())];
        if work.is_empty() || !self.signing.lease(lease, LEASE).await? {
            return Ok(false);
        }
        for one in work {
            match one {
                Work::Make { algorithm, seconds, unless_after } => {
                    let key = make(algorithm).await?;
                    let kid = key.kid.clone();
                    if self.add(key, seconds, unless_after).await? {
                        self.audit.tell(of(AuditAction::SigningKeyMake, &kid, Some(algorithm)));
                    }
                }
                Work::Promote(algorithm) => {
                    if let Some(kid) = self.signing.promote(algorithm).await? {
                        self.audit.tell(of(AuditAction::SigningKeyRotate, &kid, Some(algorithm)));
                    }
                }
                Work::Retire { kid, seconds } => {
                    if self.signing.retire(&kid, seconds).await? {
                        let end = Timestamp(stored.now.0.saturating_add(seconds));
                        let entry = of(AuditAction::SigningKeyRetire, &kid, None);
                        self.audit.tell(entry.detail("ends_at", end.to_string()));
                    }
                }
                Work::LeaveSharedSecret => {
                    let seconds = self.tokens.longest_life().saturating_add(GRACE);
                    if self.signing.leave_shared_secret(seconds).await? {
                        log::info!(
                            target: "bailiwick.error",
                            "tokens signed with the shared secret count until {}, unless a server \
                             signs with it again",
                            Timestamp(stored.now.0.saturating_add(seconds)),
                        );
                    }
                }
                Work::KeepSharedSecret => {
                    if self.signing.keep_shared_secret().await? {
                        log::warn!(
                            target: "bailiwick.error",
                            "tokens.algorithm is HS256 here: tokens signed with the shared secret count \
                             again on all servers of this database"
                        );
                    }
                }
                Work::Forget { seconds } => self.signing.forget(seconds).await?,
            }
        }
        Ok(true)
    }

    async fn add(&self, key: KeyPair, seconds: i64, unless_after: i64) -> Result<bool, KeyError> {
        // The one in memory may have been discarded: what that seals, nobody opens any more.
        let seal = self.server_key(SEAL).await?;
        let sealed = seal.seal(&place(&key.kid), &key.private);
        let stored = StoredKey {
            alg: key.algorithm.name().to_owned(),
            public: key.public,
            sealed: sealed.map_err(|cause| KeyError::Server(SEAL.to_owned(), cause))?,
            kid: key.kid,
            active_from: Timestamp(0),
            retired_at: None,
        };
        Ok(self.signing.add(stored, seconds, unless_after).await?)
    }

    /// The published keys as a JWK set (RFC 7517 §5).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<_> = self.tokens.public_keys().iter().map(PublicKey::jwk).collect();
        json!({ "keys": keys })
    }

    /// Whether key pairs sign, or else the shared secret.
    #[must_use]
    pub fn uses_pairs(&self) -> bool {
        self.algorithm.is_some()
    }

    /// The name of the key that signs, if servers have this configuration.
    #[must_use]
    pub fn active<'a>(&self, stored: &'a StoredKeys) -> Option<&'a str> {
        stored.active(self.algorithm?).map(|key| key.kid.as_str())
    }

    /// Every stored key, and the time.
    pub async fn list(&self) -> Result<StoredKeys, KeyError> {
        Ok(self.signing.read().await?)
    }
}

/// On a thread that serves no requests.
async fn make(algorithm: KeyAlgorithm) -> Result<KeyPair, KeyError> {
    let made = spawn_blocking(move || KeyPair::generate(algorithm)).await;
    made.map_err(|_| KeyError::Make(TokenError::Signing))?.map_err(KeyError::Make)
}

fn place(kid: &str) -> String {
    format!("signing_keys {kid}")
}

/// An event that concerns a key.
fn of(action: AuditAction, kid: &str, algorithm: Option<KeyAlgorithm>) -> AuditEntry {
    let entry = AuditEntry::of(action).detail("kid", kid);
    match algorithm {
        Some(algorithm) => entry.detail("algorithm", algorithm.name()),
        None => entry,
    }
}

#[cfg(test)]
mod tests;
