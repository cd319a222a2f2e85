//! `/users`: administration of users, behind guards that ask for `users:read` and `users:write`.

mod bodies;
mod changed;
mod created;

use crate::accounts::{AccountChange, NewAccount};
use crate::api_error::ApiError;
use crate::domain::{Page, User, UsersRead, UsersWrite};
use crate::extract::Query;
use crate::routes::fields::set_of;
use crate::routes::guarded;
use crate::routes::parameters::{PageQuery, PathUsername};
use crate::routes::profile::{UserPage, UserRecord};
use crate::security::{Authorized, EnabledUser, Scoped};
use crate::services::Services;
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{Data, Json};
use bodies::{PasswordBody, PasswordJson, ScopesBody, UserChangeBody, UserCreateBody, UserJson};
use changed::Changed;
use created::Created;
use paperclip::actix::web::{ServiceConfig, delete, get, patch, post, put};
use paperclip::actix::{NoContent, api_v2_operation};

type Reader = Scoped<EnabledUser, UsersRead>;
type Writer = Scoped<EnabledUser, UsersWrite>;

crate::failures! {
    CreateFailure {
        409: "User already exists",
    }
    ShowFailure {
        404: "User not found",
    }
    ChangeFailure {
        403: "This would leave no enabled user with the scope `users:write`",
        404: "User not found",
        409: "User already exists",
    }
    KeepFailure {
        403: "This would leave no enabled user with the scope `users:write`",
        404: "User not found",
    }
    SignOutFailure {
        404: "User not found",
    }
    SetPasswordFailure {
        403: "Your own password is changed by PUT /users/me/password, with the old one",
        404: "User not found",
    }
}

/// Mounts `/users` itself.
pub(super) fn mount_root(routes: &mut ServiceConfig) {
    guarded::<Reader>(routes, "/users", &Method::GET, || get().to(list));
    guarded::<Writer>(routes, "/users", &Method::POST, || post().to(create));
}

/// Mounts the routes below `/users`.
pub(super) fn mount(routes: &mut ServiceConfig) {
    guarded::<Reader>(routes, "/{username}", &Method::GET, || get().to(show));
    guarded::<Writer>(routes, "/{username}", &Method::PATCH, || patch().to(change));
    guarded::<Writer>(routes, "/{username}", &Method::DELETE, || delete().to(remove));
    guarded::<Writer>(routes, "/{username}/password", &Method::PUT, || put().to(set_password));
    guarded::<Writer>(routes, "/{username}/sessions", &Method::DELETE, || delete().to(sign_out));
    guarded::<Writer>(routes, "/{username}/scopes", &Method::PUT, || put().to(set_scopes));
}

/// List users
///
/// A page in the order of the names; `next` is the `after` of the following page.
#[api_v2_operation(operation_id = "list_users", tags("users"))]
async fn list(
    Authorized(_, query): Authorized<Reader, Query<PageQuery>>,
    services: Data<Services>,
) -> Result<Json<UserPage>, ApiError> {
    let PageQuery { after, limit } = query.into_inner();
    // One more than asked for tells whether there is a next page.
    let mut users = services.users.list(&Page { after, limit: limit + 1 }).await?;
    let more = users.len() > limit as usize;
    users.truncate(limit as usize);
    let next = users.last().filter(|_| more).map(|user| user.username.to_string());
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let days = services.last_logins.of(&ids).await?;
    let users = users.iter().map(|user| UserRecord::of(user, days.get(&user.id).copied()));
    Ok(Json(UserPage { users: users.collect(), next }))
}

/// Create a user
///
/// The name must be free and not look like another one; of scopes, the user may hold declared ones
/// only.
#[api_v2_operation(operation_id = "create_user", tags("users"))]
async fn create(
    Authorized(caller, body): Authorized<Writer, UserJson<UserCreateBody>>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<Created, CreateFailure> {
    let UserCreateBody { username, email, full_name, disabled, password, scopes } =
        body.into_inner();
    let (username, password, scopes) = (username.0, password.0, set_of(scopes));
    let password = Some(password);
    let account = NewAccount { username, password, email, full_name, disabled, scopes };
    let created = services.accounts.create(account, &caller.author(&request)).await;
    let user = created.map_err(|error| caller.failed(error, &services))?;
    Ok(Created::new(&user, &services.settings.server.root_path))
}

/// Show a user
///
/// With the scopes that the user may ask for.
#[api_v2_operation(operation_id = "show_user", tags("users"))]
async fn show(
    Authorized(_, (username,)): Authorized<Reader, (PathUsername,)>,
    services: Data<Services>,
) -> Result<Json<UserRecord>, ShowFailure> {
    let user = services.users.find(&username.0).await?;
    let user = user.ok_or(ApiError::NotFound("User not found"))?;
    let day = services.last_logins.of(&[user.id]).await?.remove(&user.id);
    Ok(Json(UserRecord::of(&user, day)))
}

/// Change a user
///
/// Fields that are absent stay; null removes. Disabling bites at the user's next request. A new
/// `username` renames: tokens that are out stay the user's, logins need the new name. Without any field,
/// only who may read users is shown the user.
#[api_v2_operation(operation_id = "change_user", tags("users"))]
async fn change(
    Authorized(caller, (username, body)): Authorized<
        Writer,
        (PathUsername, UserJson<UserChangeBody>),
    >,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<Changed, ChangeFailure> {
    let UserChangeBody { username: new_name, email, full_name, disabled } = body.into_inner();
    let asks_only =
        new_name.is_none() && email.is_none() && full_name.is_none() && disabled.is_none();
    let new_name = new_name.map(|name| name.0);
    let change = AccountChange { username: new_name, email, full_name, disabled, scopes: None };
    let changed = services.accounts.change(&username.0, change, &caller.author(&request)).await;
    let user = changed.map_err(|error| caller.failed(error, &services))?;
    let is_shown = !asks_only || caller.may::<UsersRead>();
    Ok(Changed(if is_shown { Some(after_change(&services, &user).await) } else { None }))
}

/// The user after a change, which is made whatever comes of this.
async fn after_change(services: &Services, user: &User) -> UserRecord {
    let days = services.last_logins.of(&[user.id]).await;
    UserRecord::of(user, days.ok().and_then(|mut days| days.remove(&user.id)))
}

/// Delete a user
///
/// From then on, tokens that are out are refused.
#[api_v2_operation(operation_id = "delete_user", tags("users"))]
async fn remove(
    Authorized(caller, (username,)): Authorized<Writer, (PathUsername,)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, KeepFailure> {
    let deleted = services.accounts.delete(&username.0, &caller.author(&request)).await;
    deleted.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}

/// Set a user's password
///
/// Without the old one, so not your own: that is `PUT /users/me/password`. Ends all tokens of the
/// user.
#[api_v2_operation(operation_id = "set_user_password", tags("users"))]
async fn set_password(
    Authorized(caller, (username, body)): Authorized<
        Writer,
        (PathUsername, PasswordJson<PasswordBody>),
    >,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, SetPasswordFailure> {
    let (password, author) = (body.into_inner().password.0, caller.author(&request));
    let set = services.accounts.set_password(&username.0, password, &author).await;
    set.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}

/// Sign a user out everywhere
///
/// Ends all tokens of the user, within a second on every server. The password and API keys stay.
#[api_v2_operation(operation_id = "sign_out_user", tags("users"))]
async fn sign_out(
    Authorized(caller, (username,)): Authorized<Writer, (PathUsername,)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, SignOutFailure> {
    let ended = services.accounts.sign_out(&username.0, &caller.author(&request)).await;
    ended.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}

/// Set a user's scopes
///
/// Replaces all. A scope that is taken away no longer counts in tokens that are out.
#[api_v2_operation(operation_id = "set_user_scopes", tags("users"))]
async fn set_scopes(
    Authorized(caller, (username, body)): Authorized<Writer, (PathUsername, UserJson<ScopesBody>)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<Json<UserRecord>, KeepFailure> {
    let scopes = Some(set_of(body.into_inner().scopes));
    let change = AccountChange { scopes, ..AccountChange::default() };
    let changed = services.accounts.change(&username.0, change, &caller.author(&request)).await;
    let user = changed.map_err(|error| caller.failed(error, &services))?;
    Ok(Json(after_change(&services, &user).await))
}
