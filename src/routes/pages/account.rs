//! `/auth/account`: what a user sees and changes of the own account.

use crate::accounts::{AccountError, AuthenticateError, PasswordChange, SignedIn};
use crate::api_error::ApiError;
use crate::domain::{ApiKeysWrite, RepositoryError, Scope as _, Timestamp};
use crate::pages::{AccountFault, AccountPage, Done, KeyRow, SessionRow, render};
use crate::passwords::PasswordError;
use crate::routes::pages::login::begin;
use crate::routes::pages::paths::{ACCOUNT, LOGIN, PASSWORD, SESSIONS, SIGN_OUT};
use crate::routes::pages::providers::connected;
use crate::routes::pages::visit::now;
use crate::routes::pages::{Fields, Follows, Visit, consents, shown, taken};
use crate::security::BrowserCookie;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, ServiceConfig};

pub(super) fn mount(routes: &mut ServiceConfig) {
    shown(routes, ACCOUNT, &show);
    taken(routes, SIGN_OUT, &sign_out);
    taken(routes, PASSWORD, &set_password);
    taken(routes, SESSIONS, &end_sessions);
}

/// What the page says beside the account.
#[derive(Default)]
pub(super) struct Said<'a> {
    pub(super) done: Option<Done>,
    pub(super) fault: Option<AccountFault>,
    pub(super) made: Option<(&'a str, &'a str)>,
    pub(super) key_name: &'a str,
    /// The full name and the e-mail address that were typed.
    pub(super) profile: Option<(&'a str, &'a str)>,
}

impl From<AccountFault> for Said<'_> {
    fn from(fault: AccountFault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }
}

/// The page.
pub(super) async fn page(
    visit: &Visit,
    by: &SignedIn,
    said: Said<'_>,
) -> Result<HttpResponse, ApiError> {
    let (frame, now, user) = (visit.frame(), now(), &by.user);
    let sessions = visit.sign_in.sessions.list(&user.username).await?;
    let row = |session| SessionRow::of(session, by.session.id, now, frame);
    let sessions: Vec<_> = sessions.iter().map(row).collect();
    let keys = if user.scopes.contains(ApiKeysWrite::NAME) {
        let keys = visit.services.api_keys.list(Some(&user.username)).await?;
        Some(keys.iter().map(|key| KeyRow::of(key, now, frame)).collect::<Vec<_>>())
    } else {
        None
    };
    let connected = connected(visit, by).await?;
    let Said { done, fault, made, key_name, profile } = said;
    let stored = (user.full_name.as_deref(), user.email.as_deref());
    let stored = (stored.0.unwrap_or_default(), stored.1.unwrap_or_default());
    let (full_name, email) = profile.unwrap_or(stored);
    let consents = consents::rows(visit, by).await?;
    let html = render(&AccountPage {
        frame,
        form_token: &visit.session_form(by, ACCOUNT),
        user,
        full_name,
        email,
        consents: &consents,
        sessions: &sessions,
        connected: &connected,
        keys: keys.as_deref(),
        made,
        key_name,
        done,
        fault,
    });
    let status = match fault {
        None => StatusCode::OK,
        Some(AccountFault::Throttled) => StatusCode::TOO_MANY_REQUESTS,
        Some(AccountFault::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    // Forms that link lead to providers, and browsers check where a form's redirect leads.
    let follows = if connected.providers.is_empty() { Follows::Here } else { Follows::Anywhere };
    Ok(visit.page(status, html, follows))
}

async fn show(visit: Visit) -> HttpResponse {
    let query = match Fields::of_query(&visit.request) {
        Ok(query) => query,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let shown = async {
        let Some(by) = visit.signed_in().await? else { return Ok(visit.go(LOGIN, [])) };
        let said = Said { done: Done::of(query.get("done")), ..Said::default() };
        page(&visit, &by, said).await
    };
    let shown = shown.await;
    visit.finish(shown)
}

/// Runs what a form of the page asks for, if it is this session's.
pub(super) async fn with_form(
    visit: &Visit,
    body: &Bytes,
    done: impl AsyncFnOnce(&SignedIn, &Fields) -> Result<HttpResponse, ApiError>,
) -> HttpResponse {
    let form = match Fields::of_form(&visit.request, body) {
        Ok(form) => form,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let answer = async {
        let Some(by) = visit.signed_in().await? else { return Ok(visit.go(LOGIN, [])) };
        if visit.check_session_form(&by, ACCOUNT, &form).is_err() {
            return Ok(visit.forged());
        }
        done(&by, &form).await
    };
    let answer = answer.await;
    visit.finish(answer)
}

/// Back to the page, which says what was done.
pub(super) fn done(visit: &Visit, done: Done) -> HttpResponse {
    visit.go(&format!("{ACCOUNT}?done={}", done.word()), [])
}

async fn sign_out(visit: Visit, body: Bytes) -> HttpResponse {
    let ended = with_form(&visit, &body, async |by, _| {
        end_own(&visit, by).await?;
        let removed = BrowserCookie::Session.remove(&visit.sign_in.url);
        Ok(visit.go(LOGIN, [removed]))
    });
    ended.await
}

async fn end_sessions(visit: Visit, body: Bytes) -> HttpResponse {
    let ended = with_form(&visit, &body, async |by, form| {
        let author = visit.author(by, &[]);
        let sessions = &visit.sign_in.sessions;
        let sid = form.get("sid");
        if sid.is_empty() {
            sessions.end_others(by, &author).await?;
            return Ok(done(&visit, Done::Sessions));
        }
        let Ok(sid) = sid.parse() else { return Ok(visit.bad("`sid` names no session")) };
        match sessions.end(sid, &by.user.username, &author).await {
            Err(AccountError::Repository(RepositoryError::NoSuchSession)) => {
                page(&visit, by, AccountFault::NoSession.into()).await
            }
            ended => {
                ended?;
                Ok(done(&visit, Done::Session))
            }
        }
    });
    ended.await
}

async fn set_password(visit: Visit, body: Bytes) -> HttpResponse {
    let changed = with_form(&visit, &body, async |by, form| {
        let new = form.secret("new_password");
        let checked = visit.services.passwords.check_policy(&new);
        if let Err(error) = checked {
            return page(&visit, by, policy_fault(&error).into()).await;
        }
        let change = PasswordChange { old: form.secret("old_password"), new };
        let accounts = &visit.services.accounts;
        let changed = accounts.change_password(&by.user, change, &visit.author(by, &[])).await;
        if let Err(error) = changed {
            return match fault(&error) {
                Some(fault) => page(&visit, by, fault.into()).await,
                None => Err(error.into()),
            };
        }
        // That has ended all sessions; this browser's user has just proved who it is.
        let user = visit.services.users.find_now(by.user.id, &by.user.username).await?;
        let stays = by.session.ends_at.seconds() - by.session.seen.seconds()
            > visit.services.settings.sessions.idle.get().into();
        let begun = match user {
            Some(user) => begin(&visit, &user, ("pwd", stays), Timestamp(0)).await?,
            None => None,
        };
        let cookies = begun.map(|(_, cookies)| cookies);
        let target = format!("{ACCOUNT}?done={}", Done::Password.word());
        Ok(visit.go(&target, cookies.unwrap_or_default()))
    });
    changed.await
}

fn policy_fault(error: &PasswordError) -> AccountFault {
    match error {
        PasswordError::TooShort => AccountFault::ShortPassword,
        PasswordError::TooLong | PasswordError::Nul => AccountFault::LongPassword,
        _ => AccountFault::CommonPassword,
    }
}

/// What a user can do something about.
fn fault(error: &AccountError) -> Option<AccountFault> {
    Some(match error {
        AccountError::WrongPassword => AccountFault::WrongPassword,
        AccountError::Authenticate(AuthenticateError::Throttled { .. }) => AccountFault::Throttled,
        AccountError::Authenticate(AuthenticateError::Busy { .. })
        | AccountError::Password(PasswordError::Busy { .. }) => AccountFault::Busy,
        _ => return None,
    })
}

/// Ends the session of this browser.
pub(super) async fn end_own(visit: &Visit, by: &SignedIn) -> Result<(), ApiError> {
    let SignedIn { session, user } = by;
    let author = visit.author(by, &[]);
    Ok(visit.sign_in.sessions.end(session.id, &user.username, &author).await?)
}
