//! Users of a test.

use crate::accounts::{AccountChange, Author, NewAccount};
use crate::domain::{Scopes, Secret, Username};
use crate::testing::Application;
use rand::distr::{Alphanumeric, SampleString as _};
use std::collections::HashMap;
use std::fmt;
use std::sync::PoisonError;

/// The passwords of the users that were created, by name.
pub(super) type Passwords = HashMap<String, String>;

/// A user of an [`Application`].
#[must_use = "a user is created by `add` or `token`"]
pub struct TestUser<'a> {
    application: &'a Application,
    name: String,
    scopes: String,
    password: Option<String>,
    disabled: bool,
}

impl<'a> TestUser<'a> {
    pub(super) fn new(application: &'a Application, name: &str) -> Self {
        let (name, scopes) = (name.to_owned(), String::new());
        Self { application, name, scopes, password: None, disabled: false }
    }

    /// With these scopes, separated by spaces. A user who exists holds them from now on, in addition to
    /// its others.
    pub fn scopes(mut self, scopes: &str) -> Self {
        scopes.clone_into(&mut self.scopes);
        self
    }

    /// With this password, instead of one that nobody knows.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Disabled.
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// Creates the user, or gives one who exists these scopes.
    ///
    /// # Panics
    ///
    /// If that is refused: because of the name, the password or a scope that is not declared.
    pub async fn add(self) {
        self.known().await;
    }

    /// An access token with these scopes: the user is created if there is none yet, and logs in.
    ///
    /// # Panics
    ///
    /// If that is refused.
    pub async fn token(self) -> String {
        let (application, name, scopes) =
            (self.application, self.name.clone(), self.scopes.clone());
        let password = self.known().await;
        let form = [("username", &*name), ("password", &*password), ("scope", &*scopes)];
        let response = application.post("/token").form(&form).send().await;
        assert_eq!(response.status(), 200, "{name} cannot log in: {:?}", response.text());
        let body: serde_json::Value = response.json();
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// The password of the user, who exists from now on.
    async fn known(self) -> String {
        let Self { application, name, scopes, password, disabled } = self;
        let username: Username =
            name.parse().unwrap_or_else(|error| panic!("the user {name}: {error}"));
        let scopes: Scopes =
            scopes.parse().unwrap_or_else(|error| panic!("the scopes of {name}: {error}"));
        let (password, is_new) = application.password_of(&name, password);
        let secret = Secret::new(password.clone());
        let done = application.with_services(move |services| async move {
            let undeclared = scopes.iter().find(|scope| !services.scopes.contains(scope));
            if let Some(scope) = undeclared {
                return Err(format!("the scope {scope} is not declared"));
            }
            let (accounts, by) = (&services.accounts, &Author::Operator);
            if is_new {
                let (email, full_name) = (None, None);
                let password = Some(secret);
                let account = NewAccount { username, password, email, full_name, disabled, scopes };
                let created = accounts.create(account, by).await;
                return created.map(drop).map_err(|error| error.to_string());
            }
            let found = services.users.find(&username).await.map_err(|error| error.to_string())?;
            let held = found.map(|user| user.scopes.clone()).unwrap_or_default();
            let all = held.iter().chain(scopes.iter()).collect::<Vec<_>>().join(" ");
            let all = all.parse::<Scopes>().map_err(|error| error.to_string())?;
            let change = AccountChange { scopes: Some(all), ..AccountChange::default() };
            let changed = accounts.change(&username, change, by).await;
            changed.map(drop).map_err(|error| error.to_string())
        });
        done.await.unwrap_or_else(|error| panic!("the user {name}: {error}"));
        password
    }
}

impl Application {
    /// The password of a user, and whether the user is to be created with it.
    fn password_of(&self, name: &str, wanted: Option<String>) -> (String, bool) {
        let mut passwords = self.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = passwords.get(name) {
            return (known.clone(), false);
        }
        let made = || Alphanumeric.sample_string(&mut rand::rng(), 24);
        let password = wanted.unwrap_or_else(made);
        passwords.insert(name.to_owned(), password.clone());
        (password, true)
    }
}

impl fmt::Debug for TestUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestUser").field("name", &self.name).finish_non_exhaustive()
    }
}
