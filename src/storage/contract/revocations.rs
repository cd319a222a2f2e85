//! Tokens that end before they expire.

use super::until_within_a_second;
use crate::domain::{Clock as _, Ended, Revocations, SystemClock, Timestamp, TokenId};

fn in_an_hour() -> Timestamp {
    Timestamp(SystemClock.now().seconds() + 3600)
}

/// `one` and `other` are two processes, `none` is one that hears of nothing.
pub(in crate::storage) async fn tokens_end_everywhere(
    (one, other): (&dyn Revocations, &dyn Revocations),
    none: &dyn Revocations,
) {
    let [token, another] = [1, u128::MAX].map(TokenId);
    assert!(!one.finds(Ended::Token(token)).await.unwrap());
    assert!(one.revoke(token, in_an_hour()).await.unwrap());
    assert!(
        one.holds(Ended::Token(token)) && one.finds(Ended::Token(token)).await.unwrap(),
        "at once"
    );
    until_within_a_second(async || other.holds(Ended::Token(token))).await;
    for all in [one, other] {
        assert!(all.finds(Ended::Token(token)).await.unwrap());
        assert!(
            !all.holds(Ended::Token(another)) && !all.finds(Ended::Token(another)).await.unwrap()
        );
        assert!(!all.revoke(token, in_an_hour()).await.unwrap(), "it has ended already");
    }
    assert!(!none.holds(Ended::Token(token)));
    assert!(none.finds(Ended::Token(token)).await.unwrap(), "it asks the database");
    assert!(!none.finds(Ended::Token(another)).await.unwrap());
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
    until_within_a_second(async || other.holds(Ended::Token(stays))).await;
    one.clean_up().await.unwrap();
    assert!(one.holds(Ended::Token(TokenId(10))), "rows are one thing, memory is another");
    one.forget_expired().await.unwrap();
    for token in all.map(TokenId).step_by(7) {
        assert!(!one.holds(Ended::Token(token)) && other.holds(Ended::Token(token)));
        assert!(!none.finds(Ended::Token(token)).await.unwrap(), "the row is gone");
    }
    other.forget_expired().await.unwrap();
    assert!(!other.holds(Ended::Token(TokenId(10))));
    assert!(
        one.holds(Ended::Token(stays))
            && other.holds(Ended::Token(stays))
            && none.finds(Ended::Token(stays)).await.unwrap()
    );
}
