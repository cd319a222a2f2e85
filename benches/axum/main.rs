//! The order of `validated.rs` by axum, the crate validator and a layer that verifies the token:
//! `axum-orders ADDRESS THREADS`, with the signing secret in `BENCH_SECRET`.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use regex::Regex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use validator::Validate;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[^@ ]+@[^@ ]+$").expect("a pattern"));
static POSTAL_CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[0-9]{5}$").expect("a pattern"));
static SKU: LazyLock<Regex> = LazyLock::new(|| Regex::new("^SKU-[0-9]{1,6}$").expect("a pattern"));

#[derive(Deserialize, Serialize, Validate)]
struct Customer {
    #[validate(length(min = 1, max = 100))]
    name: String,
    #[validate(length(max = 100), regex(path = *EMAIL))]
    email: String,
    #[validate(length(max = 100))]
    street: String,
    #[validate(length(max = 100))]
    city: String,
    #[validate(regex(path = *POSTAL_CODE))]
    postal_code: String,
}

#[derive(Deserialize, Serialize, Validate)]
struct Item {
    #[validate(regex(path = *SKU))]
    sku: String,
    #[validate(length(min = 1, max = 80))]
    name: String,
    #[validate(range(min = 1, max = 99))]
    quantity: u64,
    #[validate(range(min = 1, max = 10_000_000))]
    cents: u64,
}

#[derive(Deserialize, Serialize, Validate)]
struct Order {
    #[validate(nested)]
    customer: Customer,
    #[validate(nested, length(min = 1, max = 20))]
    items: Vec<Item>,
    #[validate(length(max = 500))]
    note: Option<String>,
}

#[derive(Serialize)]
struct Placed {
    customer: String,
    lines: usize,
    cents: u64,
}

/// A JSON body, deserialized and validated.
struct Valid<T>(T);

impl<T: DeserializeOwned + Validate, S: Send + Sync> FromRequest<S> for Valid<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let Json(value) =
            Json::<T>::from_request(request, state).await.map_err(JsonRejection::into_response)?;
        value
            .validate()
            .map_err(|errors| (StatusCode::UNPROCESSABLE_ENTITY, Json(errors)).into_response())?;
        Ok(Self(value))
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    scopes: Vec<String>,
}

#[derive(Clone)]
struct User {
    disabled: bool,
}

struct Known {
    key: DecodingKey,
    rules: Validation,
    users: HashMap<&'static str, User>,
}

/// The user of a valid token with the scopes of the route, for the handler.
async fn authenticate(
    State(known): State<Arc<Known>>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let claims = decode::<Claims>(token, &known.key, &known.rules)
        .map_err(|_| StatusCode::UNAUTHORIZED)?
        .claims;
    let user = known.users.get(claims.sub.as_str()).ok_or(StatusCode::UNAUTHORIZED)?;
    let has = |scope: &str| claims.scopes.iter().any(|one| one == scope);
    if !has("me") || !has("items") || user.disabled {
        return Err(StatusCode::UNAUTHORIZED);
    }
    request.extensions_mut().insert(user.clone());
    Ok(next.run(request).await)
}

async fn place(Extension(_): Extension<User>, Valid(order): Valid<Order>) -> Json<Placed> {
    let cents = order.items.iter().map(|item| item.quantity * item.cents).sum();
    Json(Placed { customer: order.customer.name, lines: order.items.len(), cents })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, threads] = arguments.as_slice() else {
        panic!("usage: axum-orders ADDRESS THREADS")
    };
    let secret = std::env::var("BENCH_SECRET").expect("BENCH_SECRET");
    let known = Arc::new(Known {
        key: DecodingKey::from_secret(secret.as_bytes()),
        rules: Validation::new(Algorithm::HS256),
        users: HashMap::from([("johndoe", User { disabled: false })]),
    });
    let app = Router::new()
        .route("/orders", post(place))
        .layer(from_fn_with_state(known, authenticate))
        .fallback(|| async { StatusCode::NOT_FOUND });
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.parse().expect("a number of threads"))
        .enable_io()
        .build()
        .expect("a runtime")
        .block_on(async {
            let listener = tokio::net::TcpListener::bind(address).await.expect("an address");
            axum::serve(listener, app).await.expect("served");
        });
}
