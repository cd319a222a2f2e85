//! The pages between a client's request and the way back.

use crate::pages::frame::Frame;
use askama::Template;

/// Asks what a client may do.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// Where the form is sent to.
    pub action: &'a str,
    /// Proves that the form is ours.
    pub form_token: &'a str,
    /// The client, by its name.
    pub client: &'a str,
    /// The host that the user is sent to; `None`: an application on the user's device.
    pub host: Option<&'a str>,
    /// The user's name.
    pub username: &'a str,
    /// What the client asks for: name, and what the settings say about it.
    pub scopes: &'a [(&'a str, &'a str)],
    /// Where another user logs in.
    pub other_account: &'a str,
}

impl ConsentPage<'_> {
    /// What each scope allows, in the page's language as far as it is known.
    fn lines(&self) -> Vec<&str> {
        let texts = &self.frame.texts().authorize;
        self.scopes.iter().map(|(name, about)| texts.scope(name).unwrap_or(about)).collect()
    }
}

/// Asks which account to go on with.
#[derive(Template)]
#[template(path = "choose.html")]
pub struct ChoosePage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// The client, by its name.
    pub client: &'a str,
    /// The user's name.
    pub username: &'a str,
    /// Where this user goes on.
    pub same_account: &'a str,
    /// Where another user logs in.
    pub other_account: &'a str,
}

/// Asks whether to sign out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// Where the form is sent to.
    pub action: &'a str,
    /// Proves that the form is ours.
    pub form_token: &'a str,
    /// The user's name.
    pub username: &'a str,
}

/// Nobody is signed in any more.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
}

/// A response for a client that the browser posts by itself or, without scripts, by a button.
#[derive(Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// Where it goes.
    pub action: &'a str,
    /// What it says.
    pub fields: &'a [(&'static str, String)],
}
