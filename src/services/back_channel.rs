//! Tells clients that sessions have ended (OpenID Connect Back-Channel Logout), until each has heard it: what
//! is still to be told is in the database, so a restart forgets nothing.

use crate::accounts::Clients;
use crate::domain::{LogoutNotice, LogoutNotices, RepositoryError};
use crate::outgoing::{Outgoing, Request};
use crate::services::Keeper;
use crate::tokens::Tokens;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Notices that are sent at once.
const BATCH: u32 = 20;

/// The work, which any server does for all on the database.
pub struct BackChannel {
    pub(super) notices: Arc<dyn LogoutNotices>,
    pub(super) clients: Clients,
    pub(super) tokens: Arc<Tokens>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) outgoing: Outgoing,
}

impl BackChannel {
    /// Does it again and again, as long as it is polled.
    pub async fn run(&self) {
        loop {
            match self.notices.take(BATCH).await {
                Ok(taken) if taken.is_empty() => sleep(PAUSE).await,
                Ok(taken) => {
                    self.keeper.starts_signing_in().await;
                    let told = join_all(taken.iter().map(|notice| self.tell(notice))).await;
                    for cause in told.into_iter().filter_map(Result::err) {
                        log::debug!("a client is told of a logout later: {cause}");
                    }
                }
                // An outage is reported elsewhere.
                Err(cause) => {
                    log::debug!("clients are told of logouts later: {cause}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Sends a notice; it stays if the client is away, and goes if the client has heard it, does not want to
    /// hear it any more, or refuses it (§2.8).
    async fn tell(&self, notice: &LogoutNotice) -> Result<(), RepositoryError> {
        let LogoutNotice { session, user, client } = notice;
        let found = self.clients.find(client.as_str()).await?;
        let metadata = found.as_ref().map(|found| &found.metadata);
        let Some((metadata, uri)) =
            metadata.and_then(|it| Some((it, it.backchannel_logout_uri.clone()?)))
        else {
            return self.notices.done(notice).await;
        };
        let algorithm = metadata.id_token_signed_response_alg.key();
        let sid = session.to_string();
        let token = match self.tokens.create_logout_token((client, algorithm), *user, &sid) {
            Ok(token) => token,
            Err(cause) => {
                log::error!(
                    target: "bailiwick.error",
                    "the client {client} cannot be told of a logout: {cause}"
                );
                return Ok(());
            }
        };
        let request = Request::post(uri, [("logout_token", token.as_str())]);
        let problem = match self.outgoing.send(request).await {
            Ok(response) if (200..300).contains(&response.status) => {
                return self.notices.done(notice).await;
            }
            Ok(response) if response.status == 400 => {
                log::warn!(
                    target: "bailiwick.error",
                    "the client {client} refuses to be told of a logout: its status is 400"
                );
                return self.notices.done(notice).await;
            }
            Ok(response) => format!("its status is {}", response.status),
            Err(cause) => cause.to_string(),
        };
        log::warn!(
            target: "bailiwick.error",
            "the client {client} is not told of a logout yet: {problem}"
        );
        Ok(())
    }
}
