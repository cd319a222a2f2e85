//! New orders as they come.

use crate::OrdersRead;
use crate::orders::Order;
use actix_web::HttpResponse;
use actix_web::web::Payload;
use bailiwick::prelude::*;
use futures_util::StreamExt as _;
use tokio::sync::broadcast::{self, Sender};

/// State: all who listen to this process. With `server.processes` above 1, each has its own.
pub struct Feed(Sender<String>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::channel(100).0)
    }
}

impl Feed {
    pub fn tell(&self, order: &Order) {
        // Nobody may listen.
        let _ = self.0.send(format!("{} {}", order.quantity, order.item));
    }
}

/// A WebSocket that tells of new orders, and says back what it hears; the guard refuses the handshake.
#[api_v2_operation(skip)]
pub async fn follow(
    _: Scoped<ActiveUser, OrdersRead>,
    feed: State<Feed>,
    request: HttpRequest,
    body: Payload,
) -> actix_web::Result<HttpResponse> {
    let (answer, mut session, mut messages) = actix_ws::handle(&request, body)?;
    let mut orders = feed.0.subscribe();
    actix_web::rt::spawn(async move {
        loop {
            let sent = tokio::select! {
                Ok(order) = orders.recv() => session.text(order).await,
                message = messages.next() => match message {
                    Some(Ok(actix_ws::Message::Text(text))) => session.text(text).await,
                    Some(Ok(actix_ws::Message::Ping(bytes))) => session.pong(&bytes).await,
                    _ => break,
                },
            };
            if sent.is_err() {
                break;
            }
        }
    });
    Ok(answer)
}
