//! How often the keys are read.

use super::*;
use crate::domain::{Scopes, Secret, SystemClock};
use crate::settings::{PublicUrl, TokenSettings};
use async_trait::async_trait;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// In memory; counts how often it is read.
#[derive(Default)]
struct Kept {
    keys: Lock<Vec<StoredKey>>,
    server: Lock<Option<String>>,
    reads: AtomicUsize,
}

#[async_trait]
impl SigningKeys for Kept {
    async fn read(&self) -> Result<StoredKeys, RepositoryError> {
        self.reads.fetch_add(1, Relaxed);
        tokio::task::yield_now().await;
        Ok(StoredKeys { now: Timestamp(1_000), keys: self.keys.lock().unwrap().clone() })
    }

    async fn add(&self, key: StoredKey, _: i64, _: i64) -> Result<bool, RepositoryError> {
        self.keys.lock().unwrap().push(key);
        Ok(true)
    }

    async fn retire(&self, _: &str, _: i64) -> Result<bool, RepositoryError> {
        Ok(false)
    }

    async fn promote(&self, _: KeyAlgorithm) -> Result<Option<String>, RepositoryError> {
        Ok(None)
    }

    async fn leave_shared_secret(&self, _: i64) -> Result<bool, RepositoryError> {
        Ok(true)
    }

    async fn keep_shared_secret(&self) -> Result<bool, RepositoryError> {
        Ok(true)
    }

    async fn forget(&self, _: i64) -> Result<(), RepositoryError> {
        Ok(())
    }

    async fn lease(&self, _: &str, _: i64) -> Result<bool, RepositoryError> {
        Ok(true)
    }
}

#[async_trait]
impl ServerKeys for Kept {
    async fn keep(&self, _: &str, sealed: &str) -> Result<String, RepositoryError> {
        Ok(self.server.lock().unwrap().get_or_insert_with(|| sealed.to_owned()).clone())
    }

    async fn find(&self, _: &str) -> Result<Option<String>, RepositoryError> {
        Ok(self.server.lock().unwrap().clone())
    }

    async fn all(&self) -> Result<Vec<(String, String)>, RepositoryError> {
        Ok(Vec::new())
    }

    async fn replace(&self, _: &str, _: &str, _: &str) -> Result<bool, RepositoryError> {
        Ok(false)
    }
}

fn keeper(kept: &Arc<Kept>) -> Keeper {
    let algorithm = serde_json::from_str("\"EdDSA\"").unwrap();
    let settings = TokenSettings { algorithm, ..TokenSettings::default() };
    let url = PublicUrl::try_from("https://auth.example.com".to_owned()).unwrap();
    let secret = Secret::new("s".repeat(32));
    let clock = Arc::new(SystemClock);
    let tokens = Tokens::accepting((&secret, &[]), &settings, Some(&url), clock).unwrap();
    let keys: (Arc<dyn ServerKeys>, Arc<dyn SigningKeys>) = (kept.clone(), kept.clone());
    let wrapping = Wrapping::of(&secret, &[]).unwrap();
    Keeper::new(Arc::new(tokens), Some(KeyAlgorithm::EdDsa), keys, wrapping, true)
}

fn token(keeper: &Keeper) -> String {
    let subject = "johndoe".parse().unwrap();
    keeper.tokens.issue(&subject, &Scopes::default()).unwrap().access_token
}

#[tokio::test]
async fn tokens_of_unknown_keys_make_the_keys_be_read_again_once_a_second() {
    let (kept, others) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
    let (own, stranger) = (keeper(&kept), keeper(&others));
    own.start().await.unwrap();
    stranger.start().await.unwrap();
    assert!(own.verify(&token(&own)).await.is_ok());
    let (before, foreign) = (kept.reads.load(Relaxed), token(&stranger));
    let flood = async || {
        for _ in 0..50 {
            assert_eq!(own.verify(&foreign).await, Err(TokenError::Key));
        }
    };
    tokio::join!(flood(), flood(), flood());
    assert_eq!(kept.reads.load(Relaxed), before + 1);

    // As if a second had passed.
    let later = async || *own.forced.lock().await = Instant::now().checked_sub(FORCED);
    later().await;
    tokio::join!(flood(), flood(), flood());
    assert_eq!(kept.reads.load(Relaxed), before + 2);

    // One that has ended is known, and costs nothing.
    let good = token(&own);
    kept.keys.lock().unwrap().iter_mut().for_each(|key| key.retired_at = Some(Timestamp(1_000)));
    own.read().await.unwrap();
    later().await;
    let before = kept.reads.load(Relaxed);
    assert_eq!(own.verify(&good).await, Err(TokenError::RetiredKey));
    assert_eq!(kept.reads.load(Relaxed), before);

    // A new one is found by its first token.
    let new = others.keys.lock().unwrap().clone();
    kept.keys.lock().unwrap().extend(new);
    assert!(own.verify(&foreign).await.is_ok());
    assert_eq!(kept.reads.load(Relaxed), before + 1);
}
