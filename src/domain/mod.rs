//! The core: users, scopes, secrets, the clock, and the repository traits. No I/O.

mod actor;
mod api_key;
mod audit;
mod audit_action;
mod audit_event;
mod authorization_code;
mod caller;
mod causes;
mod client;
mod client_id;
mod client_metadata;
mod client_uri;
mod clock;
mod consent;
mod day;
mod device;
mod identity;
mod key_algorithm;
mod key_id;
mod last_logins;
mod login;
mod logout_notice;
mod mask;
mod new_name;
mod openid;
mod origin;
mod password_hash;
mod program;
mod refresh_family;
mod repository;
mod revocation;
mod scope;
mod scope_table;
mod secret;
mod sender;
mod server_keys;
mod session;
mod signers;
mod tally;
mod throttle;
mod token_id;
mod user;

pub use actor::{Actor, Denied};
pub use api_key::{ApiKey, ApiKeyRepository, LastUse, NewApiKey};
pub use audit::AuditEntry;
pub use audit_action::{AuditAction, AuditReason};
pub use audit_event::{AuditEvent, AuditEvents, AuditFields, AuditKey, AuditQuery};
pub use authorization_code::{AuthorizationCodes, NewCode, StoredCode};
pub use caller::Caller;
pub use causes::with_causes;
pub use client::{
    Client, ClientAuthor, ClientEdit, ClientRepository, ClientSecret, NewClient, Seen,
};
pub use client_id::{ClientId, DOCS_CLIENT, DOCS_REDIRECT};
pub use client_metadata::{
    ClientAuthMethod, ClientFault, ClientGrant, ClientMetadata, IdTokenAlgorithm,
};
pub use client_uri::{is_of_device, page_origin};
pub use clock::{Clock, SystemClock, Timestamp};
pub use consent::{Consent, Consents};
pub use day::Day;
pub use device::Device;
pub use identity::{Identities, Identity, Journey, Shown, Subject};
pub use key_algorithm::KeyAlgorithm;
pub use key_id::{KeyHash, KeyId, NoKeyId};
pub use last_logins::LastLogins;
pub use login::{Login, LoginOutcome, Logins};
pub use logout_notice::{LogoutNotice, LogoutNotices};
pub use mask::{KEY_PREFIX, without_keys};
pub use new_name::check_new_name;
pub use openid::{OFFLINE_ACCESS, OPENID, OPENID_SCOPES, is_openid_scope};
pub use origin::Origin;
pub use password_hash::{
    Argon2, BcryptHash, BcryptVersion, Before, HashFunction, OtherHash, PasswordHash, PepperId,
    Peppered, Scheme,
};
pub use program::{Program, program};
pub use refresh_family::{
    Family, FamilyClient, FamilyLogin, FamilyRules, FamilyUse, FoundFamily, NewFamily,
    RefreshFamilies, RefreshToken, Rotation,
};
pub use repository::{
    Away, Lookups, NewUser, Page, PoolUse, RepositoryError, StoreHealth, Taken, UserChange,
    UserImport, UserRepository,
};
pub use revocation::{Ended, Revocations};
pub use scope::{
    ApiKeysWrite, ItemsRead, MeRead, OauthClients, Scope, ScopeDeclaration, ScopeName, Scopes,
    UsersRead, UsersWrite,
};
pub use scope_table::ScopeTable;
pub use secret::Secret;
pub use sender::Sender;
pub use server_keys::{SHARED_SECRET, ServerKeys, SigningKeys, StoredKey, StoredKeys};
pub use session::{NewSession, Session, SessionRules, Sessions};
pub use signers::{Fingerprint, Signers};
pub use tally::Tally;
pub use throttle::{Bucket, Case, Full, KnownPlace, Limit, Reservation, Reserved, Throttles, Try};
pub use token_id::{FamilyId, SessionId, TokenId};
pub use user::{FieldError, User, UserId, Username, check_email, check_full_name};
