//! Dependencies: what a handler requires of its caller, each built from the one before it.

use crate::api_error::{ApiError, Reason};
use crate::openapi::Requirements;
use crate::security::call::Call;
use crate::security::refused;
use crate::security::replaced::Replaced;
use crate::security::required::{Chain, ScopeList};
use crate::security::scheme::{DeclaredScheme, Scheme as _};
use crate::security::wrong::Wrong;
use actix_web::HttpRequest;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;

/// A step of a chain: FastAPI's dependency function with its sub-dependency.
///
/// ```
/// use bailiwick::ApiError;
/// use bailiwick::security::{ApiKeyHeader, AuthScheme, Call, Dependency, Reason};
///
/// bailiwick::schemes! {
///     /// The key that we sent you.
///     Key = ApiKeyHeader::new("X-API-Key");
/// }
///
/// struct Partner(String);
///
/// impl Dependency for Partner {
///     type Needs = Key;
///
///     async fn build(key: Key, call: &Call<'_>) -> Result<Self, ApiError> {
///         if key.equals("swordfish") {
///             Ok(Self("acme".to_owned()))
///         } else {
///             Err(call.refuse(AuthScheme::ApiKey, Reason::Invalid))
///         }
///     }
/// }
///
/// // A handler may now take a `Partner`; without this line, a `Depends<Partner>`.
/// bailiwick::extractor!(Partner);
/// ```
pub trait Dependency: Sized + 'static {
    /// What this step is built from: a declared scheme, another step, [`Scoped`], parameters
    /// ([`Query`](crate::Query), [`Path`](crate::Path), [`Header`](crate::Header),
    /// [`Cookie`](crate::Cookie)), a tuple of them, or nothing: `()`.
    type Needs: Resolve;

    /// Error responses of this step for the document: status and example.
    const RESPONSES: &'static [(u16, &'static str)] = &[];

    /// Builds this step, or refuses the caller. [`Authorized`](crate::security::Authorized) builds
    /// it again when the rest of the request was slow to arrive.
    fn build(needs: Self::Needs, call: &Call<'_>) -> impl Future<Output = Result<Self, ApiError>>;
}

/// Anything that can be resolved from a request without its body: schemes, steps, [`Scoped`], [`Maybe`],
/// parameters, tuples, and `()`.
///
/// `Outer` lists the scopes required so far, outermost first.
pub trait Resolve: Sized + 'static {
    /// Resolves the chain from its far end.
    fn resolve<Outer: ScopeList>(
        request: &HttpRequest,
    ) -> impl Future<Output = Result<Self, ApiError>>;

    /// Records what the chain requires.
    fn document<Outer: ScopeList>(found: &mut Requirements);
}

impl<D: Dependency> Resolve for D {
    async fn resolve<Outer: ScopeList>(request: &HttpRequest) -> Result<Self, ApiError> {
        if let Some(replaced) = Replaced::<D>::of(request) {
            return replaced.build(&Call::new::<Outer>(request));
        }
        let needs = D::Needs::resolve::<Outer>(request).await?;
        D::build(needs, &Call::new::<Outer>(request)).await
    }

    fn document<Outer: ScopeList>(found: &mut Requirements) {
        D::Needs::document::<Outer>(found);
        found.add_responses(D::RESPONSES);
    }
}

/// Resolves a declared scheme: finds its credentials or refuses.
#[doc(hidden)]
pub fn resolve_scheme<T: DeclaredScheme, Outer: ScopeList>(
    request: &HttpRequest,
) -> Result<T, ApiError> {
    match T::SCHEME.find(request) {
        Ok(Some(credentials)) => Ok(T::found(credentials)),
        Ok(None) => Err(refuse_scheme::<T, Outer>(request, Reason::Absent)),
        // The response is the same; only `Maybe` tells the two apart.
        Err(_) => Err(refuse_scheme::<T, Outer>(request, Reason::Malformed)),
    }
}

fn refuse_scheme<T: DeclaredScheme, Outer: ScopeList>(
    request: &HttpRequest,
    reason: Reason,
) -> ApiError {
    Call::new::<Outer>(request).refuse(T::SCHEME.challenge(), reason)
}

#[doc(hidden)]
#[macro_export]
macro_rules! declared_scheme_resolves {
    ($name:ident) => {
        impl $crate::security::Resolve for $name {
            async fn resolve<Outer: $crate::macros::ScopeList>(
                request: &$crate::macros::actix_web::HttpRequest,
            ) -> Result<Self, $crate::ApiError> {
                $crate::macros::resolve_scheme::<Self, Outer>(request)
            }

            fn document<Outer: $crate::macros::ScopeList>(
                found: &mut $crate::macros::Requirements,
            ) {
                found.add_scheme::<Self, Outer>();
            }
        }
    };
}

/// `D` plus the scopes `S`: FastAPI's `Security(D, scopes=[…])`.
///
/// `S` is a scope, a tuple of scopes, or `()`. Scopes add up along the chain, outermost first;
/// siblings do not share theirs. Derefs to `D`; usable as a handler's argument and in
/// [`Dependency::Needs`].
///
/// ```
/// use bailiwick::security::{ActiveUser, ItemsRead, Scoped};
///
/// bailiwick::scopes! {
///     /// Read orders.
///     pub OrdersRead = "orders:read";
/// }
///
/// /// Needs `orders:read`, `items` and, for the active user, `me`.
/// async fn orders(caller: Scoped<ActiveUser, (OrdersRead, ItemsRead)>) -> String {
///     caller.username.to_string()
/// }
/// ```
#[derive(Debug)]
pub struct Scoped<D, S = ()>(D, PhantomData<S>);

/// `D` as a handler's argument: FastAPI's `Depends(D)`.
pub type Depends<D> = Scoped<D, ()>;

impl<D, S> Scoped<D, S> {
    /// Unwraps the dependency.
    pub fn into_inner(self) -> D {
        self.0
    }
}

impl<D, S> Deref for Scoped<D, S> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.0
    }
}

impl<D: Resolve, S: ScopeList> Resolve for Scoped<D, S> {
    async fn resolve<Outer: ScopeList>(request: &HttpRequest) -> Result<Self, ApiError> {
        Ok(Self(D::resolve::<Chain<Outer, S>>(request).await?, PhantomData))
    }

    fn document<Outer: ScopeList>(found: &mut Requirements) {
        D::document::<Chain<Outer, S>>(found);
    }
}

/// A caller who may be anonymous: FastAPI's `auto_error=False`.
///
/// Without credentials it is `None`; bad ones are refused before the handler runs. Credentials of
/// another scheme count as none. A tuple is `None` if any member has no credentials.
///
/// ```
/// use bailiwick::security::{ActiveUser, Maybe};
///
/// async fn hello(caller: Maybe<ActiveUser>) -> String {
///     match caller.as_ref() {
///         Some(user) => format!("Hello {}", user.username),
///         None => "Hello stranger".to_owned(),
///     }
/// }
/// ```
///
/// `Option<ActiveUser>` is no substitute: actix-web has it for every extractor and makes a forged
/// token an anonymous caller. The server replaces the response then, but only after the handler has
/// run, and the document does not say that the credentials are optional.
#[derive(Debug)]
pub struct Maybe<D>(Option<D>);

impl<D> Maybe<D> {
    /// Unwraps the dependency.
    pub fn into_inner(self) -> Option<D> {
        self.0
    }
}

impl<D> Deref for Maybe<D> {
    type Target = Option<D>;

    fn deref(&self) -> &Option<D> {
        &self.0
    }
}

impl<D: Resolve> Resolve for Maybe<D> {
    async fn resolve<Outer: ScopeList>(request: &HttpRequest) -> Result<Self, ApiError> {
        match D::resolve::<Outer>(request).await {
            Ok(found) => Ok(Self(Some(found))),
            Err(error) if error.is_absent() => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    fn document<Outer: ScopeList>(found: &mut Requirements) {
        found.add_optional(|inner| D::document::<Outer>(inner));
    }
}

macro_rules! tuples {
    ($(($($member:ident),+))+) => {$(
        /// Resolves every member. What is wrong with the parameters of several is told at once.
        impl<$($member: Resolve),+> Resolve for ($($member,)+) {
            #[expect(non_snake_case, reason = "a member's variable has its type's name")]
            async fn resolve<Outer: ScopeList>(request: &HttpRequest) -> Result<Self, ApiError> {
                let mut wrong = Wrong::default();
                $(let $member = wrong.part($member::resolve::<Outer>(request).await, |error| Some(error))?;)+
                match ($($member,)+) {
                    ($(Some($member),)+) => Ok(($($member,)+)),
                    _ => Err(wrong.into()),
                }
            }

            fn document<Outer: ScopeList>(found: &mut Requirements) {
                $($member::document::<Outer>(found);)+
            }
        }
    )+};
}

tuples! { (A, B) (A, B, C) (A, B, C, D) }

/// Requires nothing.
impl Resolve for () {
    async fn resolve<Outer: ScopeList>(_: &HttpRequest) -> Result<Self, ApiError> {
        Ok(())
    }

    fn document<Outer: ScopeList>(_: &mut Requirements) {}
}

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// Resolves a chain for a handler's argument.
#[doc(hidden)]
#[must_use]
pub fn extract<T: Resolve>(request: &HttpRequest) -> Extraction<T> {
    let request = request.clone();
    Box::pin(async move { resolved(&request).await })
}

/// Resolves a chain, and remembers a refusal.
pub(super) async fn resolved<T: Resolve>(request: &HttpRequest) -> Result<T, ApiError> {
    let found = T::resolve::<()>(request).await;
    if let Err(error) = &found {
        refused::remember(request, error);
    }
    found
}

/// Lets a handler take a dependency under its own name: `async fn me(user: User)` instead of `user:
/// Depends<User>`.
///
/// A generic type names its parameters as an `impl` does: `extractor!(impl<S: Resolve> By<S>);`,
/// or, when a parameter has several bounds, `extractor!(impl<S> By<S> where S: Resolve + Clone);`.
#[macro_export]
macro_rules! extractor {
    (impl<$($parameter:ident $(: $bound:path)?),+ $(,)?> $type:ty $(where $($clause:tt)+)?) => {
        $crate::extractor!(@ [$($parameter $(: $bound)?),+] [$($($clause)+)?] $type);
    };
    (@ [$($generics:tt)*] [$($clause:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::macros::actix_web::FromRequest for $type where $($clause)* {
            type Error = $crate::ApiError;
            type Future = ::core::pin::Pin<
                Box<dyn ::core::future::Future<Output = Result<Self, Self::Error>>>,
            >;

            fn from_request(
                request: &$crate::macros::actix_web::HttpRequest,
                _: &mut $crate::macros::actix_web::dev::Payload,
            ) -> Self::Future {
                $crate::macros::extract::<Self>(request)
            }
        }

        impl<$($generics)*> $crate::macros::paperclip::v2::schema::Apiv2Schema for $type where $($clause)* {}

        impl<$($generics)*> $crate::macros::paperclip::actix::OperationModifier for $type where $($clause)* {
            fn update_parameter(operation: &mut $crate::macros::paperclip::v2::models::DefaultOperationRaw) {
                $crate::macros::Requirements::of::<Self>().document_operation(operation);
            }

            fn update_definitions(
                map: &mut ::std::collections::BTreeMap<
                    String,
                    $crate::macros::paperclip::v2::models::DefaultSchemaRaw,
                >,
            ) {
                $crate::macros::Requirements::of::<Self>().document_definitions(map);
            }

            fn update_security(operation: &mut $crate::macros::paperclip::v2::models::DefaultOperationRaw) {
                $crate::macros::Requirements::of::<Self>().document_security(operation);
            }

            fn update_security_definitions(
                map: &mut ::std::collections::BTreeMap<
                    String,
                    $crate::macros::paperclip::v2::models::SecurityScheme,
                >,
            ) {
                $crate::macros::Requirements::of::<Self>().document_schemes(map);
            }
        }
    };
    ($type:ty) => {
        $crate::extractor!(@ [] [] $type);
    };
}

extractor!(impl<D: Resolve, S: ScopeList> Scoped<D, S>);
extractor!(impl<D: Resolve> Maybe<D>);
