//! 201 with the new user and its location (RFC 9110 §15.3.2).

use crate::domain::User;
use crate::routes::profile::UserRecord;
use crate::settings::RootPath;
use actix_web::body::BoxBody;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, Responder};
use paperclip::actix::{CreatedJson, OperationModifier};
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;

/// Characters not encoded in a path segment: RFC 3986's unreserved ones.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A created user.
pub(super) struct Created {
    user: UserRecord,
    location: String,
}

impl Created {
    /// The location includes the path prefix that a proxy strips.
    pub(super) fn new(user: &User, root_path: &RootPath) -> Self {
        let name = utf8_percent_encode(user.username.as_str(), ENCODED);
        let location = format!("{}/users/{name}", root_path.as_str());
        Self { user: UserRecord::of(user, None), location }
    }
}

impl Responder for Created {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Created().insert_header((LOCATION, self.location)).json(self.user)
    }
}

impl Apiv2Schema for Created {}

impl OperationModifier for Created {
    fn update_response(operation: &mut DefaultOperationRaw) {
        CreatedJson::<UserRecord>::update_response(operation);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        CreatedJson::<UserRecord>::update_definitions(map);
    }
}
