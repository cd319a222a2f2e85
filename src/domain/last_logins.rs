//! When users have logged in last: by day, and apart from the users, who are read with every request.

use crate::domain::day::Day;
use crate::domain::repository::RepositoryError;
use crate::domain::user::UserId;
use async_trait::async_trait;
use std::collections::HashMap;

/// A store of the days.
#[async_trait]
pub trait LastLogins: Send + Sync {
    /// Notes the days on which users have logged in, unless later ones are known; of users who are gone
    /// nothing is noted.
    async fn note(&self, logins: &[(UserId, Day)]) -> Result<(), RepositoryError>;

    /// The days of these users; who has never logged in is absent.
    async fn of(&self, users: &[UserId]) -> Result<HashMap<UserId, Day>, RepositoryError>;
}
