//! The login page.

use crate::pages::fault::LoginFault;
use crate::pages::frame::Frame;
use crate::pages::provider::ProviderButton;
use askama::Template;

/// The form for a name and a password.
#[derive(Template)]
#[template(path = "login.html")]
pub struct LoginPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// Where the form is sent to.
    pub action: &'a str,
    /// Proves that the form is ours.
    pub form_token: &'a str,
    /// The client that asks for the login, by its name.
    pub client: Option<&'a str>,
    /// The name to fill in.
    pub username: &'a str,
    /// Whether the user may ask to stay signed in, and whether that is ticked.
    pub remember: Option<bool>,
    /// Other providers to log in at.
    pub providers: &'a [ProviderButton],
    /// What follows the path of each: a query, or nothing.
    pub provider_query: &'a str,
    /// Proves that their forms are ours.
    pub provider_token: &'a str,
    /// Why the last try did not succeed.
    pub fault: Option<LoginFault>,
}

impl LoginPage<'_> {
    fn message(&self) -> Option<String> {
        self.fault.map(|fault| self.frame.texts().login.fault(fault))
    }

    fn lacks(&self, fault: LoginFault) -> bool {
        self.fault == Some(fault)
    }

    fn lacks_username(&self) -> bool {
        self.lacks(LoginFault::NoUsername)
    }

    fn lacks_password(&self) -> bool {
        self.lacks(LoginFault::NoPassword)
    }

    fn is_wrong(&self) -> bool {
        self.lacks(LoginFault::Wrong)
    }

    /// Where to begin typing: what is filled in already is left alone.
    fn begins_with_password(&self) -> bool {
        !self.username.is_empty() && !self.lacks_username()
    }
}
