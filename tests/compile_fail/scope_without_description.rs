//! A scope that nobody explains to who is asked for it.

bailiwick::scopes! {
    pub Orders = "orders:read";
}

fn main() {}
