//! Pictures of what was ordered.

use crate::orders::OrderError;
use crate::store::{Db, Shop};
use crate::{OrdersRead, OrdersWrite};
use bailiwick::prelude::*;
use serde::Deserialize;

/// A picture of an order.
#[derive(Deserialize, JsonSchema)]
pub struct NewPicture {
    /// The number of the order.
    number: i64,
    /// The picture, as PNG.
    picture: UploadFile,
}

/// Add a picture
///
/// `main.rs` has the limits of this route: how large, how many in a minute, how long.
#[api_v2_operation]
pub async fn add(
    Authorized(caller, form): Authorized<Scoped<ActiveUser, OrdersWrite>, Multipart<NewPicture>>,
    db: State<Db>,
    shop: State<Shop>,
) -> Result<Created<u64>, OrderError> {
    let NewPicture { number, picture } = form.into_inner();
    let name = format!("{number}.png");
    let change = sqlx::query("UPDATE orders SET picture = ? WHERE number = ? AND user_id = ?");
    let change = change.bind(&name).bind(number).bind(caller.id.0).execute(&db.0);
    if change.await?.rows_affected() == 0 {
        return Err(OrderError::Missing);
    }
    let saved = picture.save(shop.folder.join(name)).await;
    saved.map_err(|error| ApiError::internal(&error))?;
    Ok(Created::at(format!("/pictures/{number}"), picture.size()))
}

/// The picture of an order
#[api_v2_operation]
pub async fn show(
    Authorized(_, number): Authorized<Scoped<ActiveUser, OrdersRead>, Path<i64>>,
    shop: State<Shop>,
) -> Result<FileResponse, ApiError> {
    FileResponse::within(&shop.folder, &format!("{}.png", *number)).await
}
