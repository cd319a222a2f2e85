//! What may be wrong, as pages say it.

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
