//! The clients of the account page: what the user has allowed one is taken back.

use crate::domain::ClientId;
use crate::pages::{AccountFault, Done};
use crate::routes::pages::account::{done, page, with_form};
use crate::routes::pages::paths::WITHDRAW;
use crate::routes::pages::{Visit, taken};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, ServiceConfig};

pub(super) fn mount(routes: &mut ServiceConfig) {
    taken(routes, WITHDRAW, &withdraw);
}

async fn withdraw(visit: Visit, body: Bytes) -> HttpResponse {
    let withdrawn = with_form(&visit, &body, async |by, form| {
        let Ok(client) = form.get("client_id").parse::<ClientId>() else {
            return Ok(visit.bad("`client_id` names no client"));
        };
        let authorizations = &visit.sign_in.authorizations;
        if authorizations.withdraw(&by.user, &client, &visit.sender()).await? {
            Ok(done(&visit, Done::Consent))
        } else {
            page(&visit, by, AccountFault::NoConsent.into()).await
        }
    });
    withdrawn.await
}
