//! Texts of several pages.

/// In one language.
pub struct Texts {
    /// Leads to the account page.
    pub account: &'static str,
    /// Ends the session.
    pub sign_out: &'static str,
}

/// English
pub const EN: Texts = Texts { account: "Your account", sign_out: "Sign out" };

/// Korean
pub const KO: Texts = Texts { account: "내 계정", sign_out: "로그아웃" };
