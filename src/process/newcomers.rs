//! Tells the application of new users.

use crate::accounts::Newcomers;
use crate::domain::User;
use crate::http::ServeError;
use crate::logging::ERROR;
use crate::process::life::{Life, Start, caught, told};
use crate::settings::OwnSettings;
use actix_web::rt;
use futures_util::FutureExt as _;
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A command's half: tells the application of the users whom the command creates.
#[derive(Clone)]
pub struct Host {
    life: Life,
    start: Option<Start>,
    failures: Rc<RefCell<Vec<String>>>,
}

impl Life {
    /// Adds what is done with each new user.
    pub(crate) fn on_user_created<E>(
        &mut self,
        greet: impl AsyncFn(User, Start) -> Result<(), E> + Send + Sync + 'static,
    ) where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let greet = Arc::new(greet);
        self.greetings.push(Arc::new(move |user, start| {
            let greet = Arc::clone(&greet);
            async move { greet(user, start).await.map_err(told) }.boxed_local()
        }));
    }

    /// Greets all who come to be from now on, and those who have come since the start, in this process.
    pub(super) fn greet(&self, newcomers: &Newcomers, start: &Start) {
        if self.greetings.is_empty() {
            return newcomers.ignore();
        }
        self.listen(newcomers, start, |failure| log::error!(target: ERROR, "{failure}"));
    }

    fn listen(
        &self,
        newcomers: &Newcomers,
        start: &Start,
        failed: impl Fn(String) + Clone + 'static,
    ) {
        let (mut arriving, life, start) = (newcomers.listen(), self.clone(), start.clone());
        rt::spawn(async move {
            while let Some(newcomer) = arriving.recv().await {
                let (life, running, failed) = (life.clone(), start.clone(), failed.clone());
                start.spawn(async move {
                    let user = newcomer.user();
                    for greet in &life.greetings {
                        if let Err(cause) = caught(|| greet(user.clone(), running.clone())).await {
                            failed(format!(
                                "on_user_created failed for {}: {cause}",
                                user.username
                            ));
                        }
                    }
                });
            }
        });
    }

    /// Runs a command of the server's that creates users. The state is opened first, if the application wants to
    /// know of them. A failure of the application is one of the command, though the users are there.
    pub fn accompany<T>(
        &self,
        own: &OwnSettings,
        command: impl AsyncFnOnce(Host) -> T,
    ) -> Result<T, ServeError> {
        rt::System::new().block_on(async {
            let start = if self.greetings.is_empty() { None } else { Some(self.open(own).await?) };
            let host = Host { life: self.clone(), start, failures: Rc::default() };
            let result = command(host.clone()).await;
            if let Some(start) = &host.start {
                Self::default().stop(start, Duration::ZERO).await;
            }
            let failures = host.failures.take();
            if failures.is_empty() {
                Ok(result)
            } else {
                Err(ServeError::Application(failures.join("; ")))
            }
        })
    }
}

impl Host {
    /// Call this before the first user is created.
    pub fn receive(&self, newcomers: &Newcomers) {
        let Some(start) = &self.start else { return newcomers.ignore() };
        let failures = Rc::clone(&self.failures);
        self.life.listen(newcomers, start, move |failure| failures.borrow_mut().push(failure));
    }
}
