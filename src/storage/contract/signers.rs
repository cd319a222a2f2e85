//! Servers that leave the fingerprints of their secrets for each other.

use crate::domain::{Fingerprint, Signers};

/// `by_hand` runs SQL.
pub(in crate::storage) async fn servers_find_each_other(
    (one, other): (&dyn Signers, &dyn Signers),
    by_hand: impl AsyncFn(&'static str),
) {
    let [old, new] = [b"the old one", b"the new one"].map(|mac| Fingerprint::of_mac(mac));
    assert_eq!(one.note(old).await.unwrap(), []);
    assert_eq!(one.note(old).await.unwrap(), [], "its own is no other");
    assert_eq!(other.note(new).await.unwrap(), [old]);
    assert_eq!(one.note(old).await.unwrap(), [new]);

    by_hand(
        "INSERT INTO signers (fingerprint, noted) SELECT 'not one', noted FROM signers LIMIT 1",
    )
    .await;
    assert_eq!(one.note(old).await.unwrap(), [new], "others may have written anything");
    by_hand("UPDATE signers SET noted = noted - 1000").await;
    assert_eq!(one.note(old).await.unwrap(), [], "that was long ago");
    assert_eq!(other.note(new).await.unwrap(), [old], "noted anew");

    // A day-old entry is removed when the next one is written.
    by_hand("UPDATE signers SET noted = noted - 100000").await;
    assert_eq!(one.note(old).await.unwrap(), []);
    by_hand("UPDATE signers SET noted = noted + 100000").await;
    assert_eq!(one.note(old).await.unwrap(), [], "nobody else is left");
}
