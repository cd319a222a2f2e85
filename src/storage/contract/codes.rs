//! Authorization codes count once, whoever comes when; consents add up.

use crate::domain::{
    AuthorizationCodes as _, Clock as _, Consents as _, FamilyClient, FamilyId, FamilyLogin,
    FamilyRules, FamilyUse, KeyHash, LogoutNotice, LogoutNotices as _, NewCode, NewFamily,
    RefreshFamilies as _, RefreshToken, Rotation, Scopes, SessionId, StoredCode, SystemClock,
    Timestamp, User, UserId, UserRepository as _,
};
use crate::storage::codes::DatabaseCodes;
use crate::storage::contract::{T1, new};
use crate::storage::database::Database;
use crate::storage::logout_notices::DatabaseLogoutNotices;
use crate::storage::refresh_families::DatabaseRefreshFamilies;
use crate::storage::users::Users;
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const RULES: FamilyRules = FamilyRules {
    idle: Duration::from_secs(1_000),
    lifetime: Duration::from_secs(2_500),
    reuse: Duration::from_secs(30),
};

pub(super) fn soon() -> Timestamp {
    Timestamp(SystemClock.now().seconds() + 1_800)
}

pub(super) fn new_family(
    (id, client): (FamilyId, Option<FamilyClient>),
    (user, epoch): (UserId, i64),
    access_until: Timestamp,
) -> NewFamily {
    NewFamily {
        id,
        client,
        user,
        epoch,
        session: None,
        is_offline: false,
        scopes: "me".parse().unwrap(),
        access_until,
        login: None,
        resource: None,
        hears_of_logout: false,
    }
}

/// Runs all rules in a database that `open` gives with what keeps it alive.
pub(in crate::storage) async fn codes_count_once_and_consents_add_up<G>(
    open: impl AsyncFn() -> (Arc<Database>, G),
) {
    let (database, _guard) = open().await;
    let one = DatabaseCodes::new(Arc::clone(&database), Arc::default());
    let other = DatabaseCodes::new(Arc::clone(&database), Arc::default());
    codes_count_once((&one, &other)).await;
    old_codes_are_forgotten(&one).await;
    let users = Users::of(Arc::clone(&database));
    let jane = users.create(new("jane", "me"), None, T1).await.unwrap();
    let john = users.create(new("john", "me"), None, T1).await.unwrap();
    consents_add_up((&one, &other), [jane.id, john.id]).await;
    a_consent_is_withdrawn(&database, [&jane, &john]).await;
    a_family_remembers_its_login(&database, &jane).await;
    users.delete(&jane.username, None, None).await.unwrap();
    assert!(given(&one, jane.id, &client("web", 1)).await.is_empty(), "gone with the user");
}

fn code(number: u8) -> NewCode {
    NewCode {
        hash: KeyHash::new([number; 32]),
        family: FamilyId(number.into()),
        sealed: format!("sealed-{number}"),
        lifetime: Duration::from_mins(1),
    }
}

async fn codes_count_once((one, other): (&DatabaseCodes, &DatabaseCodes)) {
    let hash = |number| code(number).hash;
    one.keep(code(1)).await.unwrap();
    one.keep(code(2)).await.unwrap();
    let found =
        StoredCode { family: FamilyId(1), sealed: "sealed-1".to_owned(), used_before: None };
    assert_eq!(other.find(hash(1)).await.unwrap(), Some(found));
    assert_eq!(other.find(hash(9)).await.unwrap(), None);
    assert!(!other.redeem(hash(9)).await.unwrap());

    let all = join_all((0..16).map(|n| if n % 2 == 0 { one } else { other }.redeem(hash(1)))).await;
    assert_eq!(all.into_iter().filter(|first| *first.as_ref().unwrap()).count(), 1);
    let later = one.later(Duration::from_secs(100));
    let used = later.find(hash(1)).await.unwrap().expect("it is known").used_before;
    assert!(used.is_some_and(|used| (95..110).contains(&used)), "{used:?}");

    // Not used in time, it is gone.
    assert!(later.find(hash(2)).await.unwrap().is_none());
    assert!(!later.redeem(hash(2)).await.unwrap());
    assert!(one.redeem(hash(2)).await.unwrap());
}

async fn old_codes_are_forgotten(codes: &DatabaseCodes) {
    codes.keep(code(3)).await.unwrap();
    codes.redeem(code(3).hash).await.unwrap();
    for (seconds, is_there) in [(1_050, true), (1_070, false)] {
        codes
            .later(Duration::from_secs(seconds))
            .clean_up(Duration::from_secs(1_000))
            .await
            .unwrap();
        let found = codes.find(code(3).hash).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{seconds}");
    }
}

fn client(id: &str, epoch: i64) -> FamilyClient {
    FamilyClient { id: id.parse().unwrap(), epoch }
}

async fn given(codes: &DatabaseCodes, user: UserId, client: &FamilyClient) -> BTreeSet<String> {
    codes.given(user, client).await.unwrap().iter().map(str::to_owned).collect()
}

async fn consents_add_up(
    (one, other): (&DatabaseCodes, &DatabaseCodes),
    [jane, john]: [UserId; 2],
) {
    let (web, app) = (client("web", 1), client("app", 1));
    let scopes = |text: &str| text.parse::<Scopes>().unwrap();
    let set = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    one.give(jane, &web, &scopes("openid me")).await.unwrap();
    other.give(jane, &web, &scopes("me items")).await.unwrap();
    one.give(jane, &app, &scopes("me")).await.unwrap();
    one.give(UserId(77), &web, &scopes("me")).await.unwrap();
    one.give(jane, &web, &Scopes::default()).await.unwrap();
    assert_eq!(given(one, jane, &web).await, set("items me openid"));
    assert_eq!(given(one, jane, &app).await, set("me"));
    assert!(
        given(one, john, &web).await.is_empty() && given(one, UserId(77), &web).await.is_empty()
    );
    // Another client of the same name has to ask itself.
    let again = client("web", 2);
    assert!(given(one, jane, &again).await.is_empty());
    one.give(jane, &again, &scopes("me")).await.unwrap();
    assert_eq!(given(other, jane, &again).await, set("me"));
    assert_eq!(given(other, jane, &web).await, set("items openid"));
    let listed = other.list(jane).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|it| (&it.client, it.scopes.iter().count())).collect();
    assert_eq!(listed, [(&app, 1), (&web, 2), (&again, 1)]);
    assert!(other.list(john).await.unwrap().is_empty());
}

/// The tokens that a client has in the user's name end with it, and no others.
async fn a_consent_is_withdrawn(database: &Arc<Database>, [jane, john]: [&User; 2]) {
    let codes = DatabaseCodes::new(Arc::clone(database), Arc::default());
    let families =
        DatabaseRefreshFamilies::new(Arc::clone(database), Arc::default(), Arc::default());
    let (web, app) = (client("web", 2), client("app", 1));
    let mut begun = Vec::new();
    for (user, of) in [(jane, &web), (jane, &app), (john, &web)] {
        let id = FamilyId(rand::random());
        let new = new_family((id, Some(of.clone())), (user.id, user.epoch), soon());
        assert!(families.begin(new, RULES).await.unwrap());
        begun.push(id);
    }
    assert!(codes.withdraw(jane.id, &web.id).await.unwrap());
    assert!(!codes.withdraw(jane.id, &web.id).await.unwrap(), "nothing is left");
    for (id, lives) in begun.into_iter().zip([false, true, true]) {
        assert_eq!(families.find(id, RULES).await.unwrap().is_some(), lives);
    }
    assert!(given(&codes, jane.id, &web).await.is_empty());
    assert!(!given(&codes, jane.id, &app).await.is_empty());
}

async fn a_family_remembers_its_login(database: &Arc<Database>, jane: &User) {
    let families =
        || DatabaseRefreshFamilies::new(Arc::clone(database), Arc::default(), Arc::default());
    let (one, other) = (families(), families());
    let login = FamilyLogin { auth_time: Timestamp(77), amr: "pwd otp".to_owned() };
    let id = FamilyId(rand::random());
    let new = NewFamily {
        session: Some(SessionId(7)),
        is_offline: true,
        login: Some(login.clone()),
        resource: Some("https://api.example.com/a?b=c".to_owned()),
        ..new_family((id, None), (jane.id, jane.epoch), soon())
    };
    assert!(one.begin(new.clone(), RULES).await.unwrap());
    let found = other.find(id, RULES).await.unwrap().unwrap().family;
    assert_eq!((&found.login, found.session), (&login, new.session));
    assert_eq!((&found.scopes, &found.resource), (&new.scopes, &new.resource));
    let token = RefreshToken { family: id, generation: 0 };
    let presented = FamilyUse { token, client: None, rotates: true, access_until: soon() };
    let renewed = one.rotate(presented, RULES).await.unwrap();
    let Rotation::Renewed { family, .. } = renewed else { panic!("{renewed:?}") };
    assert_eq!(family, found);
}

/// Clients that are told of a session's end are told until they have heard it.
pub(in crate::storage) async fn clients_hear_of_ended_sessions<G>(
    open: impl AsyncFn() -> (Arc<Database>, G),
    execute: impl AsyncFn(&Database, &'static str),
) {
    let (database, _guard) = open().await;
    let users = Users::of(Arc::clone(&database));
    let jane = users.create(new("jane", "me"), None, T1).await.unwrap();
    let families =
        DatabaseRefreshFamilies::new(Arc::clone(&database), Arc::default(), Arc::default());
    let notices = DatabaseLogoutNotices::new(Arc::clone(&database), Arc::default());
    let session = "INSERT INTO sessions (sid, hash, user_id, epoch, auth_time, amr, seen, idle_until, \
         expires, look_at, agent) SELECT '00000000000000000000000000000007', 'hash', id, epoch, 1, 'pwd', 1, \
         4000000000, 4000000000, 1, '' FROM users WHERE username = 'jane'";
    execute(&database, session).await;
    for (client_id, hears_of_logout) in
        [("web", true), ("web", true), ("quiet", false), ("app", true)]
    {
        let family = NewFamily {
            session: Some(SessionId(7)),
            hears_of_logout,
            ..new_family(
                (FamilyId(rand::random()), Some(client(client_id, 1))),
                (jane.id, jane.epoch),
                soon(),
            )
        };
        assert!(families.begin(family, RULES).await.unwrap());
    }
    assert!(notices.take(9).await.unwrap().is_empty(), "it goes on");
    execute(&database, "DELETE FROM sessions").await;
    let clients = |all: &[LogoutNotice]| {
        let all =
            all.iter().inspect(|it| assert_eq!((it.session, it.user), (SessionId(7), jane.id)));
        all.map(|notice| notice.client.to_string()).collect::<BTreeSet<_>>()
    };
    let both = BTreeSet::from(["app", "web"].map(str::to_owned));
    let taken = [notices.take(1).await.unwrap(), notices.take(9).await.unwrap()].concat();
    assert_eq!((taken.len(), clients(&taken)), (2, both.clone()));
    assert!(notices.take(9).await.unwrap().is_empty(), "they are not due");
    let later = notices.later(Duration::from_mins(1));
    let again = later.take(9).await.unwrap();
    assert_eq!(clients(&again), both);
    later.done(&taken[0]).await.unwrap();
    let much_later = notices.later(Duration::from_secs(10_000));
    let last = much_later.take(9).await.unwrap();
    assert_eq!(clients(&last), BTreeSet::from([taken[1].client.to_string()]));
    let tomorrow = notices.later(Duration::from_hours(25));
    assert!(tomorrow.take(9).await.unwrap().is_empty(), "nobody needs to know any more");
    tomorrow.clean_up().await.unwrap();
    assert!(notices.later(Duration::from_secs(20_000)).take(9).await.unwrap().is_empty());
}
