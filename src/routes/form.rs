//! The form of the OAuth2 password flow, urlencoded or multipart.

use crate::api_error::{ApiError, FieldProblem};
use crate::domain::Secret;
use crate::extract::{FormFields, document_form, form_schema};
use crate::oauth::{
    ClientCredentials, GrantError, GrantType, PasswordClient, PasswordGrant, RefreshTokenGrant,
    TokenRequest, scope_names,
};
use crate::routes::{client_form, service_form};
use crate::security::services;
use crate::settings::SecurityProfile;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::pin::Pin;

/// FastAPI's `OAuth2PasswordRequestForm`.
///
/// An empty field counts as missing, the last of several counts, an unknown one is ignored. With
/// the setting `oauth.require_grant_type`, it requires what [`PasswordRequestFormStrict`] does.
///
/// A `grant_type` other than `password` gets a 422, as with FastAPI's form, or in the strict
/// profile `unsupported_grant_type` (RFC 6749 §5.2).
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(description = "The form of OAuth2's password flow")]
pub struct PasswordRequestForm {
    /// `password`, or absent.
    #[schemars(
        with = "String",
        regex(pattern = "^password$"),
        extend("x-hint-pattern" = "^(password)?$")
    )]
    #[serde(default)]
    pub grant_type: Option<String>,
    /// The user name.
    #[schemars(length(min = 1), example = &"johndoe")]
    pub username: String,
    /// The password.
    #[schemars(
        with = "String",
        length(min = 1),
        extend("format" = "password", "example" = "1234")
    )]
    pub password: Secret,
    /// The scopes asked for, separated by white space.
    #[schemars(extend("example" = "me items"))]
    #[serde(default)]
    pub scope: String,
    /// Accepted, not checked: the password flow here has no clients.
    #[schemars(with = "String")]
    #[serde(default)]
    pub client_id: Option<String>,
    /// Accepted, not checked.
    #[schemars(
        with = "String",
        extend("format" = "password")
    )]
    #[serde(default)]
    pub client_secret: Option<Secret>,
}

impl PasswordRequestForm {
    /// The requested scopes, in order: FastAPI's `form_data.scopes`.
    #[must_use]
    pub fn scopes(&self) -> Vec<&str> {
        scope_names(&self.scope).collect()
    }
}

/// FastAPI's `OAuth2PasswordRequestFormStrict`: requires `grant_type` (RFC 6749 §4.3.2) on routes
/// that take it.
#[derive(Debug)]
pub struct PasswordRequestFormStrict(pub PasswordRequestForm);

impl Deref for PasswordRequestFormStrict {
    type Target = PasswordRequestForm;

    fn deref(&self) -> &PasswordRequestForm {
        &self.0
    }
}

/// The form of `POST /token`, parsed to a grant; with or without refresh tokens.
///
/// A password may come with a client, as RFC 6749 §3.2.1 says.
#[derive(Debug)]
pub(super) struct TokenForm<const REFRESHES: bool>(pub(super) TokenRequest);

impl From<PasswordRequestForm> for PasswordGrant {
    fn from(form: PasswordRequestForm) -> Self {
        let PasswordRequestForm { username, password, scope, .. } = form;
        Self { username, password, scope }
    }
}

/// How `grant_type` is treated.
#[derive(Clone, Copy, Debug)]
struct GrantTypeRule {
    /// Whether it is required.
    demanded: bool,
    /// Whether an unknown one is RFC 6749's error instead of an invalid field.
    rfc: bool,
    /// Whether refresh tokens are taken.
    refreshes: bool,
}

/// Larger forms are refused: a password has at most 4096 bytes, and scopes do not fill the rest.
const MOST_BYTES: usize = 16 * 1024;

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for PasswordRequestForm {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request.clone(), payload.take(), false, read)
    }
}

impl<const REFRESHES: bool> FromRequest for TokenForm<REFRESHES> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request.clone(), payload.take(), false, |request, fields, rule| {
            // Without a URL, there are no clients.
            let services = services(request)?;
            let (url, tokens) = (&services.settings.server.public_url, &services.tokens);
            if url.is_some()
                && let Some(asked) =
                    service_form::read(request, &fields, tokens.issues_to_clients())?
            {
                return Ok(Self(asked));
            }
            let rule = GrantTypeRule { refreshes: REFRESHES || url.is_some(), ..rule };
            let asked = match grant_type(&fields, rule)? {
                GrantType::Password => {
                    let client =
                        client(request, |request| client_form::last_shown(request, &fields))?;
                    let form = read(request, fields, rule).map_err(|error| as_rfc(error, rule))?;
                    TokenRequest::Password(form.into(), client)
                }
                GrantType::RefreshToken => {
                    let shown = client_form::shown(request, &fields)?;
                    TokenRequest::RefreshToken(refresh(&fields)?, client(request, |_| shown)?)
                }
            };
            Ok(Self(asked))
        })
    }
}

impl FromRequest for PasswordRequestFormStrict {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request.clone(), payload.take(), true, |request, fields, rule| {
            read(request, fields, rule).map(Self)
        })
    }
}

fn extract<T: 'static>(
    request: HttpRequest,
    payload: Payload,
    demanded: bool,
    read: fn(&HttpRequest, FormFields, GrantTypeRule) -> Result<T, ApiError>,
) -> Extraction<T> {
    Box::pin(async move {
        let settings = &services(&request)?.settings;
        let rule = GrantTypeRule {
            demanded: demanded || settings.oauth.require_grant_type,
            rfc: settings.security.profile == SecurityProfile::Strict,
            refreshes: false,
        };
        let fields = FormFields::read(&request, payload, MOST_BYTES).await?;
        read(&request, fields, rule)
    })
}

/// The grant that a form requests. In the default profile, FastAPI's error about an unknown one is
/// listed with those of the other fields.
fn grant_type(fields: &FormFields, rule: GrantTypeRule) -> Result<GrantType, GrantError> {
    let parse = |text: &str| match text.parse()? {
        GrantType::RefreshToken if !rule.refreshes => Err(GrantError::UnsupportedGrantType),
        other => Ok(other),
    };
    match fields.get("grant_type").and_then(|value| value.as_str()).map(parse) {
        Some(Err(error)) if rule.rfc => Err(error),
        Some(Ok(grant_type)) => Ok(grant_type),
        Some(Err(_)) | None => Ok(GrantType::default()),
    }
}

/// The client that sends the request. Without a URL, there are no clients.
fn client(
    request: &HttpRequest,
    shown: impl FnOnce(&HttpRequest) -> ClientCredentials,
) -> Result<Option<PasswordClient>, ApiError> {
    let settings = &services(request)?.settings;
    let is_required = settings.oauth.require_client;
    let has_clients = settings.server.public_url.is_some();
    Ok(has_clients.then(|| PasswordClient { shown: shown(request), is_required }))
}

/// RFC 6749 §3.2: no parameter is repeated, and an empty one counts as missing.
fn refresh(fields: &FormFields) -> Result<RefreshTokenGrant, GrantError> {
    let parameters = ["grant_type", "refresh_token", "scope", "resource"];
    if parameters.into_iter().any(|name| fields.repeats(name)) {
        return Err(GrantError::InvalidRequest);
    }
    let text = |name| match fields.get(name) {
        None => Ok(""),
        Some(value) => value.as_str().ok_or(GrantError::InvalidRequest),
    };
    match text("refresh_token")? {
        "" => Err(GrantError::InvalidRequest),
        token => Ok(RefreshTokenGrant {
            refresh_token: Secret::new(token),
            scope: text("scope")?.to_owned(),
        }),
    }
}

fn read(
    request: &HttpRequest,
    fields: FormFields,
    rule: GrantTypeRule,
) -> Result<PasswordRequestForm, ApiError> {
    grant_type(&fields, rule)?;
    let is_missing = rule.demanded && fields.get("grant_type").is_none();
    let form = fields.check(request);
    if !is_missing {
        return form;
    }
    let missing = FieldProblem::missing("body", "grant_type");
    Err(match form {
        Err(ApiError::Validation(problems)) => ApiError::Validation(first(missing, problems)),
        Err(ApiError::NotAForm(problems, found)) => {
            ApiError::NotAForm(first(missing, problems), found)
        }
        Err(other) => other,
        Ok(_) => ApiError::Validation(vec![missing]),
    })
}

/// RFC 6749 §5.2: a missing parameter is an error as any other.
fn as_rfc(error: ApiError, rule: GrantTypeRule) -> ApiError {
    match error {
        ApiError::Validation(_) | ApiError::NotAForm(..) if rule.rfc => {
            GrantError::InvalidRequest.into()
        }
        other => other,
    }
}

fn first(problem: FieldProblem, others: Vec<FieldProblem>) -> Vec<FieldProblem> {
    [problem].into_iter().chain(others).collect()
}

impl Apiv2Schema for PasswordRequestForm {}

impl OperationModifier for PasswordRequestForm {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        document_form(operation, &form_schema::<Self>());
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

impl<const REFRESHES: bool> Apiv2Schema for TokenForm<REFRESHES> {}

impl<const REFRESHES: bool> OperationModifier for TokenForm<REFRESHES> {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        if !REFRESHES {
            return PasswordRequestForm::update_parameter(operation);
        }
        let mut schema = form_schema::<PasswordRequestForm>();
        schema["title"] = json!("TokenRequestForm");
        schema["description"] = json!(
            "The form of OAuth2's password flow, or `grant_type=refresh_token` with `refresh_token`"
        );
        schema["properties"]["grant_type"]["pattern"] = json!("^(password|refresh_token)?$");
        schema["properties"]["refresh_token"] =
            json!({"type": "string", "description": "The token of the last response."});
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("required");
        }
        document_form(operation, &schema);
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

impl Apiv2Schema for PasswordRequestFormStrict {}

impl OperationModifier for PasswordRequestFormStrict {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        let mut schema = form_schema::<PasswordRequestForm>();
        schema["title"] = json!("PasswordRequestFormStrict");
        schema["required"] = json!(["grant_type", "username", "password"]);
        schema["properties"]["grant_type"] =
            json!({"type": "string", "pattern": "^password$", "example": "password"});
        document_form(operation, &schema);
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    fn reading_as(rule: GrantTypeRule, body: &str) -> Result<PasswordRequestForm, ApiError> {
        read(&TestRequest::default().to_http_request(), FormFields::of(body), rule)
    }

    fn reading(demanded: bool, body: &str) -> Result<PasswordRequestForm, ApiError> {
        reading_as(GrantTypeRule { demanded, rfc: false, refreshes: false }, body)
    }

    fn problems(body: &str, strict: bool) -> Vec<(&'static str, String)> {
        match reading(strict, body) {
            Err(ApiError::Validation(problems)) => {
                problems.iter().map(|p| (p.kind, p.loc[1].as_str().unwrap().to_owned())).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn problems_are_in_the_order_of_the_fields() {
        let missing = |name: &str| ("missing", name.to_owned());
        assert_eq!(problems("", false), [missing("username"), missing("password")]);
        assert_eq!(
            problems("password=", true),
            [missing("grant_type"), missing("username"), missing("password")],
        );
        assert_eq!(
            problems("grant_type=x&username=a", false),
            [("string_pattern_mismatch", "grant_type".to_owned()), missing("password")],
        );
    }

    #[test]
    fn the_last_of_several_counts() {
        let form = reading(false, "username=a&username=b&password=c&scope=me++items").unwrap();
        assert_eq!((form.username.as_str(), form.scope.as_str()), ("b", "me  items"));
        assert_eq!(form.scopes(), ["me", "items"]);
    }

    #[test]
    fn scopes_are_split_as_in_python() {
        let scopes = |scope: &str| {
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("username", "a"), ("password", "b"), ("scope", scope)])
                .finish();
            let form = reading(false, &body).unwrap();
            form.scopes().into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(scopes(""), [""; 0]);
        assert_eq!(scopes(" \t "), [""; 0]);
        assert_eq!(scopes(" me\titems\u{1c}a\u{3000}me "), ["me", "items", "a", "me"]);
    }

    #[test]
    fn an_unknown_grant_is_the_rfcs_error_if_configured() {
        for demanded in [false, true] {
            let rule = GrantTypeRule { demanded, rfc: true, refreshes: false };
            for body in
                ["grant_type=x", "grant_type=x&username=a&password=b", "grant_type=PASSWORD"]
            {
                let read = reading_as(rule, body);
                let unsupported = ApiError::Grant(GrantError::UnsupportedGrantType);
                assert_eq!(
                    format!("{:?}", read.unwrap_err()),
                    format!("{unsupported:?}"),
                    "{body}"
                );
            }
            let read = reading_as(rule, "grant_type=password&username=a&password=b");
            assert!(read.is_ok());
        }
    }

    proptest! {
        #[test]
        fn any_urlencoded_body_is_read_or_refused(body in ".{0,200}", strict: bool) {
            let rule = GrantTypeRule { demanded: strict, rfc: !strict, refreshes: false };
            let _ = reading_as(rule, &body);
            let _ = refresh(&FormFields::of(&body));
        }
    }
}
