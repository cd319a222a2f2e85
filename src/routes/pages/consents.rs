//! What a user has allowed clients, as the account page shows it.

use crate::accounts::SignedIn;
use crate::api_error::ApiError;
use crate::pages::ConsentRow;
use crate::routes::pages::Visit;

/// The clients that there still are.
pub(super) async fn rows(visit: &Visit, by: &SignedIn) -> Result<Vec<ConsentRow>, ApiError> {
    let Visit { services, sign_in, .. } = visit;
    let mut rows = Vec::new();
    for consent in sign_in.authorizations.consents(by.user.id).await? {
        let client = services.clients.find(consent.client.id.as_str()).await?;
        // Another client of the same name has been allowed nothing.
        let Some(client) = client.filter(|client| client.epoch == consent.client.epoch) else {
            continue;
        };
        let name = client.metadata.client_name.as_deref().unwrap_or(client.id.as_str());
        let about = |name| services.scopes.description(name).unwrap_or(name);
        let scopes: Vec<_> = consent.scopes.iter().map(|name| (name, about(name))).collect();
        rows.push(ConsentRow::of(&consent, name, &scopes, visit.frame()));
    }
    Ok(rows)
}
