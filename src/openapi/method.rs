//! `get().to(handler)` as in paperclip; the document also learns the handler's name.

use actix_web::guard::Guard;
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder};
use paperclip::actix::web::{self, Route};
use paperclip::actix::{OperationModifier, ResponseWrapper};
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw, SecurityScheme};
use paperclip::v2::schema::Apiv2Operation;
use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Marks an operation's id that is the path of its handler.
pub(super) const HANDLER: &str = "x-handler:";

/// A route of one method, before it has a handler.
#[must_use = "routes.route(path, get().to(handler)) mounts it"]
pub struct MethodRoute(Route);

impl fmt::Debug for MethodRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodRoute").finish_non_exhaustive()
    }
}

macro_rules! methods {
    ($($name:ident $method:ident)+) => {$(
        #[doc = concat!("A route for ", stringify!($method), ": `", stringify!($name), "().to(handler)`.")]
        ///
        /// The function's name is the operation's id in the document.
        pub fn $name() -> MethodRoute {
            MethodRoute(web::method(Method::$method))
        }
    )+};
}

methods! { delete DELETE get GET patch PATCH post POST put PUT }

impl MethodRoute {
    /// Only requests that this guard of actix-web admits; the document does not show it.
    pub fn guard(self, guard: impl Guard + 'static) -> Self {
        Self(self.0.guard(guard))
    }

    /// The handler, a function with `#[api_v2_operation]`.
    pub fn to<F, Args>(self, handler: F) -> Route
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: OperationModifier + Responder + 'static,
        F::Future: Apiv2Operation,
    {
        self.0.to(Named(handler))
    }
}

#[derive(Clone)]
struct Named<F>(F);

impl<F, Args> Handler<Args> for Named<F>
where
    F: Handler<Args>,
    F::Output: OperationModifier + Responder,
    F::Future: Apiv2Operation,
{
    type Output = F::Output;
    type Future = ResponseWrapper<F::Future, Name<F, F::Future>>;

    fn call(&self, args: Args) -> Self::Future {
        ResponseWrapper { responder: self.0.call(args), operations: Name(PhantomData) }
    }
}

/// The operation of the future `T`, under the name of the handler `F`.
struct Name<F, T>(PhantomData<(F, T)>);

impl<F, T: Apiv2Operation> Apiv2Operation for Name<F, T> {
    fn operation() -> DefaultOperationRaw {
        let mut operation = T::operation();
        let id = operation.operation_id.take();
        operation.operation_id = id.or_else(|| Some(format!("{HANDLER}{}", type_name::<F>())));
        operation
    }

    fn security_definitions() -> BTreeMap<String, SecurityScheme> {
        T::security_definitions()
    }

    fn definitions() -> BTreeMap<String, DefaultSchemaRaw> {
        T::definitions()
    }

    fn is_visible() -> bool {
        T::is_visible()
    }
}
