//! A user repository in memory, for unit tests of this floor and those above.

use crate::accounts::Accounts;
use crate::domain::{
    Actor, NewUser, Page, PasswordHash, RepositoryError, ScopeName, Secret, SystemClock, Timestamp,
    User, UserChange, UserId, UserImport, UserRepository, Username,
};
use crate::passwords::Passwords;
use crate::settings::PasswordSettings;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

/// One thread, with this cost.
pub(crate) fn passwords(cost: u32, queue: usize) -> Arc<Passwords> {
    let settings = PasswordSettings {
        bcrypt_cost: cost,
        hash_threads: NonZeroUsize::new(1),
        hash_queue: NonZeroUsize::new(queue).unwrap(),
        ..PasswordSettings::default()
    };
    Arc::new(Passwords::new(&settings).unwrap())
}

/// A `$2b` hash with this cost.
pub(crate) async fn hashed(cost: u32, password: &str) -> PasswordHash {
    passwords(cost, 1).hash(Secret::new(password)).await.unwrap()
}

/// Checks passwords of `users`; new hashes get this cost.
pub(crate) fn accounts(users: &Arc<MemoryUsers>, cost: u32) -> Accounts {
    Accounts::new(users.clone(), passwords(cost, 64), Arc::new(SystemClock))
}

#[derive(Default)]
struct State {
    users: BTreeMap<Username, User>,
    after_find: Option<PasswordHash>,
    refuses_updates: bool,
    silent: bool,
}

#[derive(Default)]
pub(crate) struct MemoryUsers(Mutex<State>);

impl MemoryUsers {
    pub(crate) fn with(name: &str, password_hash: PasswordHash) -> Arc<Self> {
        let username: Username = name.parse().unwrap();
        let user = User {
            username: username.clone(),
            id: UserId(1),
            has_predecessor: false,
            email: None,
            full_name: None,
            disabled: false,
            password_hash,
            scopes: Arc::default(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            epoch: 0,
            signed_out_at: None,
        };
        let users = Self::default();
        users.0.lock().unwrap().users.insert(username, user);
        Arc::new(users)
    }

    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut User)) {
        edit(self.0.lock().unwrap().users.get_mut(name).unwrap());
    }

    pub(crate) fn hash_of(&self, name: &str) -> PasswordHash {
        self.0.lock().unwrap().users[name].password_hash.clone()
    }

    pub(crate) fn change_after_next_find(&self, hash: PasswordHash) {
        self.0.lock().unwrap().after_find = Some(hash);
    }

    pub(crate) fn refuse_updates(&self) {
        self.0.lock().unwrap().refuses_updates = true;
    }

    pub(crate) fn stop_answering(&self) {
        self.0.lock().unwrap().silent = true;
    }
}

#[async_trait]
impl UserRepository for MemoryUsers {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let mut state = self.0.lock().unwrap();
        if state.silent {
            return Err(RepositoryError::Unavailable("no answer".into()));
        }
        let found = state.users.get(username).cloned().map(Arc::new);
        if let Some(hash) = state.after_find.take() {
            state.users.get_mut(username).unwrap().password_hash = hash;
        }
        Ok(found)
    }

    async fn update(
        &self,
        username: &Username,
        change: UserChange,
        _keep: Option<&ScopeName>,
        _actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        let mut state = self.0.lock().unwrap();
        if state.refuses_updates {
            return Err(RepositoryError::Unavailable("read only".into()));
        }
        let user = state.users.get_mut(username).ok_or(RepositoryError::NotFound)?;
        if change.expected_hash.is_some_and(|expected| expected != user.password_hash) {
            return Err(RepositoryError::NotFound);
        }
        if let Some(hash) = change.password_hash {
            user.password_hash = hash;
        }
        if change.signs_out {
            user.epoch += 1;
            user.signed_out_at = Some(now);
        }
        user.updated_at = now;
        Ok(user.clone())
    }

    async fn list(&self, _: &Page) -> Result<Vec<User>, RepositoryError> {
        unimplemented!("no grant lists users")
    }

    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        unimplemented!("no grant counts users")
    }

    async fn create(
        &self,
        _: NewUser,
        _: Option<&Actor>,
        _: Timestamp,
    ) -> Result<User, RepositoryError> {
        unimplemented!("no grant creates users")
    }

    async fn delete(
        &self,
        _: &Username,
        _: Option<&ScopeName>,
        _: Option<&Actor>,
    ) -> Result<(), RepositoryError> {
        unimplemented!("no grant deletes users")
    }

    async fn import(&self, _: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        unimplemented!("no grant imports users")
    }
}
