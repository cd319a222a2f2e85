//! Users who have just come to be, for an application that wants to know.

use crate::domain::User;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Tells of each new user, once the user is stored.
#[derive(Clone, Default)]
pub struct Newcomers(Arc<Mutex<Listener>>);

/// Who wants to know.
enum Listener {
    /// That is not known yet: those so far.
    Unknown(Vec<User>),
    /// Somebody.
    There(UnboundedSender<Newcomer>),
    /// Nobody.
    Absent,
}

impl Default for Listener {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

/// A new user. Whoever created it waits until this is dropped.
pub struct Newcomer {
    user: User,
    _done: Option<oneshot::Sender<()>>,
}

impl Newcomer {
    /// Who it is. A method, so that whoever asks keeps all of this until the end.
    pub fn user(&self) -> &User {
        &self.user
    }
}

impl Newcomers {
    /// Those so far, and all from now on.
    pub fn listen(&self) -> UnboundedReceiver<Newcomer> {
        let (sender, receiver) = unbounded_channel();
        let before = mem::replace(&mut *self.listener(), Listener::There(sender.clone()));
        if let Listener::Unknown(users) = before {
            for user in users {
                // The receiver is there.
                let _ = sender.send(Newcomer { user, _done: None });
            }
        }
        receiver
    }

    /// Nobody wants to know.
    pub fn ignore(&self) {
        *self.listener() = Listener::Absent;
    }

    /// Whether somebody wants to know.
    pub(super) fn has_listener(&self) -> bool {
        matches!(*self.listener(), Listener::There(_))
    }

    /// Tells of a user, and waits until whoever wants to know is done.
    pub(crate) async fn tell(&self, user: &User) {
        let (done, end) = oneshot::channel();
        match &mut *self.listener() {
            Listener::Absent => return,
            Listener::Unknown(users) => return users.push(user.clone()),
            Listener::There(sender) => {
                // The end of a process: nobody listens any more, and `done` is dropped.
                let _ = sender.send(Newcomer { user: user.clone(), _done: Some(done) });
            }
        }
        // Ends when the other half is dropped.
        let _ = end.await;
    }

    /// A step between two states is whole.
    fn listener(&self) -> MutexGuard<'_, Listener> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
