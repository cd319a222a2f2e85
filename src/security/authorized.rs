//! First the caller, then the rest of the request.

use crate::security::dependency::{Depends, Resolve, extract};
use crate::security::principal;
use actix_web::dev::Payload;
use actix_web::{Error, FromRequest, HttpRequest};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw, SecurityScheme};
use paperclip::v2::schema::Apiv2Schema;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};

/// The caller `D` and then one or two parts of the request, read only for a caller who may.
///
/// A client may hold a body back for long. Where it had to be waited for, the caller is asked for
/// once more, so that nobody acts who was deleted, disabled or stripped of a scope meanwhile.
///
/// actix extracts a handler's arguments side by side, so with separate arguments a bad body can be
/// answered before a bad token. Here the order is fixed:
///
/// ```
/// use actix_web::web::Json;
/// use bailiwick::api_error::ApiError;
/// use bailiwick::security::{ActiveUser, Authorized};
/// use paperclip::actix::api_v2_operation;
///
/// /// Say it again
/// #[api_v2_operation]
/// async fn echo(
///     Authorized(caller, Json(text), ..): Authorized<ActiveUser, Json<String>>,
/// ) -> Result<Json<String>, ApiError> {
///     Ok(Json(format!("{}: {text}", caller.username)))
/// }
/// ```
#[derive(Debug)]
pub struct Authorized<D, A, B = Nothing>(pub D, pub A, pub B);

/// No second part.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl FromRequest for Nothing {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

impl Apiv2Schema for Nothing {}

impl OperationModifier for Nothing {
    fn update_parameter(_: &mut DefaultOperationRaw) {}

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

impl<D, A, B> FromRequest for Authorized<D, A, B>
where
    D: Resolve,
    A: FromRequest + 'static,
    B: FromRequest + 'static,
{
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut caller = extract::<D>(&request).await?;
            let mut rest = pin!(async {
                let first = A::from_request(&request, &mut payload).await.map_err(Into::into)?;
                let second = B::from_request(&request, &mut payload).await.map_err(Into::into)?;
                Ok::<_, Error>((first, second))
            });
            let mut waited = false;
            let rest = poll_fn(|context| {
                let rest = rest.as_mut().poll(context);
                waited |= rest.is_pending();
                rest
            });
            let rest = rest.await;
            if waited {
                principal::forget(&request);
                caller = extract::<D>(&request).await?;
            }
            let (first, second) = rest?;
            Ok(Self(caller, first, second))
        })
    }
}

impl<D, A, B> Apiv2Schema for Authorized<D, A, B> {}

impl<D: Resolve, A: OperationModifier, B: OperationModifier> OperationModifier
    for Authorized<D, A, B>
{
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        Depends::<D>::update_parameter(operation);
        A::update_parameter(operation);
        B::update_parameter(operation);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        A::update_definitions(map);
        B::update_definitions(map);
    }

    fn update_security(operation: &mut DefaultOperationRaw) {
        Depends::<D>::update_security(operation);
    }

    fn update_security_definitions(map: &mut BTreeMap<String, SecurityScheme>) {
        Depends::<D>::update_security_definitions(map);
    }
}
