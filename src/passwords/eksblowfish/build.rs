//! Computes π, Blowfish's initial state.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("pi.rs"), blowfish_tables())?;
    Ok(())
}

/// Blowfish's subkeys and boxes: the digits of π after the point (Schneier 1993).
fn blowfish_tables() -> String {
    let words = pi(18 + 4 * 256);
    let (subkeys, boxes) = words.split_at(18);
    let boxes: Vec<_> = boxes.chunks(256).collect();
    format!(
        "pub(super) const SUBKEYS: [u32; 18] = {subkeys:?};\npub(super) static BOXES: [[u32; 256]; 4] = {boxes:?};\n"
    )
}

/// π - 3 in words of 32 bits, by Machin's formula: π = 16 arctan(1/5) - 4 arctan(1/239).
fn pi(words: usize) -> Vec<u32> {
    // One word before the point; two after the last absorb the rounding.
    let mut sum = vec![0; 1 + words + 2];
    for (base, factor, mut positive) in [(5, 16, true), (239, 4, false)] {
        let mut power = vec![0; sum.len()];
        power[0] = factor;
        divide(&mut power, base);
        for odd in (1..).step_by(2) {
            let mut term = power.clone();
            divide(&mut term, odd);
            if term.iter().all(|&word| word == 0) {
                break;
            }
            if positive {
                add(&mut sum, &term);
            } else {
                subtract(&mut sum, &term);
            }
            positive = !positive;
            divide(&mut power, base * base);
        }
    }
    sum[1..=words].to_vec()
}

fn divide(number: &mut [u32], by: u32) {
    let mut rest = 0;
    for word in number {
        let value = rest << 32 | u64::from(*word);
        *word = u32::try_from(value / u64::from(by)).expect("the rest is less than the divisor");
        rest = value % u64::from(by);
    }
}

fn add(sum: &mut [u32], term: &[u32]) {
    let mut carry = false;
    for (word, more) in sum.iter_mut().zip(term).rev() {
        (*word, carry) = word.carrying_add(*more, carry);
    }
}

fn subtract(sum: &mut [u32], term: &[u32]) {
    let mut borrow = false;
    for (word, less) in sum.iter_mut().zip(term).rev() {
        (*word, borrow) = word.borrowing_sub(*less, borrow);
    }
}
