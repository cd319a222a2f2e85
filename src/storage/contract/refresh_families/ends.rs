//! What ends many families of refresh tokens at once.

use crate::domain::{
    ClientAuthor, ClientRepository as _, FamilyClient, KeyHash, RefreshFamilies as _, Timestamp,
};
use crate::storage::clients::Clients;
use crate::storage::contract::clients::client;
use crate::storage::contract::refresh_families::{RULES, World};
use std::sync::Arc;

const NOBODY: ClientAuthor = ClientAuthor { actor: None, among: None };

impl World {
    /// Deleted, or given another secret at once: within a second, access tokens are refused.
    pub(super) async fn the_end_of_a_client_ends_what_is_in_use(&self) {
        let clients = Clients::of(Arc::clone(&self.database));
        let jane = (self.jane.id, self.jane.epoch);
        let now = Timestamp(1_700_000_000);
        for is_deleted in [true, false] {
            let added = clients.add(client("app", "me"), &NOBODY, now).await.unwrap();
            let (id, epoch) = (added.id, added.epoch);
            let its = Some(FamilyClient { id: id.clone(), epoch });
            let other = Some(FamilyClient { id: "another".parse().unwrap(), epoch });
            let (family, _) = self.begin_for(jane, its.clone()).await;
            let (others, _) = self.begin_for(jane, other).await;
            let nobodys = self.begin().await;
            let hash = |byte| KeyHash::new([byte; 32]);
            let later = Timestamp(now.seconds() + 60);
            let kept =
                clients.rotate_secret(&id, hash(1), Some(later), &NOBODY, now).await.unwrap();
            assert_eq!((kept.epoch, self.has_ended(family).await), (epoch, false));
            if is_deleted {
                clients.delete(&id, &NOBODY).await.unwrap();
            } else {
                clients.rotate_secret(&id, hash(2), None, &NOBODY, now).await.unwrap();
            }
            assert!(self.has_ended(family).await);
            assert_eq!(self.families.find(family, RULES).await.unwrap(), None);
            for family in [others, nobodys] {
                assert!(!self.has_ended(family).await);
                assert!(self.families.find(family, RULES).await.unwrap().is_some());
            }
        }
        clients.delete(&"app".parse().unwrap(), &NOBODY).await.unwrap();
    }

    pub(super) async fn all_end_at_once(&self) {
        let mut families = Vec::new();
        for _ in 0..3 {
            families.push(self.begin().await);
        }
        assert!(self.families.end_all().await.unwrap() >= families.len());
        for family in families {
            assert!(self.has_ended(family).await);
            assert_eq!(self.families.find(family, RULES).await.unwrap(), None);
        }
        assert_eq!(self.families.end_all().await.unwrap(), 0);
        assert!(self.families.find(self.begin().await, RULES).await.unwrap().is_some());
    }
}
