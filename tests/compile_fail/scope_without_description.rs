//! A scope without a description for the users who are asked for it.

bailiwick::scopes! {
    pub Orders = "orders:read";
}

fn main() {}
