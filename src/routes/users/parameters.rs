//! Path and query of user administration.

use crate::api_error::{ApiError, FieldProblem};
use crate::domain::{FieldError, Username};
use crate::openapi::{document_error, parameter};
use crate::routes::missing::refusal;
use actix_web::web::{Path, Query};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::{Ready, ready};

/// The schema of a user's name.
pub(super) fn username_schema() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": Username::LONGEST,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
    })
}

/// `{username}` in the path.
pub(super) struct PathUsername(pub(super) Username);

impl FromRequest for PathUsername {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = Path::<String>::from_request(request, payload).into_inner();
        ready(match text.map(|text| text.parse()) {
            Ok(Ok(username)) => Ok(Self(username)),
            // Nobody can have such a name: nothing is at `/users/me/scopes`.
            Ok(Err(FieldError::Reserved)) | Err(_) => Err(refusal(request, "User not found")),
            Ok(Err(error)) => {
                let at = ("path", "username");
                let problem = FieldProblem::new("value_error", at, format!("String {error}"));
                Err(ApiError::Validation(vec![problem]))
            }
        })
    }
}

impl Apiv2Schema for PathUsername {}

impl OperationModifier for PathUsername {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        parameter(
            operation,
            &json!({
                "in": "path",
                "name": "username",
                "required": true,
                "description": "The user's name",
                "schema": username_schema(),
                "example": "johndoe",
            }),
        );
        document_error(operation, 422, "");
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

/// Which page of users.
pub(super) struct PageQuery {
    pub(super) after: Option<Username>,
    pub(super) limit: u32,
}

impl PageQuery {
    const USUAL: u32 = 100;
    const MOST: u32 = 1000;

    fn read(query: &str) -> Result<Self, Vec<FieldProblem>> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query)
            .map(Query::into_inner)
            .unwrap_or_default();
        let last = |name: &str| {
            pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        let mut problems = Vec::new();
        let after = last("after").filter(|after| !after.is_empty()).and_then(|after| {
            let parsed = after.parse();
            parsed
                .map_err(|error: FieldError| {
                    let at = ("query", "after");
                    let problem = FieldProblem::new("value_error", at, format!("String {error}"));
                    problems.push(problem.input(after));
                })
                .ok()
        });
        let limit = last("limit").map_or(Ok(Self::USUAL), Self::limit);
        match limit {
            Ok(limit) if problems.is_empty() => Ok(Self { after, limit }),
            Ok(_) => Err(problems),
            Err(problem) => {
                problems.push(*problem);
                Err(problems)
            }
        }
    }

    fn limit(text: &str) -> Result<u32, Box<FieldProblem>> {
        let problem = |kind, msg: &str, ctx| {
            Box::new(FieldProblem::new(kind, ("query", "limit"), msg).input(text).ctx(ctx))
        };
        match text.parse::<i64>() {
            Ok(number) if number < 1 => Err(problem(
                "greater_than_equal",
                "Input should be greater than or equal to 1",
                json!({"ge": 1}),
            )),
            Ok(number) => {
                u32::try_from(number).ok().filter(|number| *number <= Self::MOST).ok_or_else(|| {
                    problem(
                        "less_than_equal",
                        "Input should be less than or equal to 1000",
                        json!({"le": Self::MOST}),
                    )
                })
            }
            Err(_) => Err(problem(
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
                Value::Null,
            )),
        }
    }
}

impl FromRequest for PageQuery {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request.query_string()).map_err(ApiError::Validation))
    }
}

impl Apiv2Schema for PageQuery {}

impl OperationModifier for PageQuery {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        parameter(
            operation,
            &json!({
                "in": "query",
                "name": "after",
                "description": "The last name of the page before; empty for the first page",
                "schema": {"type": "string", "maxLength": Username::LONGEST, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"},
            }),
        );
        parameter(
            operation,
            &json!({
                "in": "query",
                "name": "limit",
                "description": "How many users",
                "schema": {"type": "integer", "minimum": 1, "maximum": Self::MOST, "default": Self::USUAL},
            }),
        );
        document_error(operation, 422, "");
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded() {
        assert_eq!(PageQuery::read("").ok().unwrap().limit, 100);
        let page = PageQuery::read("limit=1000&after=a%20b").ok().unwrap();
        assert_eq!((page.limit, page.after.unwrap().as_str()), (1000, "a b"));
        for (query, kind) in [
            ("limit=0", "greater_than_equal"),
            ("limit=1001", "less_than_equal"),
            ("limit=99999999999", "less_than_equal"),
            ("limit=x", "int_parsing"),
            ("limit=", "int_parsing"),
            ("after=a%0Ab", "value_error"),
        ] {
            assert_eq!(PageQuery::read(query).err().unwrap()[0].kind, kind, "{query}");
        }
    }
}
