//! What a process does beside its requests, from its start to its end.

use crate::accounts::{Accounts, ApiKeys};
use crate::http::state::AppState;
use crate::process::life::{Life, Start};
use actix_web::rt;
use actix_web::web::Data;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The tasks of a process that serves.
pub(in crate::process) struct Upkeep {
    life: Life,
    opened: Start,
    within: Duration,
    api_keys: ApiKeys,
    accounts: Accounts,
    tasks: [JoinHandle<()>; 2],
}

impl Upkeep {
    /// Starts them.
    pub(in crate::process) fn start(state: &Data<AppState>, life: Life, opened: Start) -> Self {
        rt::spawn({
            let (drain, opened) = (state.drain_started(), opened.clone());
            async move {
                drain.await;
                opened.begin_to_stop();
            }
        });
        let services = &state.services;
        life.greet(services.accounts.newcomers(), &opened);
        let signing = Arc::clone(&services.signing);
        rt::spawn(async move { signing.watch().await });
        let clean_up = Arc::clone(&services.clean_up);
        rt::spawn(async move { clean_up.run().await });
        if let Some(back_channel) = services.back_channel.clone() {
            rt::spawn(async move { back_channel.run().await });
        }
        let keeper = Arc::clone(&services.keeper);
        rt::spawn(async move { keeper.watch().await });
        let (api_keys, accounts) = (services.api_keys.clone(), services.accounts.clone());
        let noting = rt::spawn({
            let api_keys = api_keys.clone();
            async move { api_keys.watch().await }
        });
        let writing = rt::spawn({
            let accounts = accounts.clone();
            async move { accounts.write_behind().await }
        });
        let within = Duration::from_secs(state.settings.server.graceful_timeout);
        Self { life, opened, within, api_keys, accounts, tasks: [noting, writing] }
    }

    /// Ends them, after the last request.
    pub(in crate::process) async fn end(self) {
        self.life.stop(&self.opened, self.within).await;
        self.tasks.iter().for_each(JoinHandle::abort);
        tokio::join!(self.accounts.end_writing(), self.api_keys.end());
    }
}
