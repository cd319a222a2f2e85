//! The form of the OAuth2 password flow, urlencoded or multipart.

mod multipart;

use crate::api_error::{ApiError, FieldProblem, document_error};
use crate::domain::Secret;
use crate::routes::json_body::read_body;
use crate::security::services;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use serde_json::json;
use std::collections::BTreeMap;
use std::pin::Pin;

/// FastAPI's `OAuth2PasswordRequestForm`, and with `oauth.require_grant_type` its
/// `OAuth2PasswordRequestFormStrict` (RFC 6749 §4.3.2).
///
/// An empty field counts as missing, the last of several counts, an unknown one is ignored.
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

/// What a form field holds.
enum Field {
    Text(String),
    /// Sent as a file, which no field of this form is.
    File,
}

type Form = BTreeMap<String, Field>;

/// More bytes than that are refused: a password has 4096 at most, and scopes do not fill the rest.
const MOST_BYTES: usize = 16 * 1024;

/// More fields than that are refused, as Starlette does.
const MOST_FIELDS: usize = 1000;

const TOO_MANY_FIELDS: ApiError =
    ApiError::BadRequest("Too many fields. Maximum number of fields is 1000.");

impl FromRequest for PasswordRequestForm {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let require_grant_type = services(&request)?.settings.oauth.require_grant_type;
            read(read_form(&request, payload).await?, require_grant_type)
        })
    }
}

async fn read_form(request: &HttpRequest, payload: Payload) -> Result<Form, ApiError> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let body = read_body(request, payload, MOST_BYTES).await?;
        let mut form = Form::new();
        for (count, (name, value)) in form_urlencoded::parse(&body).enumerate() {
            if count >= MOST_FIELDS {
                return Err(TOO_MANY_FIELDS);
            }
            form.insert(name.into_owned(), Field::Text(value.into_owned()));
        }
        Ok(form)
    } else if media_type.eq_ignore_ascii_case("multipart/form-data") {
        let body = read_body(request, payload, MOST_BYTES).await?;
        let fields = multipart::parse(content_type.unwrap_or_default().as_bytes(), &body)?;
        Ok(fields.into_iter().collect())
    } else {
        Ok(Form::new())
    }
}

fn read(mut form: Form, require_grant_type: bool) -> Result<PasswordRequestForm, ApiError> {
    let mut problems = Vec::new();
    let mut take = |name: &str, required: bool| match form.remove(name) {
        Some(Field::Text(text)) if !text.is_empty() => Some(text),
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
    let grant_type = take("grant_type", require_grant_type);
    let username = take("username", true);
    let password = take("password", true);
    let scope = take("scope", false).unwrap_or_default();
    let client_id = take("client_id", false);
    let client_secret = take("client_secret", false).map(Secret::new);
    if let Some(other) = grant_type.as_deref().filter(|grant_type| *grant_type != "password") {
        let msg = "String should match pattern '^password$'";
        let problem = FieldProblem::new("string_pattern_mismatch", ("body", "grant_type"), msg);
        problems.insert(0, problem.input(other).ctx(json!({"pattern": "^password$"})));
    }
    match (username, password) {
        (Some(username), Some(password)) if problems.is_empty() => Ok(PasswordRequestForm {
            grant_type,
            username,
            password: Secret::new(password),
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
        let body = json!({
            "type": "object",
            "title": "PasswordRequestForm",
            "required": ["username", "password"],
            "properties": {
                "grant_type": {"type": "string", "pattern": "^(password)?$", "description": "`password`"},
                "username": {"type": "string", "minLength": 1, "example": "johndoe"},
                "password": {"type": "string", "minLength": 1, "format": "password", "example": "1234"},
                "scope": {"type": "string", "default": "", "description": "Scopes, separated by spaces", "example": "me items"},
                "client_id": {"type": "string", "description": "Accepted, not checked"},
                "client_secret": {"type": "string", "format": "password", "description": "Accepted, not checked"},
            },
        });
        crate::routes::json_body::document_body(
            operation,
            &json!({
                "required": true,
                "content": {
                    // Multipart is taken, too; named here, generators of clients would choose it.
                    "application/x-www-form-urlencoded": {"schema": body},
                },
            }),
        );
        for (status, example) in
            [(408, "Request Timeout"), (413, "Request body too large"), (422, "")]
        {
            document_error(operation, status, example);
        }
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(body: &str) -> Form {
        let fields = form_urlencoded::parse(body.as_bytes());
        fields.map(|(k, v)| (k.into_owned(), Field::Text(v.into_owned()))).collect()
    }

    fn problems(body: &str, strict: bool) -> Vec<(&'static str, String)> {
        match read(form(body), strict) {
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
        let form = read(form("username=a&username=b&password=c&scope=me++items"), false).unwrap();
        assert_eq!((form.username.as_str(), form.scope.as_str()), ("b", "me  items"));
    }

    proptest! {
        #[test]
        fn any_urlencoded_body_is_read_or_refused(body in ".{0,200}", strict: bool) {
            let _ = read(form(&body), strict);
        }
    }
}
