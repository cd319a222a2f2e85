//! What an authorization code is redeemed for: a family, whose tokens end together.

use crate::accounts::Accounts;
use crate::accounts::authorizations::{FoundCode, known};
use crate::domain::{
    Client, ClientGrant, FamilyClient, FamilyLogin, NewFamily, OFFLINE_ACCESS, RefreshToken,
    RepositoryError, Scopes, Secret, Timestamp, User,
};
use std::sync::Arc;

impl Accounts {
    /// Begins the family of a code: returns the user as stored now, and the first refresh token of a client
    /// that may have one. `None` if the session or all tokens of the user have ended since, or the user is
    /// disabled or gone.
    pub(crate) async fn begin_session_family(
        &self,
        found: &FoundCode,
        client: &Client,
    ) -> Result<Option<(Arc<User>, Option<Secret>)>, RepositoryError> {
        let Some(refresh) = &self.refresh_tokens else { return Ok(None) };
        let granted = &found.granted;
        let (Ok(name), Ok(sid)) = (granted.username.parse(), granted.sid.parse()) else {
            return Ok(None);
        };
        let user = self.users.find_now(granted.user, &name).await?;
        let Some(user) = user.filter(|user| user.epoch == granted.epoch) else { return Ok(None) };
        let scopes: Scopes = granted.scope.parse().unwrap_or_default();
        let new = NewFamily {
            id: found.family,
            client: Some(known(client)),
            user: user.id,
            epoch: user.epoch,
            session: Some(sid),
            is_offline: scopes.contains(OFFLINE_ACCESS),
            scopes,
            access_until: refresh.access_until(self.clock.now()),
            login: Some(FamilyLogin {
                auth_time: Timestamp(granted.auth_time),
                amr: granted.amr.clone(),
            }),
            resource: granted.resource.clone(),
            hears_of_logout: client.metadata.backchannel_logout_uri.is_some(),
        };
        let may_refresh = client.metadata.may_redeem(ClientGrant::RefreshToken);
        if !refresh.families.begin(new, refresh.rules_if(may_refresh)).await? {
            return Ok(None);
        }
        let first = RefreshToken { family: found.family, generation: 0 };
        Ok(Some((user, may_refresh.then(|| refresh.key.write(first)))))
    }

    /// Ends the tokens of a code that was shown again.
    pub(crate) async fn end_grant(&self, found: &FoundCode) -> Result<(), RepositoryError> {
        let Some(refresh) = &self.refresh_tokens else { return Ok(()) };
        let granted = &found.granted;
        let client = FamilyClient { id: granted.client.clone(), epoch: granted.client_epoch };
        refresh.families.end(found.family, Some(client)).await.map(drop)
    }
}
