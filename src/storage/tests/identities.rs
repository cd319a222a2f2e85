//! Identities on SQLite.

use super::*;
use crate::settings::UserSettings;
use crate::storage::contract::identities::identities_contract;
use crate::storage::identities::DatabaseIdentities;

async fn opened() -> (DatabaseIdentities, Users, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = Arc::new(database_at(&folder.path().join("test.db")).await.unwrap());
    let (freshness, unique) = (Arc::new(Freshness::default()), UserSettings::default());
    let identities = DatabaseIdentities::new(Arc::clone(&database), freshness, unique);
    (identities, Users::of(database), folder)
}

identities_contract!(identities_, opened());
