//! Callers without a request: they have no constructor, and their fields are private.

use bailiwick::User;
use bailiwick::security::{ActiveUser, CurrentUser, Maybe, Scoped};
use std::marker::PhantomData;
use std::sync::Arc;

fn forge(user: Arc<User>, active: ActiveUser) {
    let _ = CurrentUser(user);
    let _ = Scoped::<_, ()>(active.clone(), PhantomData);
    let _ = Maybe(Some(active));
}

fn main() {}
