//! Texts of several pages.

/// In one language.
pub struct Texts {
    /// Leads to the account page.
    pub account: &'static str,
    /// Ends the session.
    pub sign_out: &'static str,
    /// Whose session it is.
    pub signed_in_as: fn(&str) -> String,
}

/// English
pub const EN: Texts = Texts {
    account: "Your account",
    sign_out: "Sign out",
    signed_in_as: |name| format!("Signed in as {name}"),
};

/// Korean
pub const KO: Texts = Texts {
    account: "내 계정",
    sign_out: "로그아웃",
    signed_in_as: |name| format!("{name} 계정으로 로그인됨"),
};
