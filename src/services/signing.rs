//! Detects servers on the same database that sign with another secret: each refuses the other's
//! tokens, so that users are admitted here and refused there.

use crate::domain::{Fingerprint, Signers};
use crate::tokens::Tokens;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Pause between two checks.
const PAUSE: Duration = Duration::from_secs(5);

/// How many fingerprints a line lists.
const NAMED: usize = 3;

/// The fingerprint of this server's secret, and those of others.
pub struct Signing {
    own: Fingerprint,
    /// Of the secrets whose tokens are accepted as well.
    accepted: Vec<Fingerprint>,
    others: Mutex<Vec<Fingerprint>>,
    signers: Arc<dyn Signers>,
}

impl Signing {
    pub(super) fn new(tokens: &Tokens, signers: Arc<dyn Signers>) -> Self {
        let (own, accepted) = (tokens.fingerprint(), tokens.accepted_fingerprints().to_vec());
        Self { own, accepted, others: Mutex::default(), signers }
    }

    /// The fingerprint of the secret that this server signs with.
    #[must_use]
    pub fn own(&self) -> String {
        self.own.to_string()
    }

    /// The fingerprints of other secrets that servers on this database use, or used a few minutes
    /// ago, and whose tokens are refused here.
    #[must_use]
    pub fn others(&self) -> Vec<String> {
        self.lock().iter().map(ToString::to_string).collect()
    }

    /// Announces this server and looks for others, as long as it is polled.
    pub async fn watch(&self) {
        loop {
            // An unreachable database is reported elsewhere; earlier findings still count.
            match self.signers.note(self.own).await {
                Ok(found) => self.find(found),
                Err(cause) => log::debug!("the signing secrets of others are not known: {cause}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn find(&self, mut found: Vec<Fingerprint>) {
        found.retain(|one| !self.accepted.contains(one));
        found.sort_unstable();
        let before = std::mem::replace(&mut *self.lock(), found.clone());
        if found.iter().any(|one| !before.contains(one)) {
            log::warn!(
                target: "bailiwick.error",
                "servers on this database sign with different secrets: the fingerprint of this one's \
                 is {}, of others' {}. It refuses their tokens: give all of them the same \
                 tokens.secret or tokens.secret_file, or accept the other secret by \
                 tokens.accepted_secret_files",
                self.own,
                names(&found),
            );
        } else if found.is_empty() && !before.is_empty() {
            log::info!(
                target: "bailiwick.error",
                "all servers on this database sign with one secret again"
            );
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fingerprint>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names(fingerprints: &[Fingerprint]) -> String {
    let named = fingerprints.iter().take(NAMED).map(ToString::to_string);
    let mut line = named.collect::<Vec<_>>().join(", ");
    if fingerprints.len() > NAMED {
        line += ", …";
    }
    line
}
