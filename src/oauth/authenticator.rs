//! Who a user name and a password are; HTTP Basic and the password grant both ask here.

use crate::domain::{Clock, RepositoryError, Secret, User, UserChange, UserRepository, Username};
use crate::passwords::PasswordError;
use crate::passwords::Passwords;
use std::fmt;
use std::sync::Arc;

/// Checks user names and passwords.
#[derive(Clone)]
pub struct Authenticator {
    /// The store of users.
    pub users: Arc<dyn UserRepository>,
    /// Verifies and renews hashes.
    pub passwords: Arc<Passwords>,
    /// Dates a renewed hash.
    pub clock: Arc<dyn Clock>,
}

/// Why it is not known who the user is.
#[derive(Debug)]
pub enum AuthenticateError {
    /// Too many logins at once.
    Busy {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// The store of users does not answer.
    Unavailable(RepositoryError),
    /// The password could not be hashed: a fault of ours.
    Hashing,
}

impl fmt::Display for AuthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { retry_after_seconds } => {
                write!(f, "too many logins at once, try again in {retry_after_seconds} seconds")
            }
            Self::Unavailable(cause) => cause.fmt(f),
            Self::Hashing => f.write_str("the password could not be hashed"),
        }
    }
}

impl std::error::Error for AuthenticateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<PasswordError> for AuthenticateError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy { retry_after_seconds } => Self::Busy { retry_after_seconds },
            _ => Self::Hashing,
        }
    }
}

impl Authenticator {
    /// The user of that name, if it is the password; also a disabled one.
    ///
    /// Unknown and impossible names cost as many hash operations as a wrong password: one. Where
    /// the hash is cheaper or older than what would be written today, a login renews it.
    pub async fn authenticate(
        &self,
        username: &str,
        password: Secret,
    ) -> Result<Option<Arc<User>>, AuthenticateError> {
        let user = match username.parse::<Username>() {
            Ok(name) => self.users.find(&name).await.map_err(AuthenticateError::Unavailable)?,
            Err(_) => None,
        };
        let hash = user.as_ref().map(|user| user.password_hash);
        let verdict = self.passwords.verify(password.clone(), hash).await?;
        match user {
            Some(user) if verdict.needs_rehash => Ok(Some(self.rehash(user, password).await)),
            Some(user) if verdict.matches => Ok(Some(user)),
            _ => Ok(None),
        }
    }

    /// Renews the hash. Whatever fails here, the login has succeeded; the next one tries again.
    async fn rehash(&self, user: Arc<User>, password: Secret) -> Arc<User> {
        let hash = match self.passwords.hash(password).await {
            Ok(hash) => hash,
            Err(cause) => {
                log::debug!("{}: the password's hash stays as it is: {cause}", user.username);
                return user;
            }
        };
        let change = UserChange {
            password_hash: Some(hash),
            expected_hash: Some(user.password_hash),
            ..UserChange::default()
        };
        match self.users.update(&user.username, change, None, None, self.clock.now()).await {
            Ok(renewed) => Arc::new(renewed),
            Err(cause) => {
                log::warn!("{}: the password's hash was not renewed: {cause}", user.username);
                user
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::memory::{MemoryUsers, authenticator, hashed, passwords};

    async fn login(by: &Authenticator, name: &str, password: &str) -> Option<Arc<User>> {
        by.authenticate(name, Secret::new(password)).await.unwrap()
    }

    #[tokio::test]
    async fn name_and_password_make_a_user() {
        let users = MemoryUsers::with("johndoe", hashed(5, "swordfish").await);
        let by = authenticator(&users, 5);
        let user = login(&by, "johndoe", "swordfish").await.unwrap();
        assert_eq!(user.username.as_str(), "johndoe");
        assert!(login(&by, "johndoe", "swordfisH").await.is_none());
        assert!(login(&by, "johndoe", "").await.is_none());
        assert!(login(&by, "JohnDoe", "swordfish").await.is_none());
        assert!(login(&by, "nobody", "swordfish").await.is_none());
    }

    #[tokio::test]
    async fn unknown_users_cost_as_much_as_wrong_passwords() {
        let users = MemoryUsers::with("johndoe", hashed(5, "swordfish").await);
        let by = authenticator(&users, 5);
        let long = "a".repeat(500);
        for name in ["johndoe", "nobody", "", "me", "a\nb", "\0", &long] {
            for password in ["wrong", "", "a\0b", &"a".repeat(5000)] {
                let before = by.passwords.operations();
                assert!(login(&by, name, password).await.is_none());
                assert_eq!(by.passwords.operations() - before, 1, "{name:?} {password:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_login_raises_the_cost_once() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        let by = authenticator(&users, 5);
        assert!(login(&by, "johndoe", "wrong").await.is_none());
        assert_eq!(users.hash_of("johndoe").cost(), 4, "a wrong password changes nothing");
        let user = login(&by, "johndoe", "swordfish").await.unwrap();
        assert_eq!(users.hash_of("johndoe").cost(), 5);
        assert_eq!(user.password_hash, users.hash_of("johndoe"));
        let renewed = users.hash_of("johndoe");
        let before = by.passwords.operations();
        assert!(login(&by, "johndoe", "swordfish").await.is_some());
        assert_eq!(by.passwords.operations() - before, 1);
        assert_eq!(users.hash_of("johndoe"), renewed);
    }

    #[tokio::test]
    async fn a_rehash_never_undoes_a_change_of_password() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        let by = authenticator(&users, 5);
        let changed = hashed(5, "marlinspike").await;
        users.change_after_next_find(changed);
        assert!(
            login(&by, "johndoe", "swordfish").await.is_some(),
            "it was right when it was read"
        );
        assert_eq!(users.hash_of("johndoe"), changed);
        assert!(login(&by, "johndoe", "swordfish").await.is_none());
        assert!(login(&by, "johndoe", "marlinspike").await.is_some());
    }

    #[tokio::test]
    async fn a_failed_rehash_does_not_fail_the_login() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        users.refuse_updates();
        assert!(login(&authenticator(&users, 5), "johndoe", "swordfish").await.is_some());
        assert_eq!(users.hash_of("johndoe").cost(), 4);
    }

    #[tokio::test]
    async fn long_legacy_passwords_log_in_and_are_left() {
        let legacy = "$2a$05$abcdefghijklmnopqrstuucInKr3IboNwd.uyBCOF.k5jbgnj4BlS";
        let users = MemoryUsers::with("johndoe", legacy.parse().unwrap());
        let password = "0123456789".repeat(7) + "ab and more";
        assert!(login(&authenticator(&users, 5), "johndoe", &password).await.is_some());
        assert_eq!(users.hash_of("johndoe").expose(), legacy);
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_no_wrong_password() {
        let users = MemoryUsers::with("johndoe", hashed(5, "swordfish").await);
        users.stop_answering();
        let result = authenticator(&users, 5).authenticate("johndoe", Secret::new("x")).await;
        assert!(matches!(result, Err(AuthenticateError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy() {
        let users = MemoryUsers::with("johndoe", hashed(12, "swordfish").await);
        let by = Authenticator { passwords: passwords(12, 1), ..authenticator(&users, 5) };
        let attempts = (0..8).map(|_| by.authenticate("johndoe", Secret::new("swordfish")));
        let results = futures_util::future::join_all(attempts).await;
        let busy = |result: &Result<_, _>| matches!(result, Err(AuthenticateError::Busy { .. }));
        assert!(results.iter().any(busy));
        assert!(results.iter().any(|result| matches!(result, Ok(Some(_)))));
    }
}
