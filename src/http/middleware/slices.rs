//! Hands large responses to Actix in slices.
//!
//! Actix copies a whole chunk into its write buffer. A response in one chunk would be in memory
//! twice for as long as its client takes to read it.

use crate::http::budget::{Budget, Reservation};
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Actix writes once it has twice as much.
const SLICE: usize = 16 * 1024;

/// Slices a large response that is in memory; others stay as they are.
pub(in crate::http) fn slice<B: MessageBody + 'static>(
    budget: &Arc<Budget>,
    response: ServiceResponse<EitherBody<B>>,
) -> ServiceResponse<EitherBody<B>> {
    match response.response().body().size() {
        BodySize::Sized(length) if length > SLICE as u64 => response.map_body(|_, body| {
            match body.try_into_bytes() {
                Ok(rest) => {
                    // Shared bytes, such as the files of /docs, cost nothing more.
                    let held = rest.is_unique().then(|| budget.response(rest.len()));
                    EitherBody::right(BoxBody::new(Slices { rest, _held: held }))
                }
                Err(body) => body,
            }
        }),
        _ => response,
    }
}

struct Slices {
    rest: Bytes,
    _held: Option<Reservation>,
}

impl MessageBody for Slices {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.rest.len().min(SLICE);
        let slice = self.rest.split_to(length);
        Poll::Ready((length > 0).then_some(Ok(slice)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::HttpResponse;
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use std::future::poll_fn;

    fn sliced(budget: &Arc<Budget>, body: Bytes) -> EitherBody<BoxBody> {
        let response = HttpResponse::Ok().body(body).map_into_left_body();
        let request = TestRequest::default().to_http_request();
        slice(budget, ServiceResponse::new(request, response)).into_body()
    }

    #[actix_web::test]
    async fn a_large_response_comes_in_slices_and_counts_until_sent() {
        let budget = Budget::new(1000);
        let text: Bytes = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let copy = Bytes::copy_from_slice(&text);
        let mut body = sliced(&budget, text);
        assert_eq!(body.size(), BodySize::Sized(100_000));
        assert!(budget.is_spent());
        let first = poll_fn(|context| Pin::new(&mut body).poll_next(context)).await;
        assert_eq!(first.unwrap().unwrap().len(), SLICE);
        assert_eq!(to_bytes(body).await.unwrap(), copy[SLICE..]);
        assert!(!budget.is_spent());
    }

    #[actix_web::test]
    async fn a_file_in_memory_does_not_count() {
        let budget = Budget::new(1000);
        let file = Bytes::from(vec![7; 100_000]);
        let body = sliced(&budget, file.clone());
        assert!(!budget.is_spent());
        assert_eq!(to_bytes(body).await.unwrap(), file);
    }

    #[actix_web::test]
    async fn a_small_response_stays_as_it_is() {
        let budget = Budget::new(1);
        let body = sliced(&budget, Bytes::from(vec![7; SLICE]));
        assert!(!budget.is_spent());
        assert!(matches!(body, EitherBody::Left { .. }));
    }
}
