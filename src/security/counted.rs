//! Whom a request counts for where requests are counted.

use crate::domain::{Origin, UserId};
use crate::security::any::AnyPrincipal;
use crate::security::client_address::origin;
use crate::security::dependency::Resolve as _;
use crate::security::principal::{self, Principal};
use actix_web::HttpRequest;

/// A party whose requests are counted together.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A user, under any name.
    User(UserId),
    /// A client of the authorization server.
    Client(String),
    /// Whoever is behind an address.
    Address(Origin),
    /// Whatever an application has made of the request.
    Key(String),
}

/// The client's address.
pub fn counted_address(request: &HttpRequest) -> Counted {
    Counted::Address(origin(request))
}

/// The user or client: whom a guard has found, or whose token or API key this is.
///
/// Refusing the others is left to the handler. Its extractors need not look up again who was found.
pub async fn counted_user(request: &HttpRequest) -> Option<Counted> {
    if let Some(principal) = principal::kept(request) {
        return of(&principal);
    }
    principal::keep(request);
    let caller = AnyPrincipal::resolve::<()>(request).await.ok()?;
    of(&caller)
}

fn of(principal: &Principal) -> Option<Counted> {
    let client = || principal.client_id().map(|id| Counted::Client(id.to_owned()));
    principal.user().map(|user| Counted::User(user.id)).or_else(client)
}
