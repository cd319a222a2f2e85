//! Identities on PostgreSQL.

use super::*;
use crate::settings::UserSettings;
use crate::storage::contract::identities::identities_contract;
use crate::storage::identities::DatabaseIdentities;

async fn opened() -> (DatabaseIdentities, Users, ()) {
    let database = open(&settings(&shared().url(&shared().database()))).await.unwrap();
    let (database, freshness) = (Arc::new(database), Arc::new(Freshness::default()));
    let identities =
        DatabaseIdentities::new(Arc::clone(&database), freshness, UserSettings::default());
    (identities, Users::of(database), ())
}

identities_contract!(identities_, opened());
