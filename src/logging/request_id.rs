//! The id of a request: taken from a trusted proxy or generated, and known to every line logged
//! while the request is served.

use crate::domain::Caller;
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::pin::pin;

tokio::task_local! {
    static CURRENT: Served;
}

/// A request that is being served.
struct Served {
    id: RequestId,
    caller: OnceCell<Caller>,
}

thread_local! {
    /// This thread's part of the ids it generates, and the next id's own part.
    static NEXT: Cell<(u64, u64)> = Cell::new(rand::random());
}

const SHORTEST: usize = 8;
const LONGEST: usize = 64;

/// 8 to 64 of the characters `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    bytes: [u8; LONGEST],
    length: u8,
}

impl RequestId {
    /// A new id of 32 hexadecimal digits: 64 bits drawn once by this thread, and a counter with a
    /// random start. It names a request and is no secret, so one draw is enough.
    #[must_use]
    pub fn unique() -> Self {
        let (thread, number) = NEXT.get();
        NEXT.set((thread, number.wrapping_add(1)));
        let mut bytes = [0; LONGEST];
        write_hex(&mut bytes[..16], thread);
        write_hex(&mut bytes[16..32], number);
        Self { bytes, length: 32 }
    }

    /// An id from elsewhere, if it is well-formed.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let is_valid = (SHORTEST..=LONGEST).contains(&text.len())
            && text.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b));
        if !is_valid {
            return None;
        }
        let mut bytes = [0; LONGEST];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self { bytes, length: u8::try_from(text.len()).ok()? })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII is accepted.
        str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }

    /// The id of the request this task serves.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|served| served.id).ok()
    }

    /// Serves a request: lines logged by `serve` know this id. Returns who [`keep_caller`] has named,
    /// too.
    pub async fn in_scope<F: Future>(self, serve: F) -> (F::Output, Option<Caller>) {
        let served = Served { id: self, caller: OnceCell::new() };
        let mut scope = pin!(CURRENT.scope(served, serve));
        let output = scope.as_mut().await;
        (output, scope.take_value().and_then(|served| served.caller.into_inner()))
    }
}

/// Keeps who has sent the request that this task serves.
pub(super) fn keep_caller(caller: Caller) {
    // The first one counts; outside of a request there is none.
    let _ = CURRENT.try_with(|served| served.caller.set(caller));
}

fn write_hex(digits: &mut [u8], number: u64) {
    for (byte, digits) in number.to_be_bytes().iter().zip(digits.chunks_exact_mut(2)) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestId").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_differ_and_are_well_formed() {
        let (one, two) = (RequestId::unique(), RequestId::unique());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 32);
        assert_eq!(RequestId::parse(one.as_str().as_bytes()), Some(one));
    }

    #[test]
    fn only_well_formed_ids_are_taken() {
        for text in ["12345678", "a.b_c-D9", &"x".repeat(64)] {
            assert_eq!(RequestId::parse(text.as_bytes()).unwrap().as_str(), text);
        }
        for text in ["", "1234567", &"x".repeat(65), "a b c d e", "line\r\nbreak", "é12345678"] {
            assert_eq!(RequestId::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[tokio::test]
    async fn the_id_is_known_while_its_request_is_served() {
        let id = RequestId::unique();
        let (current, caller) = id.in_scope(async { RequestId::current() }).await;
        assert!(current == Some(id) && caller.is_none());
        assert_eq!(RequestId::current(), None);
    }
}
