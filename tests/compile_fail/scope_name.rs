//! A scope with a space in it: a request would read it as two.

bailiwick::scopes! {
    /// Read orders.
    pub Orders = "orders read";
}

fn main() {}
