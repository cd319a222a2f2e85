//! Clients of the authorization server: registered, changed, deleted. Those of the configuration are
//! changed there.

use crate::accounts::origins::Origins;
use crate::accounts::{AccountError, Audit, Author, ClientRules};
use crate::domain::{
    AuditAction, AuditEntry, Client, ClientAuthor, ClientEdit, ClientGrant, ClientId,
    ClientMetadata, ClientRepository, Clock, KeyHash, NewClient, RepositoryError, Scopes, Secret,
    Seen, Timestamp, page_origin,
};
use crate::outgoing::{Documents, Outgoing, OutgoingError};
use crate::tokens::{
    Claims, ClientKeys, SHORTEST_CLIENT_SECRET, client_secret_hash, new_client_secret,
};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The clients of the configuration and of a repository.
#[derive(Clone)]
pub struct Clients {
    stored: Arc<dyn ClientRepository>,
    configured: Arc<BTreeMap<ClientId, Arc<Client>>>,
    /// The server's own pages, which nobody has registered.
    own: Option<Arc<Client>>,
    rules: Arc<ClientRules>,
    seen: Arc<dyn Seen>,
    clock: Arc<dyn Clock>,
    audit: Audit,
    issuer: Option<Arc<str>>,
    keys: Option<Arc<Documents<ClientKeys>>>,
    origins: Arc<Origins>,
}

/// A client to be registered.
#[derive(Debug)]
pub struct Registration {
    /// Its id; a random one if absent.
    pub id: Option<ClientId>,
    /// What is registered of it.
    pub metadata: ClientMetadata,
    /// Its secret, if it has one from elsewhere; otherwise one is made.
    pub secret: Option<Secret>,
}

/// Whoever changes clients, and over HTTP the scopes of what it presented.
#[derive(Clone, Copy, Debug)]
pub struct Registrar<'a> {
    /// Who.
    pub author: &'a Author,
    /// `None` for a command.
    pub among: Option<&'a Scopes>,
}

impl Registrar<'_> {
    fn client_author(self) -> ClientAuthor {
        ClientAuthor { actor: self.author.actor().cloned(), among: self.among.cloned() }
    }
}

impl Clients {
    /// Takes the repositories, what clients may be, the clock, and who tells the audit log.
    #[must_use]
    pub fn new(
        (stored, seen): (Arc<dyn ClientRepository>, Arc<dyn Seen>),
        rules: ClientRules,
        clock: Arc<dyn Clock>,
        audit: Audit,
    ) -> Self {
        let (configured, rules, origins) = (Arc::default(), Arc::new(rules), Arc::default());
        let (own, issuer, keys) = (None, None, None);
        Self { stored, configured, own, rules, seen, clock, audit, issuer, keys, origins }
    }

    /// The same with these clients of the configuration.
    #[must_use]
    pub fn with(self, configured: BTreeMap<ClientId, Arc<Client>>) -> Self {
        Self { configured: Arc::new(configured), ..self }
    }

    /// The same with the server's own pages as a client, unless the configuration has one of its id.
    #[must_use]
    pub fn with_own(self, own: Option<Client>) -> Self {
        let own = own.filter(|own| !self.configured.contains_key(&own.id)).map(Arc::new);
        Self { own, ..self }
    }

    /// The same for a server that is this issuer.
    #[must_use]
    pub fn of_issuer(self, issuer: &str) -> Self {
        Self { issuer: Some(issuer.into()), ..self }
    }

    /// The same for a server that fetches keys of clients.
    #[must_use]
    pub fn asking(self, outgoing: Outgoing) -> Self {
        Self { keys: Some(Arc::new(Documents::new(outgoing, ClientKeys::fetched))), ..self }
    }

    /// The same for a command that this system user runs.
    #[must_use]
    pub fn of_operator(self, name: &str) -> Self {
        Self { audit: self.audit.of_operator(name), ..self }
    }

    /// The audit log that is told.
    #[must_use]
    pub fn audit_log(&self) -> &Audit {
        &self.audit
    }

    /// What assertions of clients name as their audience.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The client with this id, whatever the text is.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<Client>>, RepositoryError> {
        if let Some(client) = self.find_in_memory(id) {
            return Ok(Some(client));
        }
        match id.parse::<ClientId>() {
            Ok(id) => self.stored.find(&id).await,
            Err(_) => Ok(None),
        }
    }

    /// The same, if it is at hand. Neither waits nor allocates.
    #[must_use]
    pub fn find_in_memory(&self, id: &str) -> Option<Arc<Client>> {
        let own = self.own.as_ref().filter(|own| own.id.as_str() == id);
        let configured = self.configured.get(id).or(own).cloned();
        configured.or_else(|| self.stored.find_in_memory(id))
    }

    /// A page of clients in the order of their ids, those of the configuration among them.
    pub async fn list(
        &self,
        after: Option<&ClientId>,
        limit: u32,
    ) -> Result<Vec<Client>, RepositoryError> {
        let mut clients = self.stored.list(after, limit).await?;
        clients.retain(|client| !self.configured.contains_key(&client.id));
        let configured = self.configured.values().map(|client| Client::clone(client));
        clients.extend(configured.filter(|client| after.is_none_or(|after| client.id > *after)));
        clients.sort_by(|one, other| one.id.cmp(&other.id));
        clients.truncate(limit.try_into().unwrap_or(usize::MAX));
        Ok(clients)
    }

    /// Whether a client without a secret has its pages at this web origin.
    pub async fn have_page_at(&self, origin: &str) -> Result<bool, RepositoryError> {
        let Some(origin) = page_origin(origin) else { return Ok(false) };
        self.origins.has(origin, self.page_origins()).await
    }

    async fn page_origins(&self) -> Result<HashSet<Box<str>>, RepositoryError> {
        let (mut origins, mut after) = (HashSet::new(), None);
        loop {
            let page = self.list(after.as_ref(), 500).await?;
            let of_page = page.iter().flat_map(|client| client.metadata.page_origins());
            origins.extend(of_page.map(Box::from));
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.id),
                None => return Ok(origins),
            }
        }
    }

    /// The id of the configuration that a client of the repository has, too.
    pub async fn clash(&self) -> Result<Option<&ClientId>, RepositoryError> {
        for id in self.configured.keys() {
            if self.stored.find(id).await?.is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Registers a client; only here its secret is seen, unless it is from elsewhere.
    pub async fn add(
        &self,
        new: Registration,
        by: Registrar<'_>,
    ) -> Result<(Client, Option<Secret>), AccountError> {
        let Registration { id, metadata, secret } = new;
        let id = id.map_or_else(new_id, Ok)?;
        let entry = AuditEntry::of(AuditAction::ClientAdd).whom(id.as_str());
        let entry = described(entry, &metadata);
        let added = self.store(id, metadata, secret, by).await;
        self.tell(entry, by.author, &added);
        added
    }

    async fn store(
        &self,
        id: ClientId,
        metadata: ClientMetadata,
        secret: Option<Secret>,
        by: Registrar<'_>,
    ) -> Result<(Client, Option<Secret>), AccountError> {
        if self.configured.contains_key(&id) {
            return Err(AccountError::ConfiguredClient(id));
        }
        self.rules.check(&metadata).map_err(RepositoryError::BadClient)?;
        let (shown, hash) = match secret {
            _ if !metadata.has_secret() => (None, None),
            None => {
                let (secret, hash) = new_client_secret();
                (Some(secret), Some(hash))
            }
            Some(secret) => (None, Some(outside(&secret)?)),
        };
        let new = NewClient { id, metadata, secret: hash };
        let client = self.stored.add(new, &by.client_author(), self.clock.now()).await?;
        Ok((client, shown))
    }

    /// Changes what is registered of a client.
    pub async fn change(
        &self,
        id: &ClientId,
        edit: impl FnOnce(ClientMetadata) -> ClientMetadata + Send + 'static,
        by: Registrar<'_>,
    ) -> Result<Client, AccountError> {
        let changed = self.edit(id, edit, by).await;
        let entry = AuditEntry::of(AuditAction::ClientChange).whom(id.as_str());
        let entry = match &changed {
            Ok([before, after]) => {
                let fields = after.metadata.differences(&before.metadata);
                described(entry.detail("fields", fields.join(" ")), &after.metadata)
            }
            Err(_) => entry,
        };
        self.tell(entry, by.author, &changed);
        changed.map(|[_, after]| after)
    }

    async fn edit(
        &self,
        id: &ClientId,
        edit: impl FnOnce(ClientMetadata) -> ClientMetadata + Send + 'static,
        by: Registrar<'_>,
    ) -> Result<[Client; 2], AccountError> {
        self.refuse_configured(id)?;
        let rules = Arc::clone(&self.rules);
        let edit: ClientEdit = Box::new(move |before| {
            let after = edit(before);
            rules.check(&after)?;
            Ok(after)
        });
        Ok(self.stored.change(id, edit, &by.client_author(), self.clock.now()).await?)
    }

    /// Gives a client another secret. The last one before it counts for so long; with `None`, all before
    /// it and all tokens of the client end at once, everywhere within a second.
    pub async fn rotate_secret(
        &self,
        id: &ClientId,
        secret: Option<Secret>,
        keep: Option<Duration>,
        by: Registrar<'_>,
    ) -> Result<(Client, Option<Secret>), AccountError> {
        let rotated = self.rotate(id, secret, keep, by).await;
        let entry = AuditEntry::of(AuditAction::ClientSecretRotate).whom(id.as_str());
        let kept = keep.map_or(0, |keep| keep.as_secs()).to_string();
        self.tell(entry.detail("keeps_old_seconds", kept), by.author, &rotated);
        rotated
    }

    async fn rotate(
        &self,
        id: &ClientId,
        secret: Option<Secret>,
        keep: Option<Duration>,
        by: Registrar<'_>,
    ) -> Result<(Client, Option<Secret>), AccountError> {
        self.refuse_configured(id)?;
        let (shown, hash) = match secret {
            None => {
                let (secret, hash) = new_client_secret();
                (Some(secret), hash)
            }
            Some(secret) => (None, outside(&secret)?),
        };
        let now = self.clock.now();
        let until =
            keep.map(|keep| Timestamp(now.seconds().saturating_add_unsigned(keep.as_secs())));
        let by = by.client_author();
        let client = self.stored.rotate_secret(id, hash, until, &by, now).await?;
        Ok((client, shown))
    }

    /// Deletes a client; its tokens end everywhere within a second.
    pub async fn delete(&self, id: &ClientId, by: Registrar<'_>) -> Result<(), AccountError> {
        let deleted = self.remove(id, by).await;
        self.tell(AuditEntry::of(AuditAction::ClientDelete).whom(id.as_str()), by.author, &deleted);
        deleted
    }

    async fn remove(&self, id: &ClientId, by: Registrar<'_>) -> Result<(), AccountError> {
        // With one of the configuration, a server refuses to start until one of the two is gone.
        if self.stored.find(id).await?.is_none() {
            self.refuse_configured(id)?;
        }
        Ok(self.stored.delete(id, &by.client_author()).await?)
    }

    fn refuse_configured(&self, id: &ClientId) -> Result<(), AccountError> {
        if self.configured.contains_key(id) {
            return Err(AccountError::ConfiguredClient(id.clone()));
        }
        Ok(())
    }

    /// Whether what a client shows counts for the first time; it is remembered until then.
    pub(crate) async fn is_first(
        &self,
        what: KeyHash,
        until: Timestamp,
    ) -> Result<bool, RepositoryError> {
        self.seen.is_first(what, until).await
    }

    /// The client whose own token it is; `None` if the client is gone, may not have such tokens any more,
    /// or has ended them.
    pub(crate) async fn holder(
        &self,
        claims: &Claims,
    ) -> Result<Option<Arc<Client>>, RepositoryError> {
        let Some(id) = &claims.client else { return Ok(None) };
        let client = self.find(id.as_str()).await?;
        Ok(client.filter(|client| {
            client.epoch == claims.epoch
                && client.metadata.may_redeem(ClientGrant::ClientCredentials)
        }))
    }

    /// The keys that a client publishes, in which the one that signed the assertion should be; if it is not,
    /// they are fetched again, but not again and again.
    pub(crate) async fn published_keys(
        &self,
        uri: &str,
        assertion: &str,
    ) -> Result<Arc<ClientKeys>, OutgoingError> {
        let Some(documents) = &self.keys else { return Err(OutgoingError::Busy) };
        let keys = documents.get(uri).await?;
        if keys.has_key_of(assertion) || keys.have_signed(assertion) {
            return Ok(keys);
        }
        documents.newer(uri).await
    }

    fn tell<T>(&self, entry: AuditEntry, author: &Author, result: &Result<T, AccountError>) {
        self.audit.tell_change(entry, author, result.as_ref().err().map(AccountError::reason));
    }
}

/// The hash of a secret that was made elsewhere.
pub fn outside(secret: &Secret) -> Result<KeyHash, AccountError> {
    if secret.expose().len() < SHORTEST_CLIENT_SECRET {
        return Err(AccountError::ShortClientSecret);
    }
    Ok(client_secret_hash(secret.expose()))
}

/// What the audit log is told of a registration.
fn described(entry: AuditEntry, metadata: &ClientMetadata) -> AuditEntry {
    let grants: Vec<_> = metadata.grant_types.iter().map(|grant| grant.as_str()).collect();
    entry
        .detail("scopes", metadata.scope.to_string())
        .detail("grant_types", grants.join(" "))
        .detail("auth_method", metadata.token_endpoint_auth_method.as_str())
}

/// 128 random bits, and never a number.
fn new_id() -> Result<ClientId, AccountError> {
    let id = format!("c{:032x}", rand::random::<u128>()).parse();
    id.map_err(|_| AccountError::Repository(RepositoryError::ClientExists))
}
