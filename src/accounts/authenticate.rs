//! Verifies a username and password; used by HTTP Basic and the password grant.

use crate::accounts::Accounts;
use crate::accounts::login::{LoginAttempt, LoginMethod};
use crate::accounts::throttle::{ThrottleError, Ticket};
use crate::domain::{
    LoginOutcome, Origin, RepositoryError, Secret, Sender, User, UserChange, Username, program,
};
use crate::logging::name_caller;
use crate::passwords::PasswordError;
use std::sync::Arc;
use thiserror::Error;

/// Why a login could not be decided.
#[derive(Debug, Error)]
pub enum AuthenticateError {
    /// Too many logins at once.
    #[error("too many logins at once, try again in {retry_after_seconds} seconds")]
    Busy {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// Too many wrong passwords.
    #[error("too many attempts, try again in {retry_after_seconds} seconds")]
    Throttled {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// The user repository does not respond.
    #[error(transparent)]
    Unavailable(RepositoryError),
    /// The password could not be hashed: our fault.
    #[error("the password could not be hashed")]
    Hashing,
}

impl From<ThrottleError> for AuthenticateError {
    fn from(error: ThrottleError) -> Self {
        match error {
            ThrottleError::Refused { retry_after_seconds } => {
                Self::Throttled { retry_after_seconds }
            }
            ThrottleError::Unavailable(cause) => Self::Unavailable(cause),
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

impl Accounts {
    /// Returns the user if the password matches, even when disabled.
    ///
    /// Unknown and impossible names cost what a wrong password costs: they are counted, take a
    /// place in the queue before any user is looked up, and cause the work of one hash. A login
    /// renews a hash that is cheaper or older than today's.
    pub async fn authenticate(
        &self,
        username: &str,
        password: Secret,
        sender: impl Into<Sender>,
    ) -> Result<Option<Arc<User>>, AuthenticateError> {
        self.authenticate_by(LoginMethod::Own, (username, password), sender.into()).await
    }

    /// The same for one of the server's own logins.
    pub(crate) async fn authenticate_by(
        &self,
        method: LoginMethod,
        (username, password): (&str, Secret),
        sender: Sender,
    ) -> Result<Option<Arc<User>>, AuthenticateError> {
        let mut login = self.begin_login(method, username, sender);
        let result = self.identify(&mut login, password).await;
        login.end(match &result {
            Ok(Some(user)) if user.disabled => LoginOutcome::Disabled,
            Ok(Some(_)) => LoginOutcome::Accepted,
            Ok(None) => LoginOutcome::Rejected,
            Err(AuthenticateError::Busy { .. }) => LoginOutcome::Busy,
            Err(AuthenticateError::Throttled { .. }) => LoginOutcome::Throttled,
            Err(AuthenticateError::Unavailable(_)) => LoginOutcome::Unavailable,
            Err(AuthenticateError::Hashing) => LoginOutcome::Failed,
        });
        result
    }

    /// The same, for callers that end the login themselves.
    pub(crate) async fn identify(
        &self,
        login: &mut LoginAttempt<'_>,
        password: Secret,
    ) -> Result<Option<Arc<User>>, AuthenticateError> {
        let client = login.sender.origin;
        let ticket = self.admit(&login.tried, &login.sender).await?;
        let place = self.passwords.place(client, &login.tried).await?;
        let user = match login.tried.parse::<Username>() {
            Ok(name) => self.find_for_login(&name).await.map_err(AuthenticateError::Unavailable)?,
            Err(_) => None,
        };
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let verdict = place.verify(password.clone(), hash).await?;
        if let Some(user) = &user {
            login.is_known = true;
            login.is_unusable = self.warn_of_hash(user);
        }
        let Some(user) = user.filter(|_| verdict.matches) else {
            ticket.failed(!login.is_unusable);
            return Ok(None);
        };
        login.is_of(&user);
        name_caller(&user);
        ticket.succeeded(user.id).await;
        // Rehashing takes time: not where the response hides that the password was right.
        if verdict.needs_rehash && !user.disabled {
            return Ok(Some(self.rehash(user, password, client).await));
        }
        Ok(Some(user))
    }

    /// Counts an attempt, unless nothing is counted. A flood that fills the queue is no work for the
    /// database.
    async fn admit(&self, username: &str, sender: &Sender) -> Result<Ticket, AuthenticateError> {
        let Some(throttle) = self.throttle.as_ref().filter(|_| self.is_throttled) else {
            return Ok(Ticket::uncounted());
        };
        let attempt = throttle.attempt(username, &sender.into())?;
        self.passwords.check_room(sender.origin, username).await?;
        Ok(throttle.admit(attempt).await?)
    }

    /// Whether the password of an already known user matches.
    pub(super) async fn confirm(
        &self,
        user: &User,
        password: Secret,
        sender: &Sender,
    ) -> Result<bool, AuthenticateError> {
        let ticket = self.admit(user.username.as_str(), sender).await?;
        let place = self.passwords.place(sender.origin, user.username.as_str()).await?;
        let verdict = place.verify(password, Some(user.password_hash.clone())).await?;
        let is_unusable = self.warn_of_hash(user);
        if verdict.matches {
            ticket.succeeded(user.id).await;
        } else {
            ticket.failed(!is_unusable);
        }
        Ok(verdict.matches)
    }

    /// Whether no password can be that of the stored hash; the log is told why.
    fn warn_of_hash(&self, user: &User) -> bool {
        let lacks_pepper = self.passwords.lacks_pepper(&user.password_hash);
        if !user.password_hash.is_readable() {
            log::warn!(
                target: "bailiwick.error",
                "{name}: no password is accepted because what is stored is no hash that is \
                 verified here; set a new one with: {program} users set-password {name}",
                name = user.username,
                program = program(),
            );
        }
        if lacks_pepper {
            log::warn!(
                target: "bailiwick.error",
                "{name}: no password is accepted because the stored hash was made with another pepper \
                 than that of passwords.pepper_file, or that names none; configure that pepper again, \
                 or if it is lost, set a new password with: {program} users set-password {name}",
                name = user.username,
                program = program(),
            );
        }
        let (cost, most) = (user.password_hash.cost(), self.passwords.highest_verified_cost());
        if cost > most {
            log::warn!(
                target: "bailiwick.error",
                "{name}: no password is accepted because the stored hash has a cost of {cost}, \
                 and above {most} verifying takes too long; set a new one with: {program} users \
                 set-password {name}",
                name = user.username,
                program = program(),
            );
        }
        lacks_pepper || cost > most || !user.password_hash.is_readable()
    }

    /// The user who logs in by this name: its owner, or else, if case is ignored, the one whose
    /// name differs only in case.
    async fn find_for_login(&self, name: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        match self.users.find(name).await? {
            Some(user) => Ok(Some(user)),
            None => self.users.find_folded(name).await,
        }
    }

    /// Renews the hash. If this fails, the login has still succeeded; the next one tries again.
    async fn rehash(&self, user: Arc<User>, password: Secret, client: Origin) -> Arc<User> {
        let name = &user.username;
        let hash = match self.passwords.place(client, name.as_str()).await {
            Ok(place) => place.hash(password).await,
            Err(full) => Err(full),
        };
        let hash = match hash {
            Ok(hash) => hash,
            Err(cause) => {
                log::debug!("{name}: the password's hash stays as it is: {cause}");
                return user;
            }
        };
        let change = UserChange {
            password_hash: Some(hash),
            expected_hash: Some(user.password_hash.clone()),
            ..UserChange::default()
        };
        match self.users.update(name, change, None, None, self.clock.now()).await {
            Ok(renewed) => Arc::new(renewed),
            // Another login renewed it meanwhile, or the user was deleted.
            Err(RepositoryError::NotFound) => user,
            Err(cause) => {
                log::warn!("{name}: the password's hash was not renewed: {cause}");
                user
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::memory::{MemoryUsers, accounts, hashed, passwords};
    use crate::domain::UserRepository as _;

    async fn login(by: &Accounts, name: &str, password: &str) -> Option<Arc<User>> {
        by.authenticate(name, Secret::new(password), Origin::Local).await.unwrap()
    }

    #[tokio::test]
    async fn name_and_password_make_a_user() {
        let users = MemoryUsers::with("johndoe", hashed(5, "swordfish").await);
        let by = accounts(&users, 5);
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
        let by = accounts(&users, 5);
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
        let by = accounts(&users, 5);
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

    /// The time would reveal that the password was right although the response does not.
    #[tokio::test]
    async fn a_disabled_users_hash_stays() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        users.edit("johndoe", |user| user.disabled = true);
        let by = accounts(&users, 5);
        assert!(login(&by, "johndoe", "swordfish").await.is_some());
        assert_eq!(by.passwords.operations(), 1);
        assert_eq!(users.hash_of("johndoe").cost(), 4);
    }

    /// Without a place no user is looked up: the store would not have responded.
    #[tokio::test]
    async fn a_full_queue_looks_up_no_user() {
        let users = MemoryUsers::with("johndoe", hashed(5, "swordfish").await);
        users.stop_answering();
        let by = Accounts { passwords: passwords(31, 1), ..accounts(&users, 5) };
        let mut places = vec![];
        while let Ok(place) = by.passwords.place(Origin::Local, &places.len().to_string()).await {
            places.push(place);
        }
        assert_eq!(by.passwords.queued(), places.len());
        for name in ["johndoe", "nobody", "a\nb", ""] {
            let refused = by.authenticate(name, Secret::new("swordfish"), Origin::Local).await;
            assert!(
                matches!(refused, Err(AuthenticateError::Busy { .. })),
                "{name:?}: {refused:?}"
            );
        }
        assert_eq!(by.passwords.operations(), 0);
    }

    /// Confirming a password is one more way to guess it: it costs what a login costs.
    #[tokio::test]
    async fn a_known_users_password_is_confirmed_at_the_same_cost() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        let by = accounts(&users, 6);
        let johndoe = users.find(&"johndoe".parse().unwrap()).await.unwrap().unwrap();
        for (password, right) in [("swordfish", true), ("wrong", false), ("a\0b", false)] {
            let password = Secret::new(password);
            assert_eq!(by.confirm(&johndoe, password, &Origin::Local.into()).await.unwrap(), right);
        }
        while by.passwords.rounds() < 3 << 6 {
            tokio::task::yield_now().await;
        }
        assert_eq!((by.passwords.operations(), by.passwords.rounds()), (3, 3 << 6));
    }

    #[tokio::test]
    async fn a_rehash_never_undoes_a_change_of_password() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        let by = accounts(&users, 5);
        let changed = hashed(5, "marlinspike").await;
        users.change_after_next_find(changed.clone());
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
        assert!(login(&accounts(&users, 5), "johndoe", "swordfish").await.is_some());
        assert_eq!(users.hash_of("johndoe").cost(), 4);
    }

    #[tokio::test]
    async fn long_legacy_passwords_log_in_and_are_left() {
        let legacy = "$2a$05$abcdefghijklmnopqrstuucInKr3IboNwd.uyBCOF.k5jbgnj4BlS";
        let users = MemoryUsers::with("johndoe", legacy.parse().unwrap());
        let password = "0123456789".repeat(7) + "ab and more";
        assert!(login(&accounts(&users, 5), "johndoe", &password).await.is_some());
        assert_eq!(users.hash_of("johndoe").expose(), legacy);
    }

    #[tokio::test]
    async fn an_unresponsive_store_is_no_wrong_password() {
        let users = MemoryUsers::with("johndoe", hashed(5, "swordfish").await);
        users.stop_answering();
        let result =
            accounts(&users, 5).authenticate("johndoe", Secret::new("x"), Origin::Local).await;
        assert!(matches!(result, Err(AuthenticateError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy() {
        let users = MemoryUsers::with("johndoe", hashed(12, "swordfish").await);
        let by = Accounts { passwords: passwords(12, 1), ..accounts(&users, 5) };
        let attempt = |_| by.authenticate("johndoe", Secret::new("swordfish"), Origin::Local);
        let attempts = (0..8).map(attempt);
        let results = futures_util::future::join_all(attempts).await;
        let busy = |result: &Result<_, _>| matches!(result, Err(AuthenticateError::Busy { .. }));
        assert!(results.iter().any(busy));
        assert!(results.iter().any(|result| matches!(result, Ok(Some(_)))));
    }
}
