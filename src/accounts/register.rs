//! Strangers who make an account for themselves.

use crate::accounts::create::of;
use crate::accounts::throttle::Ticket;
use crate::accounts::{AccountError, Accounts, AuthenticateError, Author, NewAccount};
use crate::domain::{RepositoryError, Sender, User};

impl Accounts {
    /// Creates an account for whoever asks. Each attempt counts for its network, unless it fails through no
    /// fault of its own.
    pub(crate) async fn register(
        &self,
        account: NewAccount,
        sender: Sender,
    ) -> Result<User, AccountError> {
        let author = Author::Stranger(sender.clone());
        let ticket = match &self.throttle {
            Some(throttle) => throttle.admit_registration(&sender).await,
            None => Ok(Ticket::uncounted()),
        };
        match ticket.map_err(AuthenticateError::from) {
            Ok(ticket) => {
                let created = self.create(account, &author).await;
                // Tells whether a name is taken, or makes one so.
                let has_told = match &created {
                    Ok(_) => true,
                    Err(AccountError::Repository(error)) => {
                        matches!(error, RepositoryError::Exists | RepositoryError::EmailExists)
                    }
                    Err(_) => false,
                };
                ticket.failed(has_told);
                created
            }
            Err(refused) => {
                let refused = Err(refused.into());
                self.audit([of(&account)], &author, &refused);
                refused
            }
        }
    }
}
