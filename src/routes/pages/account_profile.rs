//! The profile of the account page: what users say of themselves.

use crate::accounts::{AccountChange, AccountError};
use crate::domain::{RepositoryError, check_email, check_full_name};
use crate::pages::{AccountFault, Done};
use crate::routes::pages::account::{Said, done, page, with_form};
use crate::routes::pages::paths::PROFILE;
use crate::routes::pages::{Visit, taken};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, ServiceConfig};

pub(super) fn mount(routes: &mut ServiceConfig) {
    taken(routes, PROFILE, &change);
}

/// What is empty is removed; what is as before is left alone.
async fn change(visit: Visit, body: Bytes) -> HttpResponse {
    let changed = with_form(&visit, &body, async |by, form| {
        let typed = (form.get("full_name").trim(), form.get("email").trim());
        let (full_name, email) = typed;
        let refuse = |fault| Said { fault: Some(fault), profile: Some(typed), ..Said::default() };
        if check_full_name(full_name).is_err() {
            return page(&visit, by, refuse(AccountFault::FullName)).await;
        }
        if !is_address(email) {
            return page(&visit, by, refuse(AccountFault::Email)).await;
        }
        let new = |text: &str, before: Option<&str>| {
            let text = Some(text).filter(|text| !text.is_empty());
            (text != before).then(|| text.map(str::to_owned))
        };
        let user = &by.user;
        let change = AccountChange {
            full_name: new(full_name, user.full_name.as_deref()),
            email: new(email, user.email.as_deref()),
            ..AccountChange::default()
        };
        if change.full_name.is_none() && change.email.is_none() {
            return Ok(done(&visit, Done::Profile));
        }
        // It would lead whoever has the address at a provider to this account.
        let upstream = visit.services.upstream.as_ref();
        let is_trusted = upstream.is_some_and(|upstream| upstream.trusts(email));
        if change.email.is_some() && is_trusted {
            return page(&visit, by, refuse(AccountFault::EmailTrusted)).await;
        }
        let author = visit.author(by, &[]);
        match visit.services.accounts.change(&user.username, change, &author).await {
            Ok(_) => Ok(done(&visit, Done::Profile)),
            Err(AccountError::Repository(RepositoryError::EmailExists)) => {
                page(&visit, by, refuse(AccountFault::EmailTaken)).await
            }
            Err(error) => Err(error.into()),
        }
    });
    changed.await
}

/// Whether an address may be stored, and mail can be sent to it; nothing is an address as well.
fn is_address(text: &str) -> bool {
    let has_parts = text.rsplit_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
    });
    (text.is_empty() || has_parts) && check_email(text).is_ok()
}
