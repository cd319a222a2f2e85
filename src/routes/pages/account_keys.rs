//! The API keys of the account page: made and revoked by users who may have some.

use crate::accounts::{AccountError, NewKey};
use crate::api_error::ApiError;
use crate::domain::{ApiKey, ApiKeysWrite, RepositoryError, Scope as _, Scopes, Timestamp};
use crate::pages::{AccountFault, Done};
use crate::routes::pages::account::{Said, done, page, with_form};
use crate::routes::pages::paths::{KEYS, REVOKE};
use crate::routes::pages::visit::now;
use crate::routes::pages::{Fields, Visit, taken};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, ServiceConfig};

const DAY: i64 = 24 * 60 * 60;

/// What a change of keys needs.
const NEEDED: &[&str] = &[ApiKeysWrite::NAME];

pub(super) fn mount(routes: &mut ServiceConfig) {
    taken(routes, KEYS, &make);
    taken(routes, REVOKE, &revoke);
}

async fn make(visit: Visit, body: Bytes) -> HttpResponse {
    let made = with_form(&visit, &body, async |by, form| {
        let user = &by.user;
        let name = form.get("name").trim();
        let is_name = (1..=ApiKey::LONGEST_NAME).contains(&name.chars().count());
        let Some(expires_at) = end(form) else {
            return Ok(visit.bad("`days` is no number of days"));
        };
        if !is_name || name.chars().any(char::is_control) {
            let fault = Some(AccountFault::KeyName);
            return page(&visit, by, Said { fault, key_name: name, ..Said::default() }).await;
        }
        let mut scopes = Scopes::default();
        for scope in user.scopes.iter().filter(|scope| form.is_ticked(&format!("scope {scope}"))) {
            scopes.insert_known(scope);
        }
        let (owner, among) = (user.username.clone(), Some((*user.scopes).clone()));
        let new = NewKey { owner, name: name.to_owned(), scopes, among, expires_at };
        match visit.services.api_keys.make(new, &visit.author(by, NEEDED)).await {
            Ok((key, secret)) => {
                let made = Some((&*key.name, secret.expose()));
                page(&visit, by, Said { made, ..Said::default() }).await
            }
            Err(AccountError::Repository(RepositoryError::TooManyKeys)) => {
                page(&visit, by, AccountFault::TooManyKeys.into()).await
            }
            Err(error) => Err(denied(error)),
        }
    });
    made.await
}

async fn revoke(visit: Visit, body: Bytes) -> HttpResponse {
    let revoked = with_form(&visit, &body, async |by, form| {
        let Ok(id) = form.get("id").parse() else { return Ok(visit.bad("`id` names no API key")) };
        let (keys, author) = (&visit.services.api_keys, visit.author(by, NEEDED));
        match keys.revoke(id, Some(&by.user.username), &author).await {
            Ok(_) => Ok(done(&visit, Done::Key)),
            Err(AccountError::Repository(RepositoryError::NoSuchKey)) => {
                page(&visit, by, AccountFault::NoKey.into()).await
            }
            Err(error) => Err(denied(error)),
        }
    });
    revoked.await
}

/// When the key ends, if ever; nothing if the form is not ours.
fn end(form: &Fields) -> Option<Option<Timestamp>> {
    match form.get("days") {
        "" => Some(None),
        days => {
            let days = days.parse::<u16>().ok().filter(|days| (1..=3660).contains(days))?;
            Some(Some(Timestamp(now().seconds() + i64::from(days) * DAY)))
        }
    }
}

/// A user who may have no keys, or lost the scope meanwhile.
fn denied(error: AccountError) -> ApiError {
    match error {
        AccountError::Repository(RepositoryError::Denied(_)) => {
            ApiError::Forbidden("Not enough permissions".to_owned())
        }
        error => error.into(),
    }
}
