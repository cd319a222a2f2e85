//! GitHub's OAuth 2.0: what its API says of a user.

use crate::accounts::Arrival;
use crate::upstream::error::ProviderFault;
use crate::upstream::provider::Provider;
use crate::upstream::{Places, Received, Upstream, arrival};
use serde_json::Value;

impl Upstream {
    /// Who has these tokens at GitHub.
    pub(super) async fn github_user(
        &self,
        provider: &Provider,
        places: &Places,
        (token, _): Received,
    ) -> Result<Arrival, ProviderFault> {
        let user_url = places.userinfo.as_deref().unwrap_or_default();
        let user = self.ask(user_url, &token, "the user's profile").await?;
        let emails =
            self.ask(&format!("{user_url}/emails"), &token, "the user's addresses").await?;
        let id = id(&user).ok_or_else(|| ProviderFault::nonsense("the user has no id"))?;
        let claims = user.as_object().cloned().unwrap_or_default();
        arrival(provider, &id, &claims, email(&emails), &["login", "name"])
    }
}

/// The number that stays when the user takes another name.
pub(super) fn id(user: &Value) -> Option<String> {
    user.get("id").and_then(Value::as_u64).filter(|id| *id > 0).map(|id| id.to_string())
}

/// The primary address, if it is verified.
pub(super) fn email(emails: &Value) -> Option<String> {
    let is = |one: &Value, name: &str| one.get(name) == Some(&Value::Bool(true));
    let mut all = emails.as_array()?.iter();
    let primary = all.find(|one| is(one, "primary") && is(one, "verified"))?;
    primary.get("email").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_user_is_a_number_and_a_verified_primary_address() {
        assert_eq!(id(&json!({"id": 583_231, "login": "octocat"})).as_deref(), Some("583231"));
        for user in
            [json!({"id": "583231"}), json!({"id": 0}), json!({"id": -1}), json!({}), json!([])]
        {
            assert_eq!(id(&user), None, "{user}");
        }
        let address = |primary: bool, verified: Value| {
            json!([{"email": "a@example.com", "primary": false, "verified": true},
                   {"email": "b@example.com", "primary": primary, "verified": verified}])
        };
        assert_eq!(email(&address(true, json!(true))).as_deref(), Some("b@example.com"));
        for emails in [
            address(true, json!(false)),
            address(true, json!("true")),
            address(false, json!(true)),
            json!({}),
        ] {
            assert_eq!(email(&emails), None, "{emails}");
        }
    }
}
