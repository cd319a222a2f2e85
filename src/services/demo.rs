//! The users of `--demo`.

use crate::accounts::Accounts;
use crate::domain::{
    AuditAction, AuditEntry, Clock, NewUser, RepositoryError, User, UserRepository, program,
};

/// `johndoe` with the password `1234`, and `alice`, disabled, with `secretalice`.
fn demo_users() -> [NewUser; 2] {
    let user = |username: &str, full_name: &str, email: &str, hash: &str| {
        let (Ok(username), Ok(password_hash), Ok(scopes)) =
            (username.parse(), hash.parse(), "me items".parse())
        else {
            unreachable!("the demo users are well-formed; a test creates them");
        };
        NewUser {
            username,
            email: Some(email.to_owned()),
            full_name: Some(full_name.to_owned()),
            disabled: false,
            password_hash,
            scopes,
        }
    };
    let johndoe = user(
        "johndoe",
        "John Doe",
        "johndoe@example.com",
        "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G",
    );
    let alice = user(
        "alice",
        "Alice Chains",
        "alicechains@example.com",
        "$2b$12$gSvqqUPvlXP2tfVFaWK1Be7DlH.PKZbv5H8KnzzVgXXbVxpva.pFm",
    );
    [johndoe, NewUser { disabled: true, ..alice }]
}

/// Creates missing demo users.
async fn create_demo_users(
    accounts: &Accounts,
    users: &dyn UserRepository,
    clock: &dyn Clock,
) -> Result<(), RepositoryError> {
    for user in demo_users() {
        match users.create(user, None, clock.now()).await {
            Ok(user) => {
                accounts.audit_log().tell(told(&user));
                accounts.newcomers().tell(&user).await;
            }
            Err(RepositoryError::Exists) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn told(user: &User) -> AuditEntry {
    let entry = AuditEntry::of(AuditAction::UserCreate).whom(user.username.as_str());
    entry.detail("scopes", user.scopes.to_string())
}

/// The demo's data folder may have become the real one, and its passwords are public.
async fn warn_of_demo_passwords(users: &dyn UserRepository) -> Result<(), RepositoryError> {
    for demo in demo_users() {
        let stored = users.find(&demo.username).await?;
        if stored.is_some_and(|user| !user.disabled && user.password_hash == demo.password_hash) {
            log::warn!(
                target: "bailiwick.error",
                "{name} still has the demo's public password; change it with: {program} users \
                 set-password {name}",
                program = program(),
                name = demo.username,
            );
        }
    }
    Ok(())
}

/// Ensures that the demo's users exist, or says what is wrong with those that there are.
pub(super) async fn greet(
    accounts: &Accounts,
    users: &dyn UserRepository,
    clock: &dyn Clock,
    demo: bool,
) -> Result<(), RepositoryError> {
    if demo {
        create_demo_users(accounts, users, clock).await?;
    } else {
        warn_of_demo_passwords(users).await?;
    }
    if users.is_empty().await? {
        log::warn!(
            target: "bailiwick.error",
            "there are no users yet; add one with: {} users add NAME --scope me",
            program()
        );
    }
    Ok(())
}
