//! Tokens that end before they expire.

use super::until_within_a_second;
use crate::domain::{Clock as _, Revocations, SystemClock, Timestamp, TokenId};

fn in_an_hour() -> Timestamp {
    Timestamp(SystemClock.now().seconds() + 3600)
}

/// `one` and `other` are two processes, `none` is one that hears of nothing.
pub(in crate::storage) async fn tokens_end_everywhere(
    (one, other): (&dyn Revocations, &dyn Revocations),
    none: &dyn Revocations,
) {
    let [token, another] = [1, u128::MAX].map(TokenId);
    assert!(!one.finds(token).await.unwrap());
    assert!(one.revoke(token, in_an_hour()).await.unwrap());
    assert!(one.holds(token) && one.finds(token).await.unwrap(), "at once");
    until_within_a_second(async || other.holds(token)).await;
    for all in [one, other] {
        assert!(all.finds(token).await.unwrap());
        assert!(!all.holds(another) && !all.finds(another).await.unwrap());
        assert!(!all.revoke(token, in_an_hour()).await.unwrap(), "it has ended already");
    }
    assert!(!none.holds(token));
    assert!(none.finds(token).await.unwrap(), "it asks the database");
    assert!(!none.finds(another).await.unwrap());
}

pub(in crate::storage) async fn what_would_have_expired_is_forgotten(
    (one, other): (&dyn Revocations, &dyn Revocations),
    none: &dyn Revocations,
) {
    let past = Timestamp(SystemClock.now().seconds() - 3600);
    let all = 10..110;
    for token in all.clone().map(TokenId) {
        one.revoke(token, past).await.unwrap();
    }
    let stays = TokenId(9);
    one.revoke(stays, in_an_hour()).await.unwrap();
    until_within_a_second(async || other.holds(stays)).await;
    one.clean_up().await.unwrap();
    for token in all.map(TokenId).step_by(7) {
        assert!(!one.holds(token) && other.holds(token));
        assert!(!none.finds(token).await.unwrap(), "the row is gone");
    }
    other.clean_up().await.unwrap();
    assert!(!other.holds(TokenId(10)));
    assert!(one.holds(stays) && other.holds(stays) && none.finds(stays).await.unwrap());
}
