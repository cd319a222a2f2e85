//! Unpacks and compresses the API console's files, so that they are served from memory.

fn main() {}
