//! The form of the OAuth2 password flow, urlencoded or multipart.

mod multipart;

use crate::api_error::{ApiError, FieldProblem};
use crate::domain::Secret;
use crate::oauth::{GrantError, GrantType, PasswordGrant, TokenRequest, scope_names};
use crate::openapi::{self, document_error};
use crate::routes::json_body::read_body;
use crate::security::services;
use crate::settings::SecurityProfile;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::pin::Pin;

/// FastAPI's `OAuth2PasswordRequestForm`.
///
/// An empty field counts as missing, the last of several counts, an unknown one is ignored. With
/// the setting `oauth.require_grant_type`, it demands what [`PasswordRequestFormStrict`] does.
///
/// Another `grant_type` than `password` is answered with 422, as FastAPI's form does, and in the
/// strict profile with `unsupported_grant_type` (RFC 6749 §5.2).
#[derive(Debug)]
pub struct PasswordRequestForm {
    /// `password`, or absent.
    pub grant_type: Option<String>,
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The scopes asked for, separated by white space.
    pub scope: String,
    /// Accepted, not checked: the password flow here has no clients.
    pub client_id: Option<String>,
    /// Accepted, not checked.
    pub client_secret: Option<Secret>,
}

impl PasswordRequestForm {
    /// The scopes asked for, in their order: FastAPI's `form_data.scopes`.
    #[must_use]
    pub fn scopes(&self) -> Vec<&str> {
        scope_names(&self.scope).collect()
    }
}

/// FastAPI's `OAuth2PasswordRequestFormStrict`: demands `grant_type` (RFC 6749 §4.3.2) on the routes
/// that take it.
#[derive(Debug)]
pub struct PasswordRequestFormStrict(pub PasswordRequestForm);

impl Deref for PasswordRequestFormStrict {
    type Target = PasswordRequestForm;

    fn deref(&self) -> &PasswordRequestForm {
        &self.0
    }
}

/// The form of `POST /token`, read as the grant that it asks for.
#[derive(Debug)]
pub(super) struct TokenForm(pub(super) TokenRequest);

impl From<PasswordRequestForm> for PasswordGrant {
    fn from(form: PasswordRequestForm) -> Self {
        let PasswordRequestForm { username, password, scope, .. } = form;
        Self { username, password, scope }
    }
}

/// What is made of `grant_type`.
#[derive(Clone, Copy, Debug)]
struct GrantTypeRule {
    /// Whether it must be there.
    demanded: bool,
    /// Whether an unknown one is RFC 6749's error, and not a bad field.
    rfc: bool,
}

/// What a form field holds.
enum Field {
    /// Any may be a password.
    Text(Secret),
    /// Sent as a file, which no field of this form is.
    File,
}

type Form = BTreeMap<String, Field>;

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// More bytes than that are refused: a password has 4096 at most, and scopes do not fill the rest.
const MOST_BYTES: usize = 16 * 1024;

/// More fields than that are refused, as Starlette does.
const MOST_FIELDS: usize = 1000;

const TOO_MANY_FIELDS: ApiError =
    ApiError::BadRequest("Too many fields. Maximum number of fields is 1000.");

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for PasswordRequestForm {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request.clone(), payload.take(), false, read)
    }
}

impl FromRequest for TokenForm {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request.clone(), payload.take(), false, |form, rule| {
            let request = match grant_type(&form, rule)? {
                GrantType::Password => TokenRequest::Password(read(form, rule)?.into()),
            };
            Ok(Self(request))
        })
    }
}

impl FromRequest for PasswordRequestFormStrict {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        extract(request.clone(), payload.take(), true, |form, rule| read(form, rule).map(Self))
    }
}

fn extract<T: 'static>(
    request: HttpRequest,
    payload: Payload,
    demanded: bool,
    read: fn(Form, GrantTypeRule) -> Result<T, ApiError>,
) -> Extraction<T> {
    Box::pin(async move {
        let settings = &services(&request)?.settings;
        let rule = GrantTypeRule {
            demanded: demanded || settings.oauth.require_grant_type,
            rfc: settings.security.profile == SecurityProfile::Strict,
        };
        let form = read_form(&request, payload).await?;
        read(form, rule).map_err(|error| match (error, media_type(&request)) {
            (ApiError::Validation(problems), found) if !is_form(found) => {
                ApiError::NotAForm(problems, shown(found))
            }
            (error, _) => error,
        })
    })
}

fn content_type(request: &HttpRequest) -> &str {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

fn media_type(request: &HttpRequest) -> &str {
    content_type(request).split(';').next().unwrap_or_default().trim()
}

fn is_form(media_type: &str) -> bool {
    [URLENCODED, MULTIPART].iter().any(|form| form.eq_ignore_ascii_case(media_type))
}

/// What came in the place of a form, for a message.
fn shown(media_type: &str) -> String {
    match media_type {
        "" => "no Content-Type".to_owned(),
        _ => media_type.chars().take(100).collect(),
    }
}

async fn read_form(request: &HttpRequest, payload: Payload) -> Result<Form, ApiError> {
    let media_type = media_type(request);
    if media_type.eq_ignore_ascii_case(URLENCODED) {
        let body = read_body(request, payload, MOST_BYTES).await?;
        let mut form = Form::new();
        for (count, (name, value)) in form_urlencoded::parse(&body).enumerate() {
            if count >= MOST_FIELDS {
                return Err(TOO_MANY_FIELDS);
            }
            form.insert(name.into_owned(), Field::Text(Secret::new(value)));
        }
        Ok(form)
    } else if media_type.eq_ignore_ascii_case(MULTIPART) {
        let body = read_body(request, payload, MOST_BYTES).await?;
        let fields = multipart::parse(content_type(request).as_bytes(), &body)?;
        Ok(fields.into_iter().collect())
    } else {
        Ok(Form::new())
    }
}

/// Which grant a form asks for. In the default profile, what FastAPI's form for passwords says of an
/// unknown one stands with what it says of all other fields.
fn grant_type(form: &Form, rule: GrantTypeRule) -> Result<GrantType, GrantError> {
    match form.get("grant_type") {
        Some(Field::Text(text)) if !text.expose().is_empty() => match text.expose().parse() {
            Err(_) if !rule.rfc => Ok(GrantType::Password),
            parsed => parsed,
        },
        _ => Ok(GrantType::default()),
    }
}

fn read(mut form: Form, rule: GrantTypeRule) -> Result<PasswordRequestForm, ApiError> {
    let mut problems = Vec::new();
    let mut take = |name: &str, required: bool| match form.remove(name) {
        Some(Field::Text(text)) if !text.expose().is_empty() => Some(text),
        Some(Field::File) => {
            let msg = "Input should be a valid string";
            problems.push(FieldProblem::new("string_type", ("body", name), msg));
            None
        }
        Some(Field::Text(_)) | None => {
            if required {
                problems.push(FieldProblem::missing("body", name));
            }
            None
        }
    };
    let shown = |text: Secret| text.expose().to_owned();
    let grant_type = take("grant_type", rule.demanded).map(shown);
    let username = take("username", true).map(shown);
    let password = take("password", true);
    let scope = take("scope", false).map(shown).unwrap_or_default();
    let client_id = take("client_id", false).map(shown);
    let client_secret = take("client_secret", false);
    if let Some(other) = grant_type.as_deref().filter(|grant_type| *grant_type != "password") {
        if rule.rfc {
            return Err(GrantError::UnsupportedGrantType.into());
        }
        let msg = "String should match pattern '^password$'";
        let problem = FieldProblem::new("string_pattern_mismatch", ("body", "grant_type"), msg);
        problems.insert(0, problem.input(other).ctx(json!({"pattern": "^password$"})));
    }
    match (username, password) {
        (Some(username), Some(password)) if problems.is_empty() => Ok(PasswordRequestForm {
            grant_type,
            username,
            password,
            scope,
            client_id,
            client_secret,
        }),
        _ => Err(ApiError::Validation(problems)),
    }
}

impl Apiv2Schema for PasswordRequestForm {}

impl OperationModifier for PasswordRequestForm {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        let grant_type =
            json!({"type": "string", "pattern": "^(password)?$", "description": "`password`"});
        document(
            operation,
            &form_schema("PasswordRequestForm", &["username", "password"], &grant_type),
        );
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

impl Apiv2Schema for TokenForm {}

impl OperationModifier for TokenForm {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        PasswordRequestForm::update_parameter(operation);
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

impl Apiv2Schema for PasswordRequestFormStrict {}

impl OperationModifier for PasswordRequestFormStrict {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        let grant_type = json!({"type": "string", "pattern": "^password$", "example": "password"});
        let required = ["grant_type", "username", "password"];
        document(operation, &form_schema("PasswordRequestFormStrict", &required, &grant_type));
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

fn form_schema(title: &str, required: &[&str], grant_type: &Value) -> Value {
    json!({
        "type": "object",
        "title": title,
        "required": required,
        "properties": {
            "grant_type": grant_type,
            "username": {"type": "string", "minLength": 1, "example": "johndoe"},
            "password": {"type": "string", "minLength": 1, "format": "password", "example": "1234"},
            "scope": {"type": "string", "default": "", "description": "Scopes, separated by spaces", "example": "me items"},
            "client_id": {"type": "string", "description": "Accepted, not checked"},
            "client_secret": {"type": "string", "format": "password", "description": "Accepted, not checked"},
        },
    })
}

fn document(operation: &mut DefaultOperationRaw, schema: &Value) {
    openapi::body(
        operation,
        &json!({
            "required": true,
            "content": {
                // Multipart is taken, too; named here, generators of clients would choose it.
                "application/x-www-form-urlencoded": {"schema": schema},
            },
        }),
    );
    for (status, example) in [(408, "Request Timeout"), (413, "Request body too large"), (422, "")]
    {
        document_error(operation, status, example);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(body: &str) -> Form {
        let fields = form_urlencoded::parse(body.as_bytes());
        fields.map(|(k, v)| (k.into_owned(), Field::Text(Secret::new(v)))).collect()
    }

    fn reading(demanded: bool, body: &str) -> Result<PasswordRequestForm, ApiError> {
        read(form(body), GrantTypeRule { demanded, rfc: false })
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
    fn problems_stand_in_the_order_of_the_fields() {
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
    fn scopes_are_parted_as_in_python() {
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
    fn an_unknown_grant_is_the_rfcs_error_where_that_is_asked_for() {
        for demanded in [false, true] {
            let rule = GrantTypeRule { demanded, rfc: true };
            for body in
                ["grant_type=x", "grant_type=x&username=a&password=b", "grant_type=PASSWORD"]
            {
                let read = read(form(body), rule);
                let unsupported = ApiError::Grant(GrantError::UnsupportedGrantType);
                assert_eq!(
                    format!("{:?}", read.unwrap_err()),
                    format!("{unsupported:?}"),
                    "{body}"
                );
            }
            let read = read(form("grant_type=password&username=a&password=b"), rule);
            assert!(read.is_ok());
        }
    }

    proptest! {
        #[test]
        fn any_urlencoded_body_is_read_or_refused(body in ".{0,200}", strict: bool) {
            let _ = read(form(&body), GrantTypeRule { demanded: strict, rfc: !strict });
        }
    }
}
