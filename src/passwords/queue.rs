//! A bounded queue that is shared fairly by clients, and by the accounts they ask for.
//!
//! Jobs are taken from each client in turn, and from each of a client's accounts in turn. So it
//! does not matter to a client how many jobs another one brings. In a full queue, the one with the
//! most jobs makes room for the one with the fewest.

use crate::domain::Origin;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// While others wait, a client or an account may have one of this many places.
const SHARE: usize = 4;

/// The client and account of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) client: Origin,
    /// A digest of the name: clients may send long ones.
    pub(super) account: u64,
}

/// The waiting jobs, and how many each client and each account has.
pub(super) struct FairQueue<J> {
    capacity: usize,
    waiting: usize,
    /// Those of one client for one account, oldest first and numbered; none is empty.
    lines: HashMap<Key, VecDeque<(u64, J)>>,
    /// The clients with waiting jobs, in the order of their turns, and likewise their accounts.
    clients: VecDeque<Origin>,
    accounts: HashMap<Origin, VecDeque<u64>>,
    of_clients: Loads<Origin>,
    of_accounts: Loads<u64>,
    last: u64,
}

/// There is no room, and no other has more than the newcomer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full {
    /// Whether there are jobs of other clients, or for other accounts.
    pub(super) beside_others: bool,
}

impl<J> FairQueue<J> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            waiting: 0,
            lines: HashMap::new(),
            clients: VecDeque::new(),
            accounts: HashMap::new(),
            of_clients: Loads::default(),
            of_accounts: Loads::default(),
            last: 0,
        }
    }

    /// The waiting jobs.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Queues a job; returns its number, and the jobs that had to make room for it. If `free` jobs
    /// can begin at once, that many more fit.
    pub(super) fn push(&mut self, key: Key, job: J, free: usize) -> Result<(u64, Vec<J>), Full> {
        let leave = self.room(key, free)?;
        // In this order: a client keeps its turn when its newest job replaces one of its own.
        let number = self.append(key, job);
        let newest = |line| {
            let newest = self.lines.get(&line)?.back()?.0;
            self.remove(line, newest)
        };
        Ok((number, leave.into_iter().filter_map(newest).collect()))
    }

    /// Whether a job would be queued, and the lines whose newest ones would make room for it.
    pub(super) fn room(&self, key: Key, free: usize) -> Result<Vec<Key>, Full> {
        let share = self.capacity.div_ceil(SHARE) + free;
        // Nothing else waits: all the room there is.
        let binds = |load: Load| load.waiting >= share && load.waiting < self.waiting;
        let full = || Full {
            beside_others: self.of_clients.has_other(key.client)
                || self.of_accounts.has_other(key.account),
        };
        let mut leave = Vec::new();
        if binds(self.of_clients.of(key.client)) {
            leave.push(self.greedier(key, |line| line.client == key.client).ok_or_else(full)?);
        }
        if binds(self.of_accounts.of(key.account)) {
            leave.push(self.greedier(key, |line| line.account == key.account).ok_or_else(full)?);
        }
        if leave.is_empty() && self.waiting >= self.capacity + free {
            let own = || self.greedier(key, |line| line.client == key.client);
            leave.push(self.greedier(key, |_| true).or_else(own).ok_or_else(full)?);
        }
        Ok(leave)
    }

    /// The job with this number, while it waits.
    pub(super) fn get_mut(&mut self, key: Key, number: u64) -> Option<&mut J> {
        let line = self.lines.get_mut(&key)?;
        let at = line.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        line.get_mut(at).map(|(_, job)| job)
    }

    /// Removes the job with this number, if it waits.
    pub(super) fn remove(&mut self, key: Key, number: u64) -> Option<J> {
        let line = self.lines.get_mut(&key)?;
        let at = line.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        let (_, job) = line.remove(at)?;
        self.waiting -= 1;
        self.of_clients.change(key.client, |load| load.waiting -= 1);
        self.of_accounts.change(key.account, |load| load.waiting -= 1);
        if line.is_empty() {
            self.lines.remove(&key);
            if let Some(accounts) = self.accounts.get_mut(&key.client) {
                accounts.retain(|account| *account != key.account);
                if accounts.is_empty() {
                    self.accounts.remove(&key.client);
                    self.clients.retain(|client| *client != key.client);
                }
            }
        }
        Some(job)
    }

    /// Begins the next ready job. It counts for its key until [`end`](Self::end).
    pub(super) fn pop(&mut self, ready: impl Fn(&J) -> bool) -> Option<(Key, J)> {
        let first_ready = |client: &Origin| {
            self.accounts.get(client)?.iter().find_map(|account| {
                let key = Key { client: *client, account: *account };
                let (number, _) = self.lines.get(&key)?.iter().find(|(_, job)| ready(job))?;
                Some((key, *number))
            })
        };
        let (key, number) = self.clients.iter().find_map(first_ready)?;
        let job = self.remove(key, number)?;
        if let Some(accounts) = self.accounts.get_mut(&key.client) {
            to_the_end(accounts, &key.account);
            to_the_end(&mut self.clients, &key.client);
        }
        self.of_clients.change(key.client, |load| load.begun += 1);
        self.of_accounts.change(key.account, |load| load.begun += 1);
        Some((key, job))
    }

    /// A job that had begun has ended.
    pub(super) fn end(&mut self, key: Key) {
        self.of_clients.change(key.client, |load| load.begun -= 1);
        self.of_accounts.change(key.account, |load| load.begun -= 1);
    }

    fn append(&mut self, key: Key, job: J) -> u64 {
        self.last += 1;
        self.waiting += 1;
        self.of_clients.change(key.client, |load| load.waiting += 1);
        self.of_accounts.change(key.account, |load| load.waiting += 1);
        let line = self.lines.entry(key).or_default();
        if line.is_empty() {
            let accounts = self.accounts.entry(key.client).or_default();
            if accounts.is_empty() {
                self.clients.push_back(key.client);
            }
            accounts.push_back(key.account);
        }
        line.push_back((self.last, job));
        self.last
    }

    /// Among the lines that fit, that of the client with the most jobs, then of the account with
    /// the most, if after giving one up for the newcomer they still have at least as many as it.
    ///
    /// Running jobs count, too: otherwise a client just served would look as poor as one that was
    /// not.
    fn greedier(&self, newcomer: Key, fits: impl Fn(&Key) -> bool) -> Option<Key> {
        let load = |line: &Key| {
            (self.of_clients.of(line.client).all(), self.of_accounts.of(line.account).all())
        };
        let (greediest, _) =
            self.lines.iter().filter(|(line, _)| fits(line)).max_by_key(|(line, jobs)| {
                let (client, account) = load(line);
                let newest = jobs.back().map(|(number, _)| *number);
                (client, line.client == newcomer.client, account, newest)
            })?;
        let (client, account) = load(&newcomer);
        let then = (
            client + usize::from(newcomer.client != greediest.client),
            account + usize::from(newcomer.account != greediest.account),
        );
        (then < load(greediest)).then_some(*greediest)
    }
}

fn to_the_end<T: PartialEq>(turns: &mut VecDeque<T>, who: &T) {
    if let Some(at) = turns.iter().position(|other| other == who)
        && let Some(found) = turns.remove(at)
    {
        turns.push_back(found);
    }
}

/// The number of jobs of one client or for one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    waiting: usize,
    begun: usize,
}

impl Load {
    fn all(self) -> usize {
        self.waiting + self.begun
    }
}

/// The load of each that has any.
struct Loads<K>(HashMap<K, Load>);

impl<K> Default for Loads<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Loads<K> {
    fn of(&self, who: K) -> Load {
        self.0.get(&who).copied().unwrap_or_default()
    }

    fn has_other(&self, who: K) -> bool {
        self.0.len() > usize::from(self.0.contains_key(&who))
    }

    fn change(&mut self, who: K, change: impl Fn(&mut Load)) {
        let mut load = self.of(who);
        change(&mut load);
        if load == Load::default() {
            self.0.remove(&who);
        } else {
            self.0.insert(who, load);
        }
    }
}

#[cfg(test)]
mod tests;
