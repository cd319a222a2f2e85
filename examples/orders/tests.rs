//! The shop in this process, on a temporary folder.

use crate::orders::Order;
use crate::server;
use crate::store::Db;
use bailiwick::testing::{self, Application};
use serde_json::{Value, json};

async fn shop() -> Application {
    let shop = testing::prepare(server());
    let folder = shop.folder().join("shop");
    shop.set("shop.folder", folder.display()).set("shop.most", 5).start().await
}

async fn token(shop: &Application) -> String {
    shop.user("jane").scopes("me orders:read orders:write").token().await
}

#[actix_web::test]
async fn orders_are_placed_changed_and_listed() {
    let shop = shop().await;
    assert_eq!(shop.get("/orders").send().await.status(), 401);
    let jane = token(&shop).await;
    let order = json!({"item": "Tea", "quantity": 2});
    let placed = shop.post("/orders").bearer(&jane).json(&order).send().await;
    assert_eq!((placed.status(), placed.header("location")), (201, Some("/orders/1")));
    let more = json!({"item": "Tea", "quantity": 3});
    let changed = shop.put("/orders/1").bearer(&jane).json(&more).send().await;
    assert_eq!(changed.json::<Order>().quantity, 3);
    let bob = shop.user("bob").scopes("me orders:write").token().await;
    let others = shop.put("/orders/1").bearer(&bob).json(&more).send().await;
    assert_eq!((others.status(), others.text()), (404, r#"{"detail":"Order not found"}"#));
    let listed: Value = shop.get("/orders").bearer(&jane).send().await.json();
    assert_eq!(listed, json!([{"number": 1, "item": "Tea", "quantity": 3}]));
    let report: Value = shop.get("/reports").bearer(&jane).send().await.json();
    assert_eq!(report, json!([{"item": "Tea", "quantity": 3}]));
}

#[actix_web::test]
async fn orders_are_checked() {
    let shop = shop().await;
    let jane = token(&shop).await;
    let wrong = json!({"item": "", "quantity": 0, "price": 1});
    let refused = shop.post("/orders").bearer(&jane).json(&wrong).send().await;
    let found: Value = refused.json();
    assert_eq!((refused.status(), found["detail"].as_array().map(Vec::len)), (422, Some(3)));
    let many = json!({"item": "Tea", "quantity": 6});
    let refused = shop.post("/orders").bearer(&jane).json(&many).send().await;
    assert_eq!(refused.json::<Value>()["detail"], "Nobody gets more than 5 of one article");
}

#[actix_web::test]
async fn users_are_customers_from_the_start() {
    let shop = shop().await;
    let jane = shop.user("jane").scopes("me").token().await;
    let rows = "SELECT count(*) FROM customers";
    let count: i64 = sqlx::query_scalar(rows).fetch_one(&shop.state::<Db>().0).await.unwrap();
    assert_eq!(count, 1);
    let customer = json!({"address": "Main Street 1", "newsletter": true});
    shop.put("/customers/me").bearer(&jane).json(&customer).send().await;
    let known: Value = shop.get("/customers/me").bearer(&jane).send().await.json();
    assert_eq!(known["details"], customer);
    assert!(known["since"].is_string(), "{known}");
}
