//! Keys in the document: a scheme of their own, beside the token's.

use super::with_keys;
use crate::example_server::Example;
use serde_json::json;

#[test]
fn wherever_a_token_is_taken_the_document_offers_a_key() {
    let app = with_keys("");
    let document = app.get("/openapi.json").json();
    let scheme = &document["components"]["securitySchemes"]["APIKey"];
    assert_eq!(
        (&scheme["type"], &scheme["in"], &scheme["name"]),
        (&json!("apiKey"), &json!("header"), &json!("X-API-Key")),
    );
    let security = |path: &str, method: &str| &document["paths"][path][method]["security"];
    assert_eq!(
        *security("/users/me", "get"),
        json!([{"OAuth2PasswordBearer": ["me"]}, {"APIKey": []}]),
    );
    assert_eq!(
        *security("/users/me/api-keys", "post"),
        json!([{"OAuth2PasswordBearer": ["api-keys:write"]}, {"APIKey": []}]),
    );
    // Behind a guard and an extractor.
    assert_eq!(
        *security("/users/{username}/api-keys", "post"),
        json!([{"OAuth2PasswordBearer": ["users:write"]}, {"APIKey": []}]),
    );
    assert_eq!(*security("/basic/users/me", "get"), json!([{"HTTPBasic": []}]));
    assert_eq!(*security("/token", "post"), json!([]));
    let created = &document["paths"]["/users/me/api-keys"]["post"]["responses"]["201"];
    assert_eq!(
        created["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/APIKeyCreated",
    );
}

/// Where credentials are optional, so are both.
#[test]
fn an_optional_caller_may_show_either() {
    let document = Example::spawn("schemes").document();
    let operations = document["paths"].as_object().expect("paths").values();
    let operations = operations.flat_map(|item| item.as_object().expect("an item").values());
    let mut both = 0;
    for operation in operations {
        let security = operation["security"].as_array().cloned().unwrap_or_default();
        let has = |scheme: &str| security.iter().filter(|one| one.get(scheme).is_some()).count();
        assert_eq!(has("OAuth2PasswordBearer"), has("APIKey"), "{security:?}");
        both += has("APIKey");
        assert!(!security.iter().any(|one| {
            one.get("OAuth2PasswordBearer").is_some() && one.get("APIKey").is_some()
        }));
    }
    assert!(both > 0);
}
