//! Middleware of an application, around all routes.

use actix_service::boxed::{self, BoxService};
use actix_service::{Service, ServiceExt as _, Transform};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use futures_util::future::LocalBoxFuture;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The routes, as an application's middleware sees them.
pub type Next = BoxService<ServiceRequest, ServiceResponse, Error>;

type Answer = LocalBoxFuture<'static, Result<ServiceResponse, Error>>;
type Wrap = Arc<dyn Fn(Next) -> LocalBoxFuture<'static, Result<Next, ()>> + Send + Sync>;

/// All middleware of an application; the last one is the outermost.
#[derive(Clone, Default)]
pub(super) struct Around(Vec<Wrap>);

impl Around {
    /// Adds one; `make` is called once in each thread.
    pub(super) fn add<M, B>(&mut self, make: impl Fn() -> M + Send + Sync + 'static)
    where
        M: Transform<
                Next,
                ServiceRequest,
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        self.0.push(Arc::new(move |inner| {
            let service = make().new_transform(inner);
            Box::pin(async move {
                let service = service.await?;
                Ok(boxed::service(service.map(ServiceResponse::map_into_boxed_body)))
            })
        }));
    }
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Around").field(&self.0.len()).finish()
    }
}

/// Without middleware, the routes themselves: nothing is boxed for nobody.
impl<S> Transform<S, ServiceRequest> for Around
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error, Future = Answer>
        + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Transform = Routed<S>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Routed<S>, ()>>;

    fn new_transform(&self, routes: S) -> Self::Future {
        if self.0.is_empty() {
            return Box::pin(ready(Ok(Routed::Plain(routes))));
        }
        let all = self.0.clone();
        Box::pin(async move {
            let mut service: Next = Box::new(routes);
            for wrap in all {
                service = wrap(service).await?;
            }
            Ok(Routed::Wrapped(service))
        })
    }
}

/// The routes of one thread.
pub(super) enum Routed<S> {
    Plain(S),
    Wrapped(Next),
}

impl<S> Service<ServiceRequest> for Routed<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error, Future = Answer>
        + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = Answer;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self {
            Self::Plain(routes) => routes.poll_ready(context),
            Self::Wrapped(service) => service.poll_ready(context),
        }
    }

    fn call(&self, request: ServiceRequest) -> Answer {
        match self {
            Self::Plain(routes) => routes.call(request),
            Self::Wrapped(service) => service.call(request),
        }
    }
}
