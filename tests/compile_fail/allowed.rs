//! The allowed form of what the programs beside this one get wrong.

use bailiwick::User;
use bailiwick::security::{ActiveUser, Scoped};

bailiwick::scopes! {
    /// Read orders.
    pub Orders = "orders:read";
}

async fn orders(caller: Scoped<ActiveUser, Orders>) -> String {
    let user: &User = &caller;
    user.username.to_string()
}

fn main() {
    bailiwick::macros::actix_web::web::get().to(orders);
}
