//! A type that `scopes!` has not declared: the table of scopes would not know it.

use bailiwick::security::{ActiveUser, Scoped};

struct Orders;

async fn orders(_: Scoped<ActiveUser, Orders>) -> String {
    String::new()
}

fn main() {
    bailiwick::macros::actix_web::web::get().to(orders);
}
