//! The composition root: settings in, services out. The only file that names a database.

mod back_channel;
mod clean_up;
mod configured;
mod demo;
mod keeper;
mod providers;
mod rules;
mod sign_in;
mod signing;

pub use back_channel::BackChannel;
pub use clean_up::CleanUp;
pub use keeper::{Discarded, Keeper, KeyError, Rotated};
pub use providers::{check_outgoing, check_providers};
pub use sign_in::SignIn;
pub use signing::Signing;

use crate::accounts::{
    Accounts, ApiKeys, AuditTrail, ClientRules, Clients, MARGIN, RefreshTokens, Throttle,
};
use crate::domain::{
    AuditEvents, AuthorizationCodes, Clock, Consents, Identities, LastLogins, LogoutNotices,
    RefreshFamilies, Revocations, ScopeTable, ServerKeys, Sessions, Signers, SigningKeys,
    SystemClock, UserRepository, program,
};
use crate::outgoing::Outgoing;
use crate::passwords::{self, Passwords};
use crate::sealing::Wrapping;
use crate::settings::{NamedFile, Settings};
use crate::storage;
use crate::tokens::{self, SecretError, Tokens, load_accepted_secrets, load_secret, made_secret};
use crate::upstream::Upstream;
use demo::greet;
use rules::{family_rules, limits, undeclared};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

pub use crate::storage::{
    Keep, MaintenanceError, Restored, Summary, back_up, check, copy, restore,
};

/// What the admin commands need: users and passwords, without the signing secret.
#[derive(Clone)]
pub struct Store {
    /// The users.
    pub users: Arc<dyn UserRepository>,
    /// Hashing and the password policy.
    pub passwords: Arc<Passwords>,
    /// The scopes that users may hold.
    pub scopes: Arc<ScopeTable>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The use cases on accounts: create, change, delete.
    pub accounts: Accounts,
    /// What the database keeps of the audit log.
    pub audit_events: Arc<dyn AuditEvents>,
    /// The use cases on API keys.
    pub api_keys: ApiKeys,
    /// The use cases on clients; without the secrets of those of the configuration.
    pub clients: Clients,
    /// The days of users' last logins.
    pub last_logins: Arc<dyn LastLogins>,
    signers: Arc<dyn Signers>,
    keys: (Arc<dyn ServerKeys>, Arc<dyn SigningKeys>),
    revocations: Arc<dyn Revocations>,
    identities: Arc<dyn Identities>,
    refresh_families: Arc<dyn RefreshFamilies>,
    sessions: Arc<dyn Sessions>,
    grants: (Arc<dyn AuthorizationCodes>, Arc<dyn Consents>),
    logout_notices: Arc<dyn LogoutNotices>,
}

/// What a request handler needs: accounts, tokens, passwords, settings; cheap to clone, one per worker thread.
#[derive(Clone)]
pub struct Services {
    /// The users.
    pub(crate) users: Arc<dyn UserRepository>,
    /// The days of their last logins.
    pub(crate) last_logins: Arc<dyn LastLogins>,
    /// Hashing and the password policy.
    pub passwords: Arc<Passwords>,
    /// The scopes that users may hold.
    pub(crate) scopes: Arc<ScopeTable>,
    /// The use cases on accounts: log in, create, change.
    pub accounts: Accounts,
    /// The use cases on API keys.
    pub(crate) api_keys: ApiKeys,
    /// The use cases on clients.
    pub(crate) clients: Clients,
    /// Issues and verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// Whether other servers on this database sign with the same secret.
    pub(crate) signing: Arc<Signing>,
    /// Keeps the keys that sign tokens.
    pub(crate) keeper: Arc<Keeper>,
    /// Sessions of browsers and what the pages need; only with `server.public_url`.
    pub(crate) sign_in: Option<Arc<SignIn>>,
    /// Tells clients that sessions have ended; only with `server.public_url`.
    pub(crate) back_channel: Option<Arc<BackChannel>>,
    /// The other providers that users log in at; only with `server.public_url`, and if there are any.
    pub(crate) upstream: Option<Arc<Upstream>>,
    /// Deletes what nobody needs to know any more.
    pub(crate) clean_up: Arc<CleanUp>,
    /// The settings.
    pub settings: Arc<Settings>,
}

/// Why the services cannot start; prints as one line.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    fn new(cause: impl fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// The compiled scopes, and those of the settings, which must be among them.
pub fn scope_table(settings: &Settings) -> Result<ScopeTable, StartError> {
    let scopes = ScopeTable::new(&settings.scopes).map_err(StartError::new)?;
    match undeclared(settings, &scopes) {
        Some((key, scope)) => Err(StartError(format!("{key}: `{scope}` is not a declared scope"))),
        None => Ok(scopes),
    }
}

/// Checks the configured signing secret; `demo` allows the published one.
pub fn check_secret(settings: &Settings, demo: bool) -> Result<(), StartError> {
    tokens::check_secret(&settings.tokens, demo).map_err(StartError::new)
}

/// Checks the configured pepper.
pub fn check_pepper(settings: &Settings) -> Result<(), StartError> {
    passwords::check_pepper(&settings.passwords).map_err(StartError::new)
}

fn client_rules(settings: &Settings, scopes: &Arc<ScopeTable>) -> ClientRules {
    let algorithm = settings.tokens.algorithm.asymmetric();
    ClientRules { scopes: Arc::clone(scopes), algorithm }
}

/// Checks the configured clients and their secrets.
pub fn check_clients(settings: &Settings) -> Result<(), StartError> {
    match scope_table(settings) {
        Ok(scopes) => {
            let rules = client_rules(settings, &Arc::new(scopes));
            configured::clients(settings, &rules).map(drop)
        }
        // Others tell what is wrong with the scopes.
        Err(_) => Ok(()),
    }
}

/// The signing secret in the data folder, created if missing; `None` if the settings name one.
pub fn make_secret(settings: &Settings) -> Result<Option<NamedFile>, SecretError> {
    made_secret(&settings.tokens, &settings.data_dir)
}

impl Store {
    /// Opens the configured database; creates it if necessary.
    pub async fn open(settings: &Settings) -> Result<Self, StartError> {
        Self::open_at(settings, Arc::new(SystemClock)).await
    }

    /// The same, at the time of this clock.
    async fn open_at(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::with(storage::open(settings), settings, clock).await
    }

    /// Opens the configured database if it exists.
    pub async fn open_existing(settings: &Settings) -> Result<Self, StartError> {
        Self::with(storage::open_existing(settings), settings, Arc::new(SystemClock)).await
    }

    async fn with(
        opened: impl Future<Output = Result<storage::Opened, storage::StorageError>>,
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let passwords = Passwords::new(&settings.passwords).map_err(StartError::new)?;
        let passwords = Arc::new(passwords);
        let opened = opened.await.map_err(StartError::new)?;
        let storage::Opened {
            users,
            api_keys,
            revocations,
            refresh_families,
            sessions,
            identities,
            clients,
            seen,
            signers,
            throttles,
            audit_events,
            last_logins,
            ..
        } = opened;
        let keys = (opened.server_keys, opened.signing_keys);
        let grants = (opened.codes, opened.consents);
        let logout_notices = opened.logout_notices;
        let folds = settings.users.case_insensitive;
        let throttle = Arc::new(Throttle::new(limits(settings), folds, throttles));
        let accounts = Accounts::new(users.clone(), passwords.clone(), clock.clone())
            .with_revocations(Arc::clone(&revocations))
            .with_throttle(throttle, settings.logins.throttle)
            .noting(Arc::clone(&last_logins));
        let accounts = match settings.audit.retain_days {
            0 => accounts,
            days => {
                let events = Arc::clone(&audit_events);
                accounts.keeping(AuditTrail::new(events, clock.clone(), days))
            }
        };
        let audit = accounts.audit_log().clone();
        let scopes = Arc::new(scope_table(settings)?);
        let rules = client_rules(settings, &scopes);
        let clients = Clients::new((clients, seen), rules, clock.clone(), audit.clone())
            .with(configured::without_secrets(settings));
        Ok(Self {
            api_keys: ApiKeys::new(api_keys, users.clone(), clock.clone(), audit),
            clients,
            accounts,
            users,
            audit_events,
            last_logins,
            passwords,
            scopes,
            clock,
            signers,
            keys,
            revocations,
            identities,
            refresh_families,
            sessions,
            grants,
            logout_notices,
        })
    }
}

/// The keys of an existing database, for a command that this system user runs; makes none.
pub async fn open_keys(
    settings: &Settings,
    demo: bool,
    operator: &str,
) -> Result<Keeper, StartError> {
    let mut store = Store::open_existing(settings).await?;
    store.accounts = store.accounts.of_operator(operator);
    let (_, keeper) = keys(settings, &store, demo)?;
    Ok(keeper.ending(store.refresh_families))
}

fn keys(
    settings: &Settings,
    store: &Store,
    demo: bool,
) -> Result<(Arc<Tokens>, Keeper), StartError> {
    let secret =
        load_secret(&settings.tokens, &settings.data_dir, demo).map_err(StartError::new)?;
    let accepted = load_accepted_secrets(&settings.tokens, demo).map_err(StartError::new)?;
    let (secrets, issuer) = ((&secret, &*accepted), settings.server.public_url.as_ref());
    let clock = Arc::clone(&store.clock);
    let tokens = Tokens::accepting(secrets, &settings.tokens, issuer, clock);
    let tokens = Arc::new(tokens.map_err(StartError::new)?);
    let wrapping = Wrapping::of(&secret, &accepted).map_err(StartError::new)?;
    let algorithm = settings.tokens.algorithm.asymmetric();
    let (of, keys) = (Arc::clone(&tokens), store.keys.clone());
    let keeper = Keeper::new(of, algorithm, keys, wrapping, issuer.is_some());
    Ok((tokens, keeper.telling(store.accounts.audit_log().clone())))
}

/// Refuses a damaged database, as far as a quick check can tell.
pub async fn refuse_damage(settings: &Settings) -> Result<(), StartError> {
    storage::refuse_damage(settings).await.map_err(StartError::new)
}

impl Services {
    /// Starts all services; with `demo`, ensures that the demo users exist.
    pub async fn open(settings: Arc<Settings>, demo: bool) -> Result<Self, StartError> {
        Self::open_at(settings, demo, Arc::new(SystemClock)).await
    }

    /// The same, at the time of this clock.
    pub async fn open_at(
        settings: Arc<Settings>,
        demo: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let store = Store::open_at(&settings, clock).await?;
        let (tokens, keeper) = keys(&settings, &store, demo)?;
        let Store {
            users,
            passwords,
            scopes,
            clock,
            accounts,
            api_keys,
            clients,
            signers,
            last_logins,
            revocations,
            identities,
            refresh_families,
            sessions,
            grants,
            logout_notices,
            keys: (_, leases),
            ..
        } = store;
        let outgoing = Outgoing::new(&settings.outgoing).map_err(StartError::new)?;
        let configured = configured::clients(&settings, &client_rules(&settings, &scopes))?;
        let own = configured::docs(&settings, &scopes);
        let clients = clients.with(configured).with_own(own).asking(outgoing.clone());
        let parts = (identities, &accounts, &clock);
        let upstream = providers::upstream((&settings, &scopes), parts, &outgoing)?;
        let clients = match &settings.server.public_url {
            Some(url) => clients.of_issuer(url.as_str()),
            None => clients,
        };
        if let Some(id) = clients.clash().await.map_err(StartError::new)? {
            return Err(StartError(format!(
                "clients.{id}: the database has a client of this id as well: rename this one, or delete that \
                 one with: {program} clients delete {id}",
                program = program()
            )));
        }
        greet(&accounts, users.as_ref(), clock.as_ref(), demo).await.map_err(StartError::new)?;
        keeper.start().await.map_err(StartError::new)?;
        let on = &settings.tokens;
        let has_url = settings.server.public_url.is_some();
        let codes = Arc::clone(&grants.0);
        let access_life = tokens.longest_life() + MARGIN;
        let accounts = if on.password_refresh || has_url {
            let key = keeper.refresh_key().await.map_err(StartError::new)?;
            let (rules, for_passwords) = (family_rules(on), on.password_refresh);
            let families = Arc::clone(&refresh_families);
            let all = RefreshTokens { families, key, rules, access_life, for_passwords };
            accounts.with_refresh_tokens(all)
        } else {
            accounts
        };
        let sign_in = match &settings.server.public_url {
            Some(url) => {
                let stored = (Arc::clone(&sessions), grants);
                let opened = SignIn::open((url, settings.sessions), &keeper, stored, &accounts);
                Some(Arc::new(opened.await.map_err(StartError::new)?))
            }
            None => None,
        };
        let keeper = Arc::new(keeper);
        let back_channel = has_url.then(|| {
            let (clients, tokens, keeper) = (clients.clone(), tokens.clone(), keeper.clone());
            let notices = logout_notices.clone();
            Arc::new(BackChannel { notices, clients, tokens, keeper, outgoing })
        });
        let (rules, families) = (family_rules(on), refresh_families);
        let codes_kept = Duration::from_secs(access_life.unsigned_abs());
        let clean_up = Arc::new(CleanUp {
            revocations,
            families,
            sessions,
            leases,
            rules,
            codes,
            codes_kept,
            logout_notices,
        });
        let signing = Arc::new(Signing::new(&tokens, signers));
        Ok(Self {
            users,
            last_logins,
            passwords,
            scopes,
            accounts,
            api_keys,
            clients,
            tokens,
            signing,
            keeper,
            sign_in,
            back_channel,
            upstream,
            clean_up,
            settings,
        })
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}
