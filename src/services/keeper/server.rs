//! The server keys: each for one purpose, made when it is asked for first.

use crate::domain::RepositoryError;
use crate::sealing::{BrowserKey, FlowKey, SealingKey};
use crate::services::Store;
use crate::services::keeper::{Keeper, KeyError, REFRESH, SEAL};
use crate::tokens::{CodeKey, RefreshKey};

/// The one that seals what browsers are asked for.
const FLOW: &str = "flow";

/// The one that proves whose forms and cookies are.
const CSRF: &str = "csrf";

impl Keeper {
    /// The key that proves that refresh tokens were made here, made if there is none.
    pub(in crate::services) async fn refresh_key(&self) -> Result<RefreshKey, KeyError> {
        Ok(RefreshKey::new(self.server_key(REFRESH).await?.into_mac_key()))
    }

    /// The keys of pages, made if there are none.
    pub(in crate::services) async fn page_keys(&self) -> Result<(FlowKey, BrowserKey), KeyError> {
        let flows = FlowKey::new(self.server_key(FLOW).await?);
        Ok((flows, BrowserKey::new(self.server_key(CSRF).await?.into_mac_key())))
    }

    /// The key that seals what authorization codes stand for, made if there is none.
    pub(in crate::services) async fn code_key(&self) -> Result<CodeKey, KeyError> {
        Ok(CodeKey::new(self.server_key(SEAL).await?))
    }

    /// The server key with this name, made if there is none.
    pub(super) async fn server_key(&self, name: &str) -> Result<SealingKey, KeyError> {
        let failed = |cause| KeyError::Server(name.to_owned(), cause);
        let wrapped = if let Some(wrapped) = self.server.find(name).await? {
            wrapped
        } else {
            let new = SealingKey::random().map_err(failed)?;
            self.server.keep(name, &self.wrapping.wrap(name, &new).map_err(failed)?).await?
        };
        self.wrapping.unwrap(name, &wrapped).map_err(failed)
    }
}

impl Store {
    /// Whether a server with `server.public_url` has run on this database.
    pub async fn has_had_pages(&self) -> Result<bool, RepositoryError> {
        Ok(self.keys.0.find(FLOW).await?.is_some())
    }
}
