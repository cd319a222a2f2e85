//! What may be wrong, as pages say it.

use crate::pages::provider::Trouble;

/// What is wrong with a request for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be understood.
    Request,
    /// It was not sent from a page of this server, or from one that is out of date.
    Form,
    /// There is no such page.
    Missing,
    /// The user may not see it.
    Forbidden,
    /// Too much was asked for: again after so many seconds.
    Throttled(u64),
    /// The server is overloaded, or its database is away.
    Busy,
    /// A login at another provider did not succeed.
    Provider(Trouble),
    /// A fault of the server.
    Internal,
}

/// Why a login did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFault {
    /// No name was given.
    NoUsername,
    /// No password was given.
    NoPassword,
    /// Nobody has both.
    Wrong,
    /// The user is disabled.
    Disabled,
    /// The form was out of date.
    Form,
    /// Too many tries: again after so many seconds.
    Throttled(u64),
    /// The server is overloaded, or its database is away.
    Busy,
}

/// Why something was not changed on the account page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountFault {
    /// The full name is too long, or has characters that cannot be shown.
    FullName,
    /// The e-mail address is none.
    Email,
    /// Another user has the e-mail address.
    EmailTaken,
    /// Whoever has the e-mail address at a provider gets the account, so nobody chooses it.
    EmailTrusted,
    /// The client has no access any more.
    NoConsent,
    /// The current password is another one.
    WrongPassword,
    /// The new password is too short.
    ShortPassword,
    /// The new password is too long.
    LongPassword,
    /// The new password is one of the most common.
    CommonPassword,
    /// Too many wrong passwords.
    Throttled,
    /// The server is overloaded.
    Busy,
    /// There is no such session any more.
    NoSession,
    /// There is no such API key any more.
    NoKey,
    /// The name of an API key is missing or too long.
    KeyName,
    /// The user has too many API keys.
    TooManyKeys,
}

impl AccountFault {
    /// Where on the page it is said.
    #[must_use]
    pub fn section(self) -> &'static str {
        match self {
            Self::WrongPassword
            | Self::ShortPassword
            | Self::LongPassword
            | Self::CommonPassword
            | Self::Throttled
            | Self::Busy => "password",
            Self::FullName | Self::Email | Self::EmailTaken | Self::EmailTrusted => "profile",
            Self::NoConsent => "clients",
            Self::NoSession => "sessions",
            Self::NoKey | Self::KeyName | Self::TooManyKeys => "keys",
        }
    }
}

/// What was done on the account page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The profile was changed.
    Profile,
    /// A client has lost its access.
    Consent,
    /// The password was changed.
    Password,
    /// A session was ended.
    Session,
    /// All other sessions were.
    Sessions,
    /// An API key was revoked.
    Key,
}

impl Done {
    /// The word in the address of the page that says so.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Consent => "client",
            Self::Password => "password",
            Self::Session => "session",
            Self::Sessions => "sessions",
            Self::Key => "key",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Profile,
            Self::Consent,
            Self::Password,
            Self::Session,
            Self::Sessions,
            Self::Key,
        ];
        all.into_iter().find(|done| done.word() == word)
    }
}
