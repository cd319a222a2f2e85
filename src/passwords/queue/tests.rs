//! The rules of the queue, for any order of events.

use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn key(client: u8, account: u64) -> Key {
    Key { client: Origin::V4(Ipv4Addr::new(127, 0, 0, client)), account }
}

/// Queues `count` jobs with one key; those without room are dropped.
fn fill(queue: &mut FairQueue<&'static str>, key: Key, name: &'static str, count: usize) {
    for _ in 0..count {
        let _ = queue.push(key, name, 0);
    }
}

fn names(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.pop(|_| true).map(|(_, name)| name)).collect()
}

const ALONE: Full = Full { beside_others: false };
const BESIDE_OTHERS: Full = Full { beside_others: true };

#[test]
fn a_single_client_has_all_the_room() {
    let mut queue = FairQueue::new(8);
    fill(&mut queue, key(1, 1), "one", 8);
    assert_eq!(queue.len(), 8);
    assert_eq!(queue.push(key(1, 1), "one", 0), Err(ALONE));
    assert_eq!(queue.push(key(1, 1), "one", 1), Ok((9, vec![])), "one more can begin");
}

#[test]
fn clients_take_turns_and_their_accounts_do() {
    let mut queue = FairQueue::new(64);
    for name in ["a1", "a2", "a3"] {
        queue.push(key(1, 1), name, 0).unwrap();
    }
    queue.push(key(1, 2), "other account", 0).unwrap();
    for name in ["b1", "b2"] {
        queue.push(key(2, 3), name, 0).unwrap();
    }
    assert_eq!(names(&mut queue), ["a1", "b1", "other account", "b2", "a2", "a3"]);
}

#[test]
fn unready_jobs_do_not_hold_up_the_rest() {
    let mut queue = FairQueue::new(8);
    let (looked_up, _) = queue.push(key(1, 1), "later", 0).unwrap();
    queue.push(key(1, 1), "same line", 0).unwrap();
    queue.push(key(2, 1), "now", 0).unwrap();
    assert_eq!(queue.pop(|name| *name != "later"), Some((key(1, 1), "same line")));
    assert_eq!(queue.pop(|name| *name != "later"), Some((key(2, 1), "now")));
    assert_eq!(queue.pop(|name| *name != "later"), None);
    *queue.get_mut(key(1, 1), looked_up).unwrap() = "found";
    assert_eq!(queue.pop(|name| *name != "later"), Some((key(1, 1), "found")));
}

#[test]
fn the_greediests_newest_makes_room_in_a_full_queue() {
    let mut queue = FairQueue::new(4);
    for name in ["1", "2", "3", "4"] {
        queue.push(key(1, 1), name, 0).unwrap();
    }
    assert_eq!(queue.push(key(2, 2), "newcomer", 0), Ok((5, vec!["4"])));
    assert_eq!(names(&mut queue), ["1", "newcomer", "2", "3"]);
}

#[test]
fn the_smallest_queue_is_fair_too() {
    let mut queue = FairQueue::new(1);
    queue.push(key(1, 1), "under way", 0).unwrap();
    queue.pop(|_| true).unwrap();
    queue.push(key(1, 1), "waits", 0).unwrap();
    assert_eq!(queue.push(key(2, 1), "newcomer", 0), Ok((3, vec!["waits"])));
    assert_eq!(queue.push(key(1, 1), "again", 0), Err(BESIDE_OTHERS), "it has as much already");
    queue.end(key(1, 1));
    assert_eq!(queue.push(key(1, 1), "again", 0), Err(BESIDE_OTHERS), "no gain for anybody");
}

#[test]
fn a_clients_share_binds_while_others_wait() {
    let mut queue = FairQueue::new(16);
    fill(&mut queue, key(1, 1), "greedy", 3);
    queue.push(key(2, 2), "other", 0).unwrap();
    assert!(queue.push(key(1, 1), "greedy", 0).is_ok());
    assert_eq!(queue.push(key(1, 1), "greedy", 0), Err(BESIDE_OTHERS));
    assert_eq!(queue.push(key(1, 9), "its other account", 0), Ok((6, vec!["greedy"])));
    let (_, found) = queue.pop(|name| *name == "other").unwrap();
    assert_eq!(found, "other");
    assert!(queue.push(key(1, 1), "greedy", 0).is_ok(), "nobody else waits any more");
}

#[test]
fn a_flood_of_one_account_leaves_room_for_others_and_for_its_owner() {
    let mut queue = FairQueue::new(16);
    queue.push(key(1, 7), "somebody", 0).unwrap();
    fill(&mut queue, key(2, 1), "guess", 3);
    queue.push(key(3, 1), "guess", 0).unwrap();
    assert_eq!(queue.push(key(4, 1), "owner", 0).unwrap().1, ["guess"]);
    assert_eq!(queue.push(key(5, 1), "guess", 0).unwrap().1, ["guess"]);
    assert_eq!(queue.push(key(6, 1), "guess", 0), Err(BESIDE_OTHERS), "from anywhere");
    assert!(queue.push(key(6, 8), "another account", 0).is_ok());
}

#[test]
fn many_clients_with_one_account_make_room_for_another() {
    let mut queue = FairQueue::new(4);
    for client in 1..=4 {
        queue.push(key(client, 1), "guess", 0).unwrap();
    }
    assert_eq!(queue.push(key(9, 2), "newcomer", 0).unwrap().1, ["guess"]);
    assert_eq!(queue.push(key(10, 1), "guess", 0), Err(BESIDE_OTHERS));
}

#[test]
fn in_a_full_queue_accounts_of_one_client_make_room_for_each_other() {
    let mut queue = FairQueue::new(4);
    fill(&mut queue, key(1, 1), "flood", 4);
    assert_eq!(queue.push(key(1, 2), "neighbour", 0).unwrap().1, ["flood"]);
}

#[test]
fn nothing_is_kept_of_clients_that_have_gone() {
    let mut queue = FairQueue::new(4);
    for number in 0..100 {
        let key = key(number, number.into());
        let (number, _) = queue.push(key, "job", 0).unwrap();
        if key.account.is_multiple_of(2) {
            assert_eq!(queue.remove(key, number), Some("job"));
            assert_eq!(queue.remove(key, number), None);
        } else {
            queue.pop(|_| true).unwrap();
            queue.end(key);
        }
    }
    assert_eq!(queue.len(), 0);
    assert!(queue.lines.is_empty() && queue.clients.is_empty() && queue.accounts.is_empty());
    assert!(queue.of_clients.0.is_empty() && queue.of_accounts.0.is_empty());
}

/// Events of a queue.
#[derive(Clone, Copy, Debug)]
enum Event {
    Push {
        client: u8,
        account: u64,
        free: usize,
    },
    /// Jobs whose number is divisible by this are not ready.
    Pop {
        unready: u64,
    },
    /// The oldest running job.
    End,
    /// A waiting client leaves.
    Remove {
        which: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let push = (0..4_u8, 0..3_u64, 0..3_usize);
    prop_oneof![
        6 => push.prop_map(|(client, account, free)| Event::Push { client, account, free }),
        3 => (2..9_u64).prop_map(|unready| Event::Pop { unready }),
        2 => Just(Event::End),
        1 => (0..64_usize).prop_map(|which| Event::Remove { which }),
    ]
}

/// The queue beside a model of its jobs.
struct Model {
    queue: FairQueue<u64>,
    capacity: usize,
    /// In order of arrival; a job is its own number.
    waiting: Vec<(Key, u64)>,
    begun: Vec<Key>,
    last: u64,
    /// For each waiting client: how many pops each other one has had meanwhile.
    overtaken: HashMap<Origin, HashMap<Origin, usize>>,
}

impl Model {
    fn new(capacity: usize) -> Self {
        Self {
            queue: FairQueue::new(capacity),
            capacity,
            waiting: vec![],
            begun: vec![],
            last: 0,
            overtaken: HashMap::new(),
        }
    }

    fn all(&self, whose: impl Fn(&Key) -> bool) -> usize {
        let waiting = self.waiting.iter().filter(|(key, _)| whose(key)).count();
        waiting + self.begun.iter().filter(|key| whose(key)).count()
    }

    fn waiting(&self, whose: impl Fn(&Key) -> bool) -> usize {
        self.waiting.iter().filter(|(key, _)| whose(key)).count()
    }

    fn push(&mut self, key: Key, free: usize) -> Result<(), TestCaseError> {
        let share = self.capacity.div_ceil(SHARE) + free;
        let before = self.waiting(|other| other.client == key.client);
        let alone = before == self.waiting.len();
        if let Ok((number, left)) = self.queue.push(key, self.last + 1, free) {
            self.last += 1;
            prop_assert_eq!(number, self.last);
            self.make_room(key, &left)?;
            self.waiting.push((key, number));
            let now = self.waiting(|other| other.client == key.client);
            prop_assert!(alone || now <= share.max(before), "a share binds while others wait");
        } else {
            let full = self.waiting.len() >= self.capacity + free;
            let account = self.waiting(|other| other.account == key.account);
            prop_assert!(full || before >= share || account >= share, "there was room");
            // A client that has its share gets no more, even if it has few.
            if full && before < share && self.all(|other| other.account == key.account) == 0 {
                let most = self.waiting.iter().map(|(other, _)| self.of(other.client)).max();
                prop_assert!(most <= Some(self.of(key.client) + 1), "who has least is let in");
            }
        }
        prop_assert!(self.waiting.len() <= self.capacity + free.max(2));
        prop_assert_eq!(self.queue.len(), self.waiting.len());
        Ok(())
    }

    /// No client ends up with less than the newcomer because it made room.
    fn make_room(&mut self, newcomer: Key, left: &[u64]) -> Result<(), TestCaseError> {
        prop_assert!(left.len() <= 2);
        let then = self.of(newcomer.client) + 1;
        for job in left {
            let at = self.waiting.iter().position(|(_, number)| number == job).unwrap();
            let (loser, _) = self.waiting.remove(at);
            prop_assert!(loser != newcomer);
            let newer = self.waiting[at..].iter().any(|(other, _)| *other == loser);
            prop_assert!(!newer, "the newest of its line leaves");
            let had = self.of(loser.client) + 1;
            prop_assert!(had >= then || loser.client == newcomer.client);
        }
        Ok(())
    }

    /// All jobs of a client.
    fn of(&self, client: Origin) -> usize {
        self.all(|key| key.client == client)
    }

    fn pop(&mut self, unready: u64) -> Result<(), TestCaseError> {
        let ready = |job: &u64| !job.is_multiple_of(unready);
        let Some((key, job)) = self.queue.pop(ready) else {
            prop_assert!(!self.waiting.iter().any(|(_, job)| ready(job)), "somebody was ready");
            return Ok(());
        };
        let first = self.waiting.iter().find(|(other, job)| *other == key && ready(job));
        prop_assert_eq!(first, Some(&(key, job)), "in the order of their coming");
        self.waiting.retain(|(_, other)| *other != job);
        self.begun.push(key);
        for (client, overtaken) in &mut self.overtaken {
            if *client != key.client {
                *overtaken.entry(key.client).or_default() += 1;
            }
        }
        self.overtaken.remove(&key.client);
        Ok(())
    }

    /// No other client overtakes a client with a ready job twice.
    fn nobody_starves(&mut self) -> Result<(), TestCaseError> {
        let waiting: Vec<_> = self.waiting.iter().map(|(key, _)| key.client).collect();
        self.overtaken.retain(|client, _| waiting.contains(client));
        for client in waiting {
            let overtaken = self.overtaken.entry(client).or_default();
            prop_assert!(overtaken.values().all(|times| *times <= 1), "{client:?}: {overtaken:?}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bounds_and_order_hold(
        capacity in 1..12_usize,
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut model = Model::new(capacity);
        for event in events {
            match event {
                Event::Push { client, account, free } => model.push(key(client, account), free)?,
                Event::Pop { unready } => model.pop(unready)?,
                Event::End if model.begun.is_empty() => {}
                Event::End => model.queue.end(model.begun.remove(0)),
                Event::Remove { which } if !model.waiting.is_empty() => {
                    let (key, job) = model.waiting.remove(which % model.waiting.len());
                    prop_assert_eq!(model.queue.remove(key, job), Some(job));
                }
                Event::Remove { .. } => {}
            }
        }
    }

    #[test]
    fn nobody_starves(
        capacity in 1..12_usize,
        events in prop::collection::vec((any::<bool>(), 0..4_u8, 0..3_u64), 1..120),
    ) {
        let mut model = Model::new(capacity);
        for (pops, client, account) in events {
            if pops {
                // No number is divisible by this: all are ready.
                model.pop(u64::MAX)?;
                if let Some(begun) = model.begun.pop() {
                    model.queue.end(begun);
                }
            } else {
                model.push(key(client, account), 0)?;
            }
            model.nobody_starves()?;
        }
    }

    /// However many places one client takes, every other client gets one.
    #[test]
    fn a_flood_keeps_nobody_out(
        capacity in 2..64_usize,
        flood in 1..200_usize,
        newcomers in 1..8_u8,
    ) {
        let mut queue = FairQueue::new(capacity);
        for number in 0..flood {
            let _ = queue.push(key(0, number as u64 % 7), u8::MAX, 0);
        }
        for client in 1..=newcomers.min(u8::try_from(capacity - 1).unwrap()) {
            prop_assert!(queue.push(key(client, 100 + u64::from(client)), client, 0).is_ok());
        }
        let flooded = queue.push(key(0, 0), u8::MAX, 0);
        prop_assert!(flooded.is_err() || queue.len() <= capacity);
        let begun: Vec<_> = std::iter::from_fn(|| queue.pop(|_| true)).collect();
        let client = begun.iter().filter(|(_, client)| *client != u8::MAX).count();
        prop_assert_eq!(client, usize::from(newcomers).min(capacity - 1));
    }
}
