//! Middleware from a function, for what every request passes.
//!
//! actix-web's `from_fn` hides the service further in behind a pointer and puts its future on the
//! heap beside the function's own. Here the function knows the service's type, and one future holds
//! both.

use actix_web::Error;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use futures_util::future::LocalBoxFuture;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Makes middleware of `async fn(request, next)`.
pub(super) fn around<F, A>(function: F) -> Around<F, A> {
    Around { function: Rc::new(function), answer: PhantomData }
}

/// Made by [`around`]; `A` is the future of the function.
pub(super) struct Around<F, A> {
    function: Rc<F>,
    answer: PhantomData<A>,
}

impl<S, F, A, B> Transform<S, ServiceRequest> for Around<F, A>
where
    S: Service<ServiceRequest, Error = Error> + 'static,
    F: Fn(ServiceRequest, Rc<S>) -> A + 'static,
    A: Future<Output = Result<ServiceResponse<B>, Error>> + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = Within<S, F, A>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Within {
            service: Rc::new(service),
            function: Rc::clone(&self.function),
            answer: PhantomData,
        }))
    }
}

/// A service with the function around it.
pub(super) struct Within<S, F, A> {
    service: Rc<S>,
    function: Rc<F>,
    answer: PhantomData<A>,
}

impl<S, F, A, B> Service<ServiceRequest> for Within<S, F, A>
where
    S: Service<ServiceRequest, Error = Error> + 'static,
    F: Fn(ServiceRequest, Rc<S>) -> A + 'static,
    A: Future<Output = Result<ServiceResponse<B>, Error>> + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse<B>, Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        Box::pin((self.function)(request, Rc::clone(&self.service)))
    }
}
