//! 200 with the changed user, or 204.

use crate::routes::profile::UserRecord;
use actix_web::body::BoxBody;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse, Responder};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultResponseRaw, DefaultSchemaRaw, Either};
use paperclip::v2::schema::Apiv2Schema;
use std::collections::BTreeMap;

/// The user; `None` for a caller that changed nothing and may not read it.
pub(super) struct Changed(pub(super) Option<UserRecord>);

impl Responder for Changed {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        match self.0 {
            Some(user) => HttpResponse::Ok().json(user),
            None => HttpResponse::NoContent().finish(),
        }
    }
}

impl Apiv2Schema for Changed {}

impl OperationModifier for Changed {
    fn update_response(operation: &mut DefaultOperationRaw) {
        Json::<UserRecord>::update_response(operation);
        let description = Some("No field was given, and the caller may not read users".to_owned());
        let nothing = DefaultResponseRaw { description, ..DefaultResponseRaw::default() };
        operation.responses.insert("204".to_owned(), Either::Right(nothing));
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<UserRecord>::update_definitions(map);
    }
}
