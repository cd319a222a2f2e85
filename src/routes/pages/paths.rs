//! The addresses of pages.

pub(in crate::routes) const AUTHORIZE: &str = "/oauth/authorize";
pub(in crate::routes) const LOGIN: &str = "/auth/login";
pub(in crate::routes) const ACCOUNT: &str = "/auth/account";
pub(in crate::routes) const SIGN_OUT: &str = "/auth/account/sign-out";
pub(in crate::routes) const PROFILE: &str = "/auth/account/profile";
pub(in crate::routes) const WITHDRAW: &str = "/auth/account/clients/withdraw";
pub(in crate::routes) const PASSWORD: &str = "/auth/account/password";
pub(in crate::routes) const SESSIONS: &str = "/auth/account/sessions";
pub(in crate::routes) const KEYS: &str = "/auth/account/api-keys";
pub(in crate::routes) const REVOKE: &str = "/auth/account/api-keys/revoke";
pub(in crate::routes) const STYLE: &str = "/auth/style.css";
pub(in crate::routes) const ICON: &str = "/auth/icon.svg";
pub(in crate::routes) const LOGO: &str = "/auth/logo";
pub(in crate::routes) const PROVIDER: &str = "/auth/up/{provider}";
pub(in crate::routes) const PROVIDER_CALLBACK: &str = "/auth/up/{provider}/callback";
pub(in crate::routes) const PROVIDER_UNLINK: &str = "/auth/up/{provider}/unlink";
