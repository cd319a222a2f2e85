//! The fingerprints of signing secrets.

use crate::domain::{Fingerprint, RepositoryError, Signers};
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use std::sync::Arc;

/// A row is renewed when it is this many seconds old: an idle server hardly writes.
const FRESH: i64 = 60;

/// How many seconds a row counts, before and after the database's clock.
const LATELY: i64 = 150;

/// Every fingerprint, with its age in seconds.
type Rows = Vec<(String, i64)>;

/// Where the servers on one database find each other.
pub(super) struct DatabaseSigners(pub(super) Arc<Database>);

#[async_trait]
impl Signers for DatabaseSigners {
    async fn note(&self, own: Fingerprint) -> Result<Vec<Fingerprint>, RepositoryError> {
        let noted = self.0.read(|mut database| Box::pin(async move { noted(&mut database).await }));
        let (others, is_due) = judge(noted.await?, own);
        if is_due {
            let note = self.0.write_and_close(move |mut database| {
                Box::pin(async move { note(&mut database, own).await })
            });
            note.await?;
        }
        Ok(others)
    }
}

async fn noted(database: &mut Connection<'_>) -> Result<Rows, sqlx::Error> {
    database.query(sql!("SELECT fingerprint, " [now] " - noted FROM signers")).all().await
}

async fn note(database: &mut Connection<'_>, own: Fingerprint) -> Result<(), sqlx::Error> {
    let note = sql!(
        "INSERT INTO signers (fingerprint, noted) VALUES ($1, " [now] ")
         ON CONFLICT (fingerprint) DO UPDATE SET noted = excluded.noted"
    );
    database.query(note).bind(own.to_string()).execute().await?;
    // Day-old entries mean nothing.
    let forget = sql!("DELETE FROM signers WHERE noted < " [now] " - 86400");
    database.query(forget).execute().await
}

/// Recent fingerprints of others, and whether our own is due.
fn judge(rows: Rows, own: Fingerprint) -> (Vec<Fingerprint>, bool) {
    let mut is_due = true;
    let mut others = Vec::new();
    for (text, age) in rows {
        // Others may have written anything.
        let Ok(fingerprint) = text.parse::<Fingerprint>() else { continue };
        if fingerprint == own {
            is_due = !(0..FRESH).contains(&age);
        } else if (-LATELY..=LATELY).contains(&age) {
            others.push(fingerprint);
        }
    }
    (others, is_due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_fingerprints_count_and_ones_own_is_renewed() {
        let own = Fingerprint::of_mac(b"own");
        let other = Fingerprint::of_mac(b"other");
        let rows = |own_age: i64, other_age: i64| {
            let junk = ("\n; not one".to_owned(), 0);
            vec![(own.to_string(), own_age), junk, (other.to_string(), other_age)]
        };
        assert_eq!(judge(Vec::new(), own), (Vec::new(), true));
        assert_eq!(judge(rows(0, 0), own), (vec![other], false));
        assert_eq!(judge(rows(FRESH - 1, LATELY), own), (vec![other], false));
        assert_eq!(judge(rows(FRESH, LATELY + 1), own), (Vec::new(), true));
        // A clock that was set back.
        assert_eq!(judge(rows(-1, -LATELY), own), (vec![other], true));
        assert_eq!(judge(rows(-9_999, -LATELY - 1), own), (Vec::new(), true));
    }
}
