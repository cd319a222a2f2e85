//! What nearly every application imports: `use bailiwick::prelude::*;`.

pub use crate::openapi::{delete, get, patch, post, put};
#[doc(no_inline)]
pub use crate::security::{
    ActiveUser, ApiKeyCookie, ApiKeyHeader, ApiKeyQuery, Authorized, BasicCredentials, BasicUser,
    Call, CurrentUser, Dependency, Depends, EnabledUser, HttpBasic, HttpBearer, Maybe,
    OAuth2AuthorizationCodeBearer, OAuth2PasswordBearer, OpenIdConnect, Scoped, State, guard,
    origin, sender, undocumented,
};
#[doc(no_inline)]
pub use crate::{
    Accepted, ApiError, BackgroundTasks, Cookie, Created, EventSourceResponse, FileResponse, Form,
    Header, Json, Multipart, PasswordRequestForm, PasswordRequestFormStrict, Path, Query, Rate,
    Routes, Server, ServerSentEvent, Services, Start, StreamingResponse, UploadFile, blocking,
    extractor, failures, http_errors, limits, route_with_slash, rules, schemes, scopes,
    static_files, tagged,
};
#[doc(no_inline)]
pub use actix_web::HttpRequest;
#[doc(no_inline)]
pub use actix_web::http::StatusCode;
#[doc(no_inline)]
pub use actix_web::http::header::WWW_AUTHENTICATE;
#[doc(no_inline)]
pub use actix_web::web::Data;
#[doc(no_inline)]
pub use paperclip::actix::web::{resource, scope};
#[doc(no_inline)]
pub use paperclip::actix::{Apiv2Schema, NoContent, api_v2_operation};
#[doc(no_inline)]
pub use schemars::JsonSchema;
