//! The account page: what a user sees and changes of the own account.

use crate::pages::frame::Frame;
use askama::Template;

/// The account of a user who is logged in.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// Proves that the form to sign out is ours.
    pub sign_out_token: &'a str,
    /// The user's name.
    pub username: &'a str,
}
