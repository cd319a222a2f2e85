//! Sessions of browsers: one for each, until it ends, with what is bound to it.

use crate::domain::{
    Actor, Clock as _, Ended, FamilyId, FamilyRules, KeyHash, NewFamily, NewSession,
    RefreshFamilies as _, RepositoryError, Revocations as _, Session, SessionId, SessionRules,
    Sessions as _, SystemClock, Timestamp, User, UserChange, UserRepository as _,
};
use crate::storage::contract::codes::{new_family, soon};
use crate::storage::contract::{T1, T2, name, new};
use crate::storage::database::Database;
use crate::storage::refresh_families::DatabaseRefreshFamilies;
use crate::storage::revocations::DatabaseRevocations;
use crate::storage::sessions::DatabaseSessions;
use crate::storage::users::Users;
use std::sync::Arc;
use std::time::Duration;

const RULES: SessionRules =
    SessionRules { idle: Duration::from_secs(1_000), lifetime: Duration::from_secs(2_500) };

/// Runs all rules, each with users of its own in a database that `open` gives with what keeps it alive.
pub(in crate::storage) async fn sessions_live_and_end<G>(
    open: impl AsyncFn() -> (Arc<Database>, G),
) {
    let (database, _guard) = open().await;
    let world = World::of(database);
    world.a_session_is_found_by_its_cookie().await;
    world.an_unused_session_ends_and_so_does_a_used_one().await;
    world.a_login_in_the_same_browser_goes_on_with_the_session().await;
    world.another_users_login_ends_the_session().await;
    world.a_login_is_no_earlier_than_it_was_asked_for().await;
    world.one_is_ended_and_the_others_stay().await;
    world.whatever_ends_a_users_tokens_ends_the_sessions().await;
    world.what_is_bound_to_a_session_ends_with_it().await;
    world.a_user_has_no_end_of_sessions().await;
    world.only_what_is_over_is_cleaned_up().await;
}

struct World {
    sessions: DatabaseSessions,
    families: DatabaseRefreshFamilies,
    revocations: DatabaseRevocations,
    users: Users,
}

fn hash() -> KeyHash {
    KeyHash::new(rand::random())
}

fn login(user: &User) -> NewSession {
    NewSession {
        hash: hash(),
        before: None,
        id: SessionId(rand::random()),
        user: user.id,
        epoch: user.epoch,
        amr: "pwd".into(),
        agent: "Mozilla/5.0".into(),
        not_before: Timestamp(0),
        rules: RULES,
    }
}

impl World {
    fn of(database: Arc<Database>) -> Self {
        Self {
            sessions: DatabaseSessions::new(Arc::clone(&database), Arc::default()),
            families: DatabaseRefreshFamilies::new(
                Arc::clone(&database),
                Arc::default(),
                Arc::default(),
            ),
            revocations: DatabaseRevocations {
                database: Arc::clone(&database),
                freshness: Arc::default(),
                held: Arc::default(),
            },
            users: Users::of(database),
        }
    }

    async fn user(&self, name: &str) -> User {
        self.users.create(new(name, "me items"), None, T1).await.unwrap()
    }

    async fn begin(&self, user: &User) -> (KeyHash, Session) {
        let new = login(user);
        (new.hash, self.sessions.begin(new).await.unwrap().unwrap())
    }

    fn later(&self, seconds: u64) -> DatabaseSessions {
        self.sessions.later(Duration::from_secs(seconds))
    }

    async fn lives(&self, hash: KeyHash) -> bool {
        self.sessions.find(hash).await.unwrap().is_some()
    }

    async fn a_session_is_found_by_its_cookie(&self) {
        let anna = self.user("anna").await;
        let (hash, session) = self.begin(&anna).await;
        assert_eq!(self.sessions.find(hash).await.unwrap(), Some(session.clone()));
        assert_eq!((session.user, &session.username, session.epoch), (anna.id, &anna.username, 0));
        assert_eq!((&*session.amr, &*session.agent), ("pwd", "Mozilla/5.0"));
        assert!(SystemClock.now().seconds().abs_diff(session.auth_time.seconds()) < 600);
        assert_eq!(session.ends_at.seconds(), session.seen.seconds() + 1_000);
        assert!(!self.lives(self::hash()).await, "another cookie");
        let mut late = login(&anna);
        late.epoch += 1;
        assert_eq!(self.sessions.begin(late).await.unwrap(), None, "ended meanwhile");
        let change = UserChange { disabled: Some(true), ..UserChange::default() };
        let anna = self.users.update(&anna.username, change, None, None, T2).await.unwrap();
        assert_eq!(self.sessions.begin(login(&anna)).await.unwrap(), None);
    }

    async fn an_unused_session_ends_and_so_does_a_used_one(&self) {
        let (hash, session) = self.begin(&self.user("bert").await).await;
        let find = async |seconds| self.later(seconds).find(hash).await.unwrap();
        assert!(find(990).await.is_some() && find(1_010).await.is_none());
        self.later(30).touch(hash).await.unwrap();
        assert_eq!(find(0).await.unwrap().seen, session.seen, "a moment ago is now");
        self.later(900).touch(hash).await.unwrap();
        assert!(find(1_890).await.is_some() && find(1_910).await.is_none());
        self.later(1_800).touch(hash).await.unwrap();
        let last = find(2_490).await.unwrap();
        assert!(last.ends_at.seconds() <= session.seen.seconds() + 2_500 + 5, "{last:?}");
        self.later(2_490).touch(hash).await.unwrap();
        assert!(find(2_510).await.is_none(), "at its end");
        self.later(2_600).touch(hash).await.unwrap();
        assert!(find(2_600).await.is_none(), "what is over stays so");
    }

    async fn a_login_in_the_same_browser_goes_on_with_the_session(&self) {
        let carl = self.user("carl").await;
        let (before, session) = self.begin(&carl).await;
        let later = self.later(900);
        let again = NewSession { before: Some(before), ..login(&carl) };
        let after = again.hash;
        let now = later.begin(again).await.unwrap().unwrap();
        assert_eq!(now.id, session.id);
        assert!(now.auth_time.seconds() >= session.auth_time.seconds() + 890);
        assert_eq!(later.list(carl.id).await.unwrap().len(), 1);
        assert!(!self.lives(before).await && later.find(after).await.unwrap().is_some());
        let over = NewSession { before: Some(after), ..login(&carl) };
        let fresh = self.later(9_000).begin(over).await.unwrap().unwrap();
        assert_ne!(fresh.id, session.id, "that one was over");
        let unknown = NewSession { before: Some(hash()), ..login(&carl) };
        assert!(self.sessions.begin(unknown).await.unwrap().is_some());
    }

    async fn another_users_login_ends_the_session(&self) {
        let (dora, emil) = (self.user("dora").await, self.user("emil").await);
        let (before, session) = self.begin(&dora).await;
        let new = NewSession { before: Some(before), ..login(&emil) };
        let now = self.sessions.begin(new).await.unwrap().unwrap();
        assert_ne!(now.id, session.id);
        assert!(!self.lives(before).await);
        assert!(self.sessions.list(dora.id).await.unwrap().is_empty());
    }

    async fn a_login_is_no_earlier_than_it_was_asked_for(&self) {
        let asked = Timestamp(SystemClock.now().seconds() + 3_000);
        let new = NewSession { not_before: asked, ..login(&self.user("frida").await) };
        let session = self.sessions.begin(new).await.unwrap().unwrap();
        assert_eq!(session.auth_time, asked, "by a clock that is ahead");
    }

    async fn one_is_ended_and_the_others_stay(&self) {
        let (gerd, hans) = (self.user("gerd").await, self.user("hans").await);
        let (one, first) = self.begin(&gerd).await;
        let (two, second) = self.begin(&gerd).await;
        let (three, _) = self.begin(&gerd).await;
        let (other, _) = self.begin(&hans).await;
        let end = async |id, owner: &str, actor: Option<&Actor>| {
            self.sessions.end(id, &name(owner), actor).await
        };
        let no_such = |done| matches!(done, Err(RepositoryError::NoSuchSession));
        assert!(no_such(end(first.id, "hans", None).await), "another's");
        assert!(no_such(end(SessionId(1), "gerd", None).await));
        assert!(matches!(end(first.id, "nobody", None).await, Err(RepositoryError::NotFound)));
        let mut actor = Actor {
            username: gerd.username.clone(),
            id: gerd.id,
            scopes: &["users:write"],
            key: None,
        };
        assert!(matches!(
            end(first.id, "gerd", Some(&actor)).await,
            Err(RepositoryError::Denied(_))
        ));
        actor.scopes = &[];
        end(first.id, "gerd", Some(&actor)).await.unwrap();
        assert!(!self.lives(one).await && self.lives(two).await);
        assert!(no_such(end(first.id, "gerd", None).await), "once");
        assert_eq!(self.sessions.end_others(gerd.id, second.id).await.unwrap(), 1);
        assert!(self.lives(two).await && !self.lives(three).await && self.lives(other).await);
    }

    async fn whatever_ends_a_users_tokens_ends_the_sessions(&self) {
        let (ines, jane) = (self.user("ines").await, self.user("jane").await);
        let (other, _) = self.begin(&jane).await;
        let signs_out = UserChange { signs_out: true, ..UserChange::default() };
        let disables = UserChange { disabled: Some(true), ..UserChange::default() };
        let enables = UserChange { disabled: Some(false), ..UserChange::default() };
        let renames = UserChange { username: Some(name("inez")), ..UserChange::default() };
        let mut user = ines;
        for change in [signs_out, disables] {
            let (hash, _) = self.begin(&user).await;
            assert!(self.lives(hash).await);
            self.users.update(&user.username, change, None, None, T2).await.unwrap();
            assert!(!self.lives(hash).await);
            let change = enables.clone();
            user = self.users.update(&user.username, change, None, None, T2).await.unwrap();
            assert!(!self.lives(hash).await, "it does not come back");
        }
        let (hash, _) = self.begin(&user).await;
        user = self.users.update(&user.username, renames, None, None, T2).await.unwrap();
        let found = self.sessions.find(hash).await.unwrap().unwrap();
        assert_eq!(found.username, user.username, "a new name ends nothing");
        self.users.delete(&user.username, None, None).await.unwrap();
        assert!(!self.lives(hash).await && self.lives(other).await);
    }

    async fn what_is_bound_to_a_session_ends_with_it(&self) {
        let kurt = self.user("kurt").await;
        let (_, session) = self.begin(&kurt).await;
        let rules = FamilyRules {
            idle: Duration::from_hours(1),
            lifetime: Duration::from_hours(1),
            reuse: Duration::ZERO,
        };
        let family = async |session, is_offline| {
            let id = FamilyId(rand::random());
            let new = new_family((id, None), (kurt.id, kurt.epoch), soon());
            let new = NewFamily { session, is_offline, ..new };
            self.families.begin(new, rules).await.unwrap().then_some(id)
        };
        let bound = family(Some(session.id), false).await.unwrap();
        let offline = family(Some(session.id), true).await.unwrap();
        let none = family(None, false).await.unwrap();
        let ended = async |id| self.revocations.finds(Ended::Family(id)).await.unwrap();
        assert!(!ended(bound).await);
        self.sessions.end(session.id, &kurt.username, None).await.unwrap();
        assert!(ended(bound).await, "its access tokens, too");
        assert!(!ended(offline).await && !ended(none).await);
        assert_eq!(family(Some(session.id), false).await, None, "that session has ended");
    }

    async fn a_user_has_no_end_of_sessions(&self) {
        let lisa = self.user("lisa").await;
        let (first, _) = self.begin(&lisa).await;
        let (used, _) = self.begin(&lisa).await;
        self.later(500).touch(used).await.unwrap();
        for _ in 0..Session::MOST - 1 {
            self.later(100).begin(login(&lisa)).await.unwrap().unwrap();
        }
        assert!(!self.lives(first).await && self.lives(used).await);
        let count = self.sessions.list(lisa.id).await.unwrap().len();
        assert_eq!(count, Session::MOST as usize);
    }

    async fn only_what_is_over_is_cleaned_up(&self) {
        let mona = self.user("mona").await;
        let (unused, _) = self.begin(&mona).await;
        let (used, _) = self.begin(&mona).await;
        self.later(900).touch(used).await.unwrap();
        self.later(1_500).clean_up().await.unwrap();
        assert!(!self.lives(unused).await && self.lives(used).await);
        self.later(1_800).clean_up().await.unwrap();
        assert!(self.lives(used).await);
        self.later(1_950).clean_up().await.unwrap();
        assert!(!self.lives(used).await);
    }
}
