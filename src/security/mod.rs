//! Who is calling, and whether they may.
//!
//! # From FastAPI
//!
//! | `fastapi.security` | here |
//! |---|---|
//! | `OAuth2PasswordBearer(tokenUrl=…)` | [`OAuth2PasswordBearer`] in [`schemes!`](crate::schemes) |
//! | `OAuth2AuthorizationCodeBearer(…)` | [`OAuth2AuthorizationCodeBearer`] |
//! | `OAuth2(flows=…)`, `HTTPBase(scheme=…)`, `SecurityBase` | implement [`Scheme`] |
//! | `OAuth2PasswordRequestForm` | [`PasswordRequestForm`](crate::PasswordRequestForm) |
//! | `form_data.scopes` | [`PasswordRequestForm::scopes`](crate::PasswordRequestForm::scopes) |
//! | `OAuth2PasswordRequestFormStrict` | [`PasswordRequestFormStrict`](crate::PasswordRequestFormStrict); at `/token` the setting `oauth.require_grant_type` |
//! | `HTTPBasic(realm=…)`, `HTTPBasicCredentials` | [`HttpBasic`], [`BasicCredentials`] |
//! | `HTTPBearer(bearerFormat=…)`, `HTTPAuthorizationCredentials` | [`HttpBearer`], a [`Secret`] |
//! | `HTTPDigest` | absent: FastAPI's checks nothing |
//! | `APIKeyHeader`, `APIKeyQuery`, `APIKeyCookie` | [`ApiKeyHeader`], [`ApiKeyQuery`], [`ApiKeyCookie`] |
//! | `OpenIdConnect(openIdConnectUrl=…)` | [`OpenIdConnect`] |
//! | `SecurityScopes` | [`Call::scopes`], and `scope_str` [`Call::scope_str`] |
//! | `create_access_token(data, expires_delta)` | [`Tokens::create_access_token`](crate::Tokens::create_access_token) of a [`NewToken`](crate::NewToken) |
//! | `jwt.decode(token, SECRET_KEY, …)` | [`Tokens::verify`](crate::Tokens::verify), with claims of your own [`verify_as`](crate::Tokens::verify_as) |
//! | `Depends(f)` | [`Depends<F>`](Depends), `f` being a [`Dependency`] |
//! | `Security(f, scopes=[…])` | [`Scoped<F, S>`](Scoped) |
//! | `auto_error=False` | [`Maybe`] |
//! | `APIRouter(dependencies=[Depends(f)])` | [`guard::<F>`](guard()) around a scope of URLs |
//! | `scheme_name=`, `description=` | `as "Name"` and the doc comment in [`schemes!`](crate::schemes) |
//! | `get_current_user`, `get_current_active_user` | [`CurrentUser`], [`ActiveUser`]; with clients of the authorization server [`AnyPrincipal`] |
//! | a session cookie, and a redirect to the login page | [`SessionUser`], for pages |
//! | `HTTPException(status_code=…, detail=…)` | [`ApiError::http`](crate::ApiError::http) |
//!
//! All of them work in a WebSocket's handler too: the handshake is refused with the same response.
//! `examples/note.rs` ports FastAPI's security tutorial, `examples/orders` adds an API to the shipped
//! users, `examples/schemes.rs` defines its own callers.
//!
//! A handler cannot get a user without a guard: [`CurrentUser`] and the others have no constructor.
//!
//! ```compile_fail
//! let user = bailiwick::security::CurrentUser(todo!());
//! ```

mod any;
mod authorized;
mod call;
mod caller;
mod client_address;
mod cookies;
mod counted;
mod dependency;
mod elsewhere;
mod forms;
mod guard;
mod owner;
mod presented;
mod principal;
mod refusal;
mod refused;
mod replaced;
mod required;
mod requirements;
mod scheme;
mod session;
mod session_user;
mod state;
mod undocumented;
mod user;
mod whose;
mod wrong;

pub use crate::api_error::{AuthScheme, Reason};
pub(crate) use crate::domain::Origin;
pub use crate::domain::{ItemsRead, MeRead, Scope, Secret, UsersRead, UsersWrite};
pub use any::AnyPrincipal;
pub use authorized::Authorized;
pub(crate) use authorized::Parts;
pub use call::Call;
pub(crate) use call::services;
pub(crate) use client_address::{BadPeer, TrustedProxies, mark_unix_peer};
pub use client_address::{ClientAddress, ClientHost, origin, sender};
pub(crate) use cookies::{BrowserCookie, cookies, device_place};
pub(crate) use counted::{Counted, counted_address, counted_user};
pub use dependency::{Dependency, Depends, Maybe, Resolve, Scoped};
#[doc(hidden)]
pub use dependency::{extract, resolve_scheme};
pub(crate) use elsewhere::is_elsewhere;
pub(crate) use forms::{Forged, check_form};
pub use guard::guard;
pub(crate) use guard::{Guardable, admission};
pub(crate) use owner::AccountOwner;
pub use principal::Principal;
pub(crate) use refused::{remember_part, replace_refused};
pub(crate) use replaced::Replaced;
#[doc(hidden)]
pub use required::ScopeList;
pub use scheme::{
    ApiKeyCookie, ApiKeyHeader, ApiKeyQuery, BasicCredentials, DeclaredScheme, HttpBasic,
    HttpBearer, Malformed, OAuth2AuthorizationCodeBearer, OAuth2PasswordBearer, OpenIdConnect,
    Scheme,
};
pub(crate) use session::{page_author, page_sender, signed_in};
pub use session_user::SessionUser;
pub use state::State;
pub(crate) use state::{States, Taken, taken_by};
pub use undocumented::{Undocumented, undocumented};
pub use user::{ActiveUser, BasicUser, CurrentUser, EnabledUser};
pub(crate) use whose::{by_client, principal_of};
