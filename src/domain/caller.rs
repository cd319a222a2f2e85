//! Whoever sends a request: a user, or a client in its own name.

use crate::domain::client::Client;
use crate::domain::user::User;
use std::sync::Arc;

/// Who has shown valid credentials.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A user, by a password, a token or an API key.
    User(Arc<User>),
    /// A client of the authorization server, by a token that is its own.
    Client(Arc<Client>),
}

impl Caller {
    /// The user's name or the client's id.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => user.username.as_str(),
            Self::Client(client) => client.id.as_str(),
        }
    }
}
