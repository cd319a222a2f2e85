//! `/users/me/sessions`: the browsers in which the caller is logged in; `/users/{username}/sessions`:
//! those of others, for administrators. Only with `server.public_url`; all of them are ended without it,
//! too.

use crate::api_error::ApiError;
use crate::domain::{Device, MeRead, Session, SessionId, Username, UsersRead, UsersWrite};
use crate::routes::parameters::{PathSessionId, PathUsername};
use crate::routes::{guarded, route_with_slash};
use crate::security::{AccountOwner, Authorized, EnabledUser, Scoped};
use crate::services::{Services, SignIn};
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{Data, Json};
use paperclip::actix::web::{ServiceConfig, delete, get};
use paperclip::actix::{Apiv2Schema, NoContent, api_v2_operation};
use serde::Serialize;

type Reader = Scoped<EnabledUser, UsersRead>;
type Writer = Scoped<EnabledUser, UsersWrite>;

crate::failures! {
    ListFailure {
        404: "User not found",
    }
    EndFailure {
        404: "Session not found",
    }
}

/// Mounts the routes below `/users`.
pub(super) fn mount(routes: &mut ServiceConfig) {
    let (own, others) = ("/me/sessions", "/{username}/sessions");
    route_with_slash(routes, own, || get().to(list));
    route_with_slash(routes, &format!("{own}/{{sid}}"), || delete().to(end));
    guarded::<Reader>(routes, others, &Method::GET, || get().to(list_of));
    let one = format!("{others}/{{sid}}");
    guarded::<Writer>(routes, &one, &Method::DELETE, || delete().to(end_of));
}

/// A browser in which a user is logged in.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "Session")]
struct SessionRecord {
    /// Names it; no secret.
    #[openapi(example = "3f2b8c1d9e4a5f60718293a4b5c6d7e8")]
    sid: String,
    /// The browser, as far as it tells.
    #[openapi(example = "Firefox")]
    browser: Option<&'static str>,
    /// Its system, as far as it tells.
    #[openapi(example = "Windows")]
    system: Option<&'static str>,
    /// What it calls itself.
    #[openapi(example = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Firefox/128.0")]
    user_agent: String,
    /// When the user logged in (RFC 3339).
    #[openapi(example = "2026-01-31T08:00:00Z")]
    auth_time: String,
    /// The last use, to the minute (RFC 3339).
    #[openapi(example = "2026-01-31T09:30:00Z")]
    last_used: String,
    /// When it ends unless it is used before (RFC 3339).
    #[openapi(example = "2026-01-31T21:30:00Z")]
    ends_at: String,
}

impl SessionRecord {
    fn of(session: &Session) -> Self {
        let Device { browser, system } = Device::of(&session.agent);
        Self {
            sid: session.id.to_string(),
            browser,
            system,
            user_agent: session.agent.to_string(),
            auth_time: session.auth_time.to_string(),
            last_used: session.seen.to_string(),
            ends_at: session.ends_at.to_string(),
        }
    }
}

fn sign_in(services: &Services) -> Result<&SignIn, ApiError> {
    services.sign_in.as_deref().ok_or(ApiError::NotFound("Not Found"))
}

async fn listed(
    services: &Services,
    username: &Username,
) -> Result<Json<Vec<SessionRecord>>, ApiError> {
    let sessions = sign_in(services)?.sessions.list(username).await?;
    Ok(Json(sessions.iter().map(SessionRecord::of).collect()))
}

async fn ended(
    caller: &EnabledUser,
    (id, owner): (SessionId, &Username),
    (services, request): (&Services, &HttpRequest),
) -> Result<NoContent, ApiError> {
    let done = sign_in(services)?.sessions.end(id, owner, &caller.author(request)).await;
    done.map_err(|error| caller.failed(error, services))?;
    Ok(NoContent)
}

/// List your own sessions
///
/// The browsers in which you are logged in, the one used last first.
#[api_v2_operation(operation_id = "list_own_sessions", tags("me"))]
async fn list(
    caller: AccountOwner<MeRead>,
    services: Data<Services>,
) -> Result<Json<Vec<SessionRecord>>, ApiError> {
    listed(&services, &caller.username).await
}

/// End a session of yours
///
/// The browser is logged out, and so are applications that it has logged in to, unless they may act while
/// you are away.
#[api_v2_operation(operation_id = "end_own_session", tags("me"))]
async fn end(
    Authorized(caller, (sid,)): Authorized<AccountOwner<MeRead>, (PathSessionId,)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, EndFailure> {
    let (author, owner) = (caller.author(&request), caller.username.clone());
    let done = sign_in(&services)?.sessions.end(sid.0, &owner, &author).await;
    done.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}

/// List a user's sessions
///
/// The browsers in which the user is logged in, the one used last first.
#[api_v2_operation(operation_id = "list_user_sessions", tags("users"))]
async fn list_of(
    Authorized(_, (username,)): Authorized<Reader, (PathUsername,)>,
    services: Data<Services>,
) -> Result<Json<Vec<SessionRecord>>, ListFailure> {
    Ok(listed(&services, &username.0).await?)
}

/// End a session of a user
///
/// The browser is logged out, and so are applications that it has logged in to, unless they may act while
/// the user is away.
#[api_v2_operation(operation_id = "end_user_session", tags("users"))]
async fn end_of(
    Authorized(caller, (username, sid)): Authorized<Writer, (PathUsername, PathSessionId)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, EndFailure> {
    Ok(ended(&caller, (sid.0, &username.0), (&services, &request)).await?)
}
