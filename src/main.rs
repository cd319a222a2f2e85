//! The ready server: `Server` without any routes of its own.

fn main() {}
