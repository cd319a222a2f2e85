//! bcrypt's digest, of several passwords at once on one core.
//!
//! bcrypt mostly waits: each step looks up in a table what the previous one computed. A core
//! follows four such chains in little more time than one, and a server that verifies one password
//! usually has others to verify, too. At cost 12, on a 2-core AMD EPYC: one takes 216 ms, two
//! together 226, four 288; the library, one after the other, 4 × 234. So the digest is implemented
//! here; the tests compare it with the library's.
//!
//! The loops use indexes, and everything is inlined: otherwise the compiler keeps the blocks of
//! several lanes in memory instead of registers, which costs a quarter.
//!
//! Source: Provos and Mazières, “A Future-Adaptable Password Scheme” (1999), on Schneier's Blowfish.

#![expect(clippy::inline_always, reason = "measured: a hint alone costs a quarter")]

use pi::{BOXES, SUBKEYS};

/// Blowfish's initial state.
#[expect(clippy::unreadable_literal, reason = "computed by build.rs")]
mod pi {
    include!(concat!(env!("OUT_DIR"), "/pi.rs"));
}

/// Bytes of a salt.
pub const SALT_LENGTH: usize = 16;

/// Bytes of a digest that bcrypt keeps.
pub const DIGEST_LENGTH: usize = 23;

/// How many advance together: the tables of four are 17 KB, half of a core's first-level cache.
pub const LANES: usize = 4;

/// Most rounds at a time: a quarter of a millisecond.
const SLICE: u32 = 4;

/// Bytes of a password that count, including its closing NUL.
const KEY_LENGTH: usize = 72;

/// The text encrypted at the end, in blocks: `OrpheanBeholderScryDoubt`.
const PLAIN: [Block; 3] =
    [[0x4f72_7068, 0x6561_6e42], [0x6568_6f6c, 0x6465_7253], [0x6372_7944, 0x6f75_6274]];

type Block = [u32; 2];

/// A digest being computed.
pub struct Digest {
    boxes: [[u32; 256]; 4],
    subkeys: [u32; 18],
    password: [u32; 18],
    salt: [u32; 18],
    left: u32,
}

impl Digest {
    /// Starts a digest of 2 to the power of `cost` rounds, `cost` being at most 31. Bytes of the
    /// password after the 72nd are ignored, as in bcrypt.
    ///
    /// # Panics
    ///
    /// If `cost` is greater.
    #[must_use]
    pub fn new(password: &str, salt: &[u8; SALT_LENGTH], cost: u32) -> Self {
        let password: Vec<_> = password.bytes().chain([0]).take(KEY_LENGTH).collect();
        let mut digest = [Self {
            boxes: BOXES,
            subkeys: SUBKEYS,
            password: repeated(&password),
            salt: repeated(salt),
            left: 1_u32.checked_shl(cost).expect("a cost of at most 31"),
        }];
        expand(&mut digest, |lane| &lane.password, |lane, at| lane.salt[at % 4]);
        let [digest] = digest;
        digest
    }

    /// Whether all rounds are done.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.left == 0
    }

    /// Continues for this many rounds without affecting the digest: a digest of a lower cost must
    /// take as long as another.
    pub fn go_on(&mut self, rounds: u32) {
        self.left = rounds;
    }

    /// The part that bcrypt keeps of a digest that [is ready](Self::is_ready).
    #[must_use]
    pub fn finish(&self) -> [u8; DIGEST_LENGTH] {
        let mut bytes = [0; DIGEST_LENGTH];
        let words = PLAIN.into_iter().flat_map(|block| {
            (0..64).fold([block], |blocks, _| encrypt(std::array::from_ref(self), blocks))[0]
        });
        for (kept, byte) in bytes.iter_mut().zip(words.flat_map(u32::to_be_bytes)) {
            *kept = byte;
        }
        bytes
    }
}

/// Advances the first digests, at most [`LANES`], by as many rounds as all of them need, or one
/// slice; returns how many.
pub fn advance(digests: &mut [Digest]) -> u32 {
    if let Some(four) = digests.first_chunk_mut::<LANES>() {
        rounds(four)
    } else if let Some(three) = digests.first_chunk_mut::<3>() {
        rounds(three)
    } else if let Some(two) = digests.first_chunk_mut::<2>() {
        rounds(two)
    } else if let Some(one) = digests.first_chunk_mut::<1>() {
        rounds(one)
    } else {
        0
    }
}

fn rounds<const N: usize>(lanes: &mut [Digest; N]) -> u32 {
    let rounds = lanes.iter().map(|lane| lane.left).min().unwrap_or(0).min(SLICE);
    for _ in 0..rounds {
        expand(lanes, |lane| &lane.password, |_, _| 0);
        expand(lanes, |lane| &lane.salt, |_, _| 0);
    }
    for lane in lanes {
        lane.left -= rounds;
    }
    rounds
}

/// Replaces subkeys and boxes by new ones, made with a key and a salt.
#[inline(always)]
fn expand<const N: usize>(
    lanes: &mut [Digest; N],
    key: impl Fn(&Digest) -> &[u32; 18],
    salt: impl Fn(&Digest, usize) -> u32,
) {
    for lane in &mut *lanes {
        for at in 0..18 {
            lane.subkeys[at] ^= key(lane)[at];
        }
    }
    let mut blocks = [[0; 2]; N];
    for at in 0..9 {
        blocks = encrypt(lanes, salted(lanes, blocks, |lane, half| salt(lane, 2 * at + half)));
        for n in 0..N {
            lanes[n].subkeys[2 * at] = blocks[n][0];
            lanes[n].subkeys[2 * at + 1] = blocks[n][1];
        }
    }
    for number in 0..4 {
        for at in 0..128 {
            blocks =
                encrypt(lanes, salted(lanes, blocks, |lane, half| salt(lane, 2 * at + half + 18)));
            for n in 0..N {
                lanes[n].boxes[number][2 * at] = blocks[n][0];
                lanes[n].boxes[number][2 * at + 1] = blocks[n][1];
            }
        }
    }
}

#[inline(always)]
fn salted<const N: usize>(
    lanes: &[Digest; N],
    blocks: [Block; N],
    salt: impl Fn(&Digest, usize) -> u32,
) -> [Block; N] {
    std::array::from_fn(|n| [blocks[n][0] ^ salt(&lanes[n], 0), blocks[n][1] ^ salt(&lanes[n], 1)])
}

/// Blowfish, one block per lane. The steps alternate between the lanes: that is the gain.
#[inline(always)]
fn encrypt<const N: usize>(lanes: &[Digest; N], mut blocks: [Block; N]) -> [Block; N] {
    let mut left = blocks.map(|block| block[0]);
    let mut right = blocks.map(|block| block[1]);
    for n in 0..N {
        left[n] ^= lanes[n].subkeys[0];
    }
    for at in 0..8 {
        for n in 0..N {
            right[n] ^= mixed(&lanes[n].boxes, left[n]) ^ lanes[n].subkeys[2 * at + 1];
        }
        for n in 0..N {
            left[n] ^= mixed(&lanes[n].boxes, right[n]) ^ lanes[n].subkeys[2 * at + 2];
        }
    }
    for n in 0..N {
        blocks[n] = [right[n] ^ lanes[n].subkeys[17], left[n]];
    }
    blocks
}

#[inline(always)]
fn mixed(boxes: &[[u32; 256]; 4], word: u32) -> u32 {
    let byte = |at: u32| (word >> at & 0xff) as usize;
    (boxes[0][byte(24)].wrapping_add(boxes[1][byte(16)]) ^ boxes[2][byte(8)])
        .wrapping_add(boxes[3][byte(0)])
}

/// As many words as there are subkeys, of bytes that are repeated.
fn repeated(bytes: &[u8]) -> [u32; 18] {
    let mut bytes = bytes.iter().copied().cycle();
    std::array::from_fn(|_| {
        bytes.by_ref().take(4).fold(0, |word, byte| word << 8 | u32::from(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(password: &str, salt: [u8; SALT_LENGTH], cost: u32) -> [u8; DIGEST_LENGTH] {
        let mut key = password.as_bytes().to_vec();
        key.push(0);
        key.truncate(KEY_LENGTH);
        *bcrypt::bcrypt(cost, salt, &key).first_chunk().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// With every number of lanes, of equal and different costs.
        #[test]
        fn it_is_the_librarys(
            orders in prop::collection::vec(("\\PC{0,40}", any::<[u8; SALT_LENGTH]>(), 4..7_u32), 1..7),
        ) {
            let mut waiting = orders.iter().enumerate();
            let mut lanes = vec![];
            let mut names = vec![];
            let mut found = vec![[0; DIGEST_LENGTH]; orders.len()];
            loop {
                for (name, (password, salt, cost)) in waiting.by_ref().take(LANES - lanes.len()) {
                    lanes.push(Digest::new(password, salt, *cost));
                    names.push(name);
                }
                if lanes.is_empty() {
                    break;
                }
                advance(&mut lanes);
                for lane in (0..lanes.len()).rev().filter(|&lane| lanes[lane].is_ready()).collect::<Vec<_>>() {
                    found[names.swap_remove(lane)] = lanes.swap_remove(lane).finish();
                }
            }
            let expected: Vec<_> =
                orders.iter().map(|(password, salt, cost)| digest(password, *salt, *cost)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn it_begins_with_pi() {
        assert_eq!(SUBKEYS[..2], [0x243f_6a88, 0x85a3_08d3]);
        assert_eq!(BOXES[3][255], 0x3ac3_72e6);
    }
}
