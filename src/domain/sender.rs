//! Who sent a request, as far as that is known without credentials.

use crate::domain::origin::Origin;

/// Who sent a request: whom it counts for, and what the audit log tells of it.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Whom it counts for where something scarce is shared out.
    pub origin: Origin,
    /// The client's address, or `unix`.
    pub address: Option<Box<str>>,
    /// What the client calls itself, fit for a log.
    pub user_agent: Option<Box<str>>,
    /// The browser, if it has a cookie that this server gave it at a login: not the cookie itself.
    pub device: Option<Box<str>>,
}

impl From<Origin> for Sender {
    fn from(origin: Origin) -> Self {
        Self { origin, address: None, user_agent: None, device: None }
    }
}
