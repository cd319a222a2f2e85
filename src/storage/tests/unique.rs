//! What is one user's only, on SQLite.

use super::*;
use crate::settings::UserSettings;
use crate::storage::contract::unique::*;
use crate::storage::open_unique;

async fn at(folder: &Path, unique: UserSettings) -> Arc<dyn UserRepository> {
    open_unique(folder, &settings(""), &cache_settings(100), Missing::Create, unique)
        .await
        .unwrap()
        .users
}

#[tokio::test]
async fn each_rule_holds() {
    let [names, emails, both, new] = [0; 4].map(|_| tempfile::tempdir().unwrap());
    names_that_differ_in_case_are_one(async |unique| at(names.path(), unique).await).await;
    an_address_is_one_users(async |unique| at(emails.path(), unique).await).await;
    of_two_at_once_one_is_created(async |unique| at(both.path(), unique).await).await;
    a_new_name_is_nobodys_but_for_case(async |unique| at(new.path(), unique).await).await;
}

#[tokio::test]
async fn a_taken_id_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let database = database_at(&folder.path().join("test.db")).await.unwrap();
    a_new_user_takes_nobodys_id(Arc::new(database)).await;
}

#[tokio::test]
async fn a_setting_that_is_turned_on_breaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let by_hand = async |statement| {
        let mut connection = raw(&folder.path().join("bailiwick.db")).await;
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    };
    let open = async |unique| at(folder.path(), unique).await;
    who_is_there_already_stays(open, by_hand).await;
}
