//! Families of refresh tokens: never two branches, whoever comes when.

mod ends;

use crate::domain::{
    Clock as _, Ended, Family, FamilyClient, FamilyId, FamilyRules, FamilyUse,
    RefreshFamilies as _, RefreshToken, Revocations as _, Rotation, SystemClock, Timestamp, User,
    UserChange, UserId, UserRepository as _,
};
use crate::storage::contract::codes::{new_family, soon};
use crate::storage::contract::{T1, T2, name, new};
use crate::storage::database::Database;
use crate::storage::refresh_families::DatabaseRefreshFamilies;
use crate::storage::revocations::DatabaseRevocations;
use crate::storage::users::Users;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;
use std::time::Duration;

const RULES: FamilyRules = FamilyRules {
    idle: Duration::from_secs(1_000),
    lifetime: Duration::from_secs(2_500),
    reuse: Duration::from_secs(30),
};

const WEEK: Duration = Duration::from_hours(7 * 24);

/// Runs all rules, each on families of its own in a database that `open` gives with what keeps it
/// alive.
pub(in crate::storage) async fn families_live_and_end<G>(
    open: impl AsyncFn() -> (Arc<Database>, G),
) {
    let (database, _guard) = open().await;
    let world = World::of(database).await;
    world.tabs_at_once_stay_together().await;
    world.a_lost_response_is_repeated_for_a_while().await;
    world.whoever_comes_late_ends_the_family().await;
    world.a_thief_and_the_owner_do_not_both_go_on().await;
    world.without_a_time_for_reuse_the_second_use_ends_it().await;
    world.an_unused_family_ends_and_so_does_a_used_one().await;
    world.a_restored_backup_logs_nobody_out().await;
    world.a_client_has_its_own_families().await;
    world.an_ended_family_stays_ended().await;
    world.a_disabled_user_keeps_the_family().await;
    world.the_end_of_a_users_tokens_ends_families().await;
    world.the_end_of_a_client_ends_what_is_in_use().await;
    world.all_end_at_once().await;
    world.only_what_is_over_is_cleaned_up().await;
    world.tables_stay_flat().await;
}

struct World {
    database: Arc<Database>,
    families: DatabaseRefreshFamilies,
    /// Another process.
    others: DatabaseRefreshFamilies,
    revocations: DatabaseRevocations,
    users: Users,
    jane: User,
}

fn rotated(rotation: &Rotation) -> (i64, bool) {
    match rotation {
        Rotation::Renewed { generation, is_repeated, .. } => (*generation, *is_repeated),
        other => panic!("{other:?}"),
    }
}

fn by_client(family: FamilyId, generation: i64, client: Option<FamilyClient>) -> FamilyUse {
    FamilyUse {
        token: RefreshToken { family, generation },
        client,
        rotates: true,
        access_until: soon(),
    }
}

impl World {
    async fn of(database: Arc<Database>) -> Self {
        let users = Users::of(Arc::clone(&database));
        let jane = users.create(new("jane", "me items"), None, T1).await.unwrap();
        let families =
            || DatabaseRefreshFamilies::new(Arc::clone(&database), Arc::default(), Arc::default());
        let revocations = DatabaseRevocations {
            database: Arc::clone(&database),
            freshness: Arc::default(),
            held: Arc::default(),
        };
        Self { families: families(), others: families(), database, revocations, users, jane }
    }

    async fn begin_for(
        &self,
        user: (UserId, i64),
        client: Option<FamilyClient>,
    ) -> (FamilyId, bool) {
        let id = FamilyId(rand::random());
        let family = new_family((id, client), user, soon());
        (id, self.families.begin(family, RULES).await.unwrap())
    }

    async fn begin(&self) -> FamilyId {
        let (id, has_begun) = self.begin_for((self.jane.id, self.jane.epoch), None).await;
        assert!(has_begun);
        id
    }

    async fn rotate(&self, family: FamilyId, generation: i64) -> Rotation {
        self.families.rotate(by_client(family, generation, None), RULES).await.unwrap()
    }

    async fn rotate_in(&self, seconds: u64, family: FamilyId, generation: i64) -> Rotation {
        let later = self.families.later(Duration::from_secs(seconds));
        later.rotate(by_client(family, generation, None), RULES).await.unwrap()
    }

    async fn has_ended(&self, family: FamilyId) -> bool {
        self.revocations.finds(Ended::Family(family)).await.unwrap()
    }

    async fn ids(&self) -> Vec<String> {
        let ids = self.database.read(|mut database| {
            Box::pin(async move {
                database.query("SELECT id FROM refresh_families").scalars::<String>().await
            })
        });
        ids.await.unwrap()
    }

    async fn tabs_at_once_stay_together(&self) {
        let family = self.begin().await;
        for generation in 0..10 {
            let tabs = (0..32).map(|tab| {
                let by = if tab % 2 == 0 { &self.families } else { &self.others };
                by.rotate(by_client(family, generation, None), RULES)
            });
            let all = join_all(tabs).await;
            let all: Vec<_> = all.iter().map(|it| rotated(it.as_ref().unwrap())).collect();
            assert!(all.iter().all(|(next, _)| *next == generation + 1), "{all:?}");
            assert_eq!(all.iter().filter(|(_, is_repeated)| !is_repeated).count(), 1);
        }
        let Rotation::Renewed {
            family: Family { user, username, epoch, scopes, login, session: None, resource: None },
            ..
        } = self.rotate(family, 10).await
        else {
            panic!("renewed")
        };
        assert_eq!((user, &username, epoch), (self.jane.id, &self.jane.username, 0));
        assert_eq!(scopes.as_str(), "me");
        assert!(SystemClock.now().seconds().abs_diff(login.auth_time.seconds()) < 600);
        assert_eq!(login.amr, "pwd");
        assert!(!self.has_ended(family).await);
    }

    /// The time begins with the first use, and is over once the next token is used.
    async fn a_lost_response_is_repeated_for_a_while(&self) {
        let family = self.begin().await;
        assert_eq!(rotated(&self.rotate(family, 0).await), (1, false));
        for seconds in [0, 10, 20] {
            assert_eq!(rotated(&self.rotate_in(seconds, family, 0).await), (1, true));
        }
        assert!(matches!(self.rotate_in(31, family, 0).await, Rotation::Reused(Some(_))));
        let family = self.begin().await;
        self.rotate(family, 0).await;
        assert_eq!(rotated(&self.rotate(family, 1).await), (2, false));
        assert!(matches!(self.rotate(family, 0).await, Rotation::Reused(Some(_))));
    }

    async fn whoever_comes_late_ends_the_family(&self) {
        for (before, late, seconds) in [(2, 0, 0), (3, 0, 0), (1, 0, 31), (5, 4, 40)] {
            let family = self.begin().await;
            for generation in 0..before {
                self.rotate(family, generation).await;
            }
            assert!(!self.has_ended(family).await);
            let reused = self.rotate_in(seconds, family, late).await;
            assert_eq!(reused, Rotation::Reused(Some(self.jane.username.clone())));
            assert!(self.has_ended(family).await, "the access tokens, too");
            for generation in 0..=before + 1 {
                let ended = self.rotate(family, generation).await;
                assert_eq!(ended, Rotation::Ended(Some(self.jane.username.clone())));
            }
        }
    }

    /// Whoever of the two comes second, and whenever: by then the other one holds a newer token.
    async fn a_thief_and_the_owner_do_not_both_go_on(&self) {
        for steps in [[true, true, false], [true, false, true], [false, true, true]] {
            let family = self.begin().await;
            let (mut thief, mut owner) = (0, 0);
            let mut has_ended = false;
            for (step, is_thief) in (1..=30).zip(steps.into_iter().cycle()) {
                let held = if is_thief { &mut thief } else { &mut owner };
                match self.rotate_in(31 * step, family, *held).await {
                    Rotation::Renewed { generation, .. } => *held = generation,
                    Rotation::Reused(_) => {
                        has_ended = true;
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!(has_ended && self.has_ended(family).await, "{steps:?}");
        }
    }

    async fn without_a_time_for_reuse_the_second_use_ends_it(&self) {
        let rules = FamilyRules { reuse: Duration::ZERO, ..RULES };
        let family = self.begin().await;
        let rotate = async |generation| {
            self.families.rotate(by_client(family, generation, None), rules).await.unwrap()
        };
        assert_eq!(rotated(&rotate(0).await), (1, false));
        assert_eq!(rotated(&rotate(1).await), (2, false));
        assert!(matches!(rotate(1).await, Rotation::Reused(_)));
    }

    async fn an_unused_family_ends_and_so_does_a_used_one(&self) {
        let ended = Rotation::Ended(Some(self.jane.username.clone()));
        let family = self.begin().await;
        assert_eq!(rotated(&self.rotate_in(990, family, 0).await), (1, false));
        assert_eq!(rotated(&self.rotate_in(1_980, family, 1).await), (2, false));
        assert_eq!(self.rotate_in(2_990, family, 2).await, ended, "unused for too long");
        assert_eq!(rotated(&self.rotate_in(2_480, family, 2).await), (3, false));
        assert_eq!(self.rotate_in(2_510, family, 3).await, ended, "at its end");
        let later = self.families.later(Duration::from_secs(2_510));
        assert_eq!(later.find(family, RULES).await.unwrap(), None);
        assert!(!self.has_ended(family).await, "its last access token has its own end");
        assert_eq!(self.rotate(FamilyId(7), 0).await, Rotation::Ended(None));
    }

    async fn a_restored_backup_logs_nobody_out(&self) {
        let family = self.begin().await;
        assert_eq!(rotated(&self.rotate(family, 7).await), (8, false));
        assert_eq!(rotated(&self.rotate(family, 7).await), (8, true));
        assert_eq!(rotated(&self.rotate(family, 8).await), (9, false));
    }

    async fn a_client_has_its_own_families(&self) {
        let jane = (self.jane.id, self.jane.epoch);
        let client = |id: &str, epoch| Some(FamilyClient { id: id.parse().unwrap(), epoch });
        let all = [None, client("one", 0), client("one", 1), client("other", 0)];
        for client in &all {
            let (family, _) = self.begin_for(jane, client.clone()).await;
            for other in all.iter().filter(|other| *other != client) {
                let presented = by_client(family, 0, other.clone());
                let refused = self.families.rotate(presented, RULES).await.unwrap();
                assert!(matches!(refused, Rotation::Ended(_)), "{client:?} {other:?}");
                assert_eq!(self.families.end(family, other.clone()).await.unwrap(), None);
            }
            let found = self.families.find(family, RULES).await.unwrap().unwrap();
            assert_eq!(found.family.scopes.to_string(), "me");
            assert_eq!((&found.client, found.generation), (client, 0));
            // One who proves who it is keeps its token.
            let presented = by_client(family, 0, client.clone());
            let stays = FamilyUse { rotates: false, ..presented.clone() };
            for _ in 0..3 {
                let renewed = self.families.rotate(stays.clone(), RULES).await.unwrap();
                assert_eq!(rotated(&renewed), (0, false));
            }
            let renewed = self.families.rotate(presented, RULES).await.unwrap();
            assert_eq!(rotated(&renewed), (1, false));
        }
    }

    async fn an_ended_family_stays_ended(&self) {
        let family = self.begin().await;
        self.rotate(family, 0).await;
        let name = Some(self.jane.username.clone());
        assert_eq!(self.families.end(family, None).await.unwrap(), name);
        assert!(self.has_ended(family).await);
        assert_eq!(self.families.end(family, None).await.unwrap(), None, "it had ended before");
        assert_eq!(self.rotate(family, 1).await, Rotation::Ended(name));
        assert_eq!(self.families.find(family, RULES).await.unwrap(), None);
    }

    /// Nothing is used up meanwhile.
    async fn a_disabled_user_keeps_the_family(&self) {
        let family = self.begin().await;
        self.rotate(family, 0).await;
        let disable = async |disabled| {
            let change = UserChange { disabled: Some(disabled), ..UserChange::default() };
            self.users.update(&self.jane.username, change, None, None, T2).await.unwrap();
        };
        disable(true).await;
        for generation in [0, 1] {
            let refused = self.rotate_in(40, family, generation).await;
            assert_eq!(refused, Rotation::Disabled(self.jane.username.clone()));
        }
        let (_, has_begun) = self.begin_for((self.jane.id, self.jane.epoch), None).await;
        assert!(!has_begun);
        disable(false).await;
        assert_eq!(rotated(&self.rotate_in(40, family, 1).await), (2, false));
    }

    async fn the_end_of_a_users_tokens_ends_families(&self) {
        let john = self.users.create(new("john", "me"), None, T1).await.unwrap();
        let (family, has_begun) = self.begin_for((john.id, john.epoch), None).await;
        assert!(has_begun);
        let called = UserChange { username: Some(name("johnny")), ..UserChange::default() };
        self.users.update(&name("john"), called, None, None, T2).await.unwrap();
        let renewed = self.rotate(family, 0).await;
        let Rotation::Renewed { family: Family { username, .. }, .. } = renewed else {
            panic!("{renewed:?}")
        };
        assert_eq!(username, name("johnny"), "by whatever name");
        let end = UserChange { signs_out: true, ..UserChange::default() };
        let john = self.users.update(&name("johnny"), end, None, None, T2).await.unwrap();
        assert_eq!(self.rotate(family, 1).await, Rotation::Ended(Some(name("johnny"))));
        assert!(!self.begin_for((john.id, john.epoch - 1), None).await.1, "ended meanwhile");
        let (family, has_begun) = self.begin_for((john.id, john.epoch), None).await;
        assert!(has_begun);
        self.users.delete(&name("johnny"), None, None).await.unwrap();
        assert_eq!(self.rotate(family, 0).await, Rotation::Ended(None));
        assert!(!self.begin_for((john.id, john.epoch), None).await.1);
        assert!(!self.ids().await.contains(&family.to_string()));
    }

    async fn only_what_is_over_is_cleaned_up(&self) {
        let begin = async |count| {
            let all = join_all((0..count).map(|_| self.begin())).await;
            all.into_iter().map(|id| id.to_string()).collect::<Vec<_>>()
        };
        let (unused, used, ended) = (begin(1_100).await, begin(3).await, begin(3).await);
        for family in &ended {
            self.families.end(family.parse().unwrap(), None).await.unwrap();
        }
        for family in &used {
            self.rotate_in(900, family.parse().unwrap(), 0).await;
            self.rotate_in(1_800, family.parse().unwrap(), 1).await;
        }
        let left = async |seconds: u64| {
            let later = self.families.later(WEEK + Duration::from_secs(seconds));
            later.clean_up(RULES).await.unwrap();
            let ids = self.ids().await;
            [&unused, &used, &ended].map(|all| all.iter().filter(|id| ids.contains(id)).count())
        };
        let counts: Vec<[usize; 3]> = [
            left(10).await,
            left(60).await,
            left(1_060).await,
            left(2_000).await,
            left(2_570).await,
        ]
        .into();
        assert_eq!(counts, [[1_100, 3, 0], [1_100, 3, 0], [0, 3, 0], [0, 3, 0], [0, 0, 0]]);
        assert!(self.ids().await.is_empty());
    }

    /// However many logins there were. `make soak` sets `SOAK=full`, for 100,000 of them.
    async fn tables_stay_flat(&self) {
        let is_full = std::env::var_os("SOAK").is_some_and(|value| value == "full");
        let (rounds, logins) = if is_full { (10, 10_000) } else { (3, 2_500) };
        let over = self.families.later(WEEK + Duration::from_secs(10));
        let past = Timestamp(SystemClock.now().seconds() - 10);
        let jane = (self.jane.id, self.jane.epoch);
        let login = async |_: usize| {
            let id = FamilyId(rand::random());
            let family = new_family((id, None), jane, past);
            assert!(self.families.begin(family, RULES).await.unwrap());
            let presented = FamilyUse { access_until: past, ..by_client(id, 0, None) };
            rotated(&self.families.rotate(presented, RULES).await.unwrap());
            assert!(self.families.end(id, None).await.unwrap().is_some());
        };
        // Those of the other rules are not over yet.
        let (_, others) = self.rows().await;
        for _ in 0..rounds {
            stream::iter(0..logins).for_each_concurrent(16, login).await;
            let rows = i64::try_from(logins).unwrap();
            assert_eq!(self.rows().await, (rows, rows + others));
            over.clean_up(RULES).await.unwrap();
            self.revocations.clean_up().await.unwrap();
            assert_eq!(self.rows().await, (0, others));
        }
    }

    async fn rows(&self) -> (i64, i64) {
        let counts = self.database.read(|mut database| {
            Box::pin(async move {
                let count = "SELECT (SELECT count(*) FROM refresh_families),
                     (SELECT count(*) FROM revocations WHERE kind = 'family')";
                database.query(count).one::<(i64, i64)>().await
            })
        });
        counts.await.unwrap()
    }
}
