//! Resolves the caller before reading the rest of the request.

use crate::api_error::ApiError;
use crate::security::dependency::{Depends, Resolve, resolved};
use crate::security::principal;
use crate::security::wrong::Wrong;
use actix_web::dev::Payload;
use actix_web::web::{Bytes, Form, Json, Path, Query};
use actix_web::{Error, FromRequest, HttpRequest};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw, SecurityScheme};
use paperclip::v2::schema::Apiv2Schema;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};

/// The caller `D`, then parts of the request: one of actix-web's extractors, or a tuple of any,
/// read in order and only once `D` admits the caller.
///
/// If the body was slow to arrive, the caller is resolved again, so that a user deleted, disabled
/// or stripped of a scope meanwhile cannot act.
///
/// actix extracts a handler's arguments side by side, so with separate arguments a bad body can be
/// reported before a bad token, and only the errors of one argument are told. Here the order is fixed, and a 422
/// lists what is wrong in all parts:
///
/// ```
/// use actix_web::web::{Json, Path};
/// use bailiwick::ApiError;
/// use bailiwick::security::{ActiveUser, Authorized};
/// use paperclip::actix::api_v2_operation;
///
/// /// Say it again
/// #[api_v2_operation]
/// async fn echo(
///     Authorized(caller, Json(text)): Authorized<ActiveUser, Json<String>>,
/// ) -> Result<Json<String>, ApiError> {
///     Ok(Json(format!("{}: {text}", caller.username)))
/// }
///
/// /// Say it several times
/// #[api_v2_operation]
/// async fn repeat(
///     Authorized(_, (times, Json(text))): Authorized<ActiveUser, (Path<u8>, Json<String>)>,
/// ) -> Result<Json<String>, ApiError> {
///     Ok(Json(text.repeat(times.into_inner().into())))
/// }
/// ```
#[derive(Debug)]
pub struct Authorized<D, P = ()>(pub D, pub P);

/// What [`Authorized`] reads once it knows the caller. Put extractors of your own in a tuple.
pub trait Parts: Sized + 'static {
    #[doc(hidden)]
    fn read(
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> impl Future<Output = Result<Self, Error>>;

    #[doc(hidden)]
    fn document(operation: &mut DefaultOperationRaw);

    #[doc(hidden)]
    fn define(map: &mut BTreeMap<String, DefaultSchemaRaw>);
}

macro_rules! tuples {
    ($(($($part:ident),*))+) => {$(
        impl<$($part: FromRequest + OperationModifier + 'static),*> Parts for ($($part,)*) {
            #[expect(non_snake_case, reason = "a part's variable has its type's name")]
            async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Error> {
                let mut wrong = Wrong::default();
                $(
                    let read = $part::from_request(request, payload).await.map_err(Into::into);
                    let $part = wrong.part(read, Error::as_error)?;
                )*
                match ($($part,)*) {
                    ($(Some($part),)*) => Ok(($($part,)*)),
                    _ => Err(ApiError::from(wrong).into()),
                }
            }

            fn document(operation: &mut DefaultOperationRaw) {
                $($part::update_parameter(operation);)*
            }

            fn define(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
                $($part::update_definitions(map);)*
            }
        }
    )+};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) }

impl Parts for () {
    async fn read(_: &HttpRequest, _: &mut Payload) -> Result<Self, Error> {
        Ok(())
    }

    fn document(_: &mut DefaultOperationRaw) {}

    fn define(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

macro_rules! singles {
    ($([$($parameter:ident)?] $part:ty,)+) => {$(
        impl<$($parameter: 'static)?> Parts for $part
        where
            Self: FromRequest + OperationModifier,
        {
            async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Error> {
                Self::from_request(request, payload).await.map_err(Into::into)
            }

            fn document(operation: &mut DefaultOperationRaw) {
                Self::update_parameter(operation);
            }

            fn define(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
                Self::update_definitions(map);
            }
        }
    )+};
}

singles! { [T] Json<T>, [T] Form<T>, [T] Query<T>, [T] Path<T>, [] Bytes, [] String, }

impl<D: Resolve, P: Parts> FromRequest for Authorized<D, P> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut caller = resolved::<D>(&request).await?;
            let mut parts = pin!(P::read(&request, &mut payload));
            let mut waited = false;
            let parts = poll_fn(|context| {
                let parts = parts.as_mut().poll(context);
                waited |= parts.is_pending();
                parts
            });
            let parts = parts.await;
            if waited {
                principal::forget(&request);
                caller = resolved::<D>(&request).await?;
            }
            Ok(Self(caller, parts?))
        })
    }
}

impl<D, P> Apiv2Schema for Authorized<D, P> {}

impl<D: Resolve, P: Parts> OperationModifier for Authorized<D, P> {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        Depends::<D>::update_parameter(operation);
        P::document(operation);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Depends::<D>::update_definitions(map);
        P::define(map);
    }

    fn update_security(operation: &mut DefaultOperationRaw) {
        Depends::<D>::update_security(operation);
    }

    fn update_security_definitions(map: &mut BTreeMap<String, SecurityScheme>) {
        Depends::<D>::update_security_definitions(map);
    }
}
