//! The lines of a file with their numbers.

use crate::cli::users::import::line::{Line, Problem};
use std::io::{BufRead, Read as _};

/// Longest line in bytes.
pub(super) const LONGEST: u64 = 64 * 1024;

/// Lines with their numbers, from 1; blank and ignored ones are left out.
pub(super) struct Lines<R> {
    from: R,
    number: u64,
    buffer: Vec<u8>,
    read: fn(&[u8]) -> Option<Result<Line, Problem>>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R, read: fn(&[u8]) -> Option<Result<Line, Problem>>) -> Self {
        Self { from, number: 0, buffer: Vec::new(), read }
    }

    fn parse(&mut self) -> Option<Result<Line, Problem>> {
        if self.buffer.len() as u64 > LONGEST && self.buffer.last() != Some(&b'\n') {
            let skipped = self.from.skip_until(b'\n').map_err(|error| Problem::new("", error));
            let long = Problem::new("", format_args!("is longer than {LONGEST} bytes"));
            return Some(Err(skipped.err().unwrap_or(long)));
        }
        (self.read)(self.buffer.trim_ascii())
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = (u64, Result<Line, Problem>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            self.buffer.clear();
            let read = (&mut self.from).take(LONGEST + 1).read_until(b'\n', &mut self.buffer);
            match read {
                Ok(0) => return None,
                Ok(_) if self.buffer.trim_ascii().is_empty() => {}
                Ok(_) => {
                    if let Some(parsed) = self.parse() {
                        return Some((self.number, parsed));
                    }
                }
                Err(error) => return Some((self.number, Err(Problem::new("", error)))),
            }
        }
    }
}
