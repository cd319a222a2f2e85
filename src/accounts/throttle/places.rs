//! Where an attempt comes from, and in which buckets it counts.

use crate::domain::{Bucket, Case, Limit, Origin, Sender, Try, Username};
use aws_lc_rs::digest::{SHA256, digest};
use std::time::Duration;

/// Characters of an account's key: half of a digest is enough.
const LENGTH: usize = 32;

/// How many failures each kind of bucket takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of an account on a device that it has logged in on.
    pub known_device: Limit,
    /// Of an account in a network that it has logged in from.
    pub known_network: Limit,
    /// Of an account in any other network.
    pub unknown_network: Limit,
    /// Of an account, in all other networks together.
    pub all_unknown: Limit,
    /// Of all accounts in one network.
    pub all_accounts: Limit,
    /// Of registrations in one network.
    pub registrations: Limit,
    /// For how long a place is known after a login.
    pub known_for: Duration,
}

/// Where an attempt comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The device, by what only it can know (never its secret itself, but the hash of that).
    pub device: Option<String>,
    /// The network: 24 bits of an IPv4 address, 56 of an IPv6 address.
    network: String,
}

impl From<Origin> for Place {
    fn from(origin: Origin) -> Self {
        let network = match origin {
            Origin::V4(address) => {
                let [a, b, c, _] = address.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            Origin::V6([a, b, c, d]) => format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00),
            Origin::Local => "local".to_owned(),
            Origin::Unknown => "unknown".to_owned(),
        };
        Self { device: None, network }
    }
}

impl From<&Sender> for Place {
    fn from(sender: &Sender) -> Self {
        let device = sender.device.as_ref().map(ToString::to_string);
        Self { device, ..sender.origin.into() }
    }
}

impl Place {
    /// What is remembered of it after a login.
    pub(super) fn to_remember(&self) -> &str {
        self.device.as_deref().unwrap_or(&self.network)
    }

    /// The network, which is also the key of the bucket of all its accounts.
    pub(super) fn network(&self) -> &str {
        &self.network
    }

    /// An attempt for an account from here. A known device asks nobody but itself.
    pub(super) fn attempt(&self, limits: &Limits, account: &Account) -> Try {
        let Self { device, network } = self;
        let key = &account.key;
        let of_network = |limit| bucket(format!("{key}:{network}"), limit);
        let of_all_accounts = || bucket(network.clone(), limits.all_accounts);
        let on_device = device.iter().map(|device| {
            case(Some(device), vec![bucket(format!("{key}:{device}"), limits.known_device)])
        });
        let known = vec![of_network(limits.known_network), of_all_accounts()];
        let unknown = vec![
            of_network(limits.unknown_network),
            bucket(format!("{key}:*"), limits.all_unknown),
            of_all_accounts(),
        ];
        let elsewhere = [case(Some(network), known), case(None, unknown)];
        Try {
            username: account.username.clone(),
            folded: account.folded.clone(),
            cases: on_device.chain(elsewhere).collect(),
            known_for: limits.known_for,
        }
    }
}

/// An account as somebody names it, whether there is one or not.
pub(super) struct Account {
    /// Whatever may have been typed into the field of the name, nothing of it is stored.
    pub(super) key: String,
    username: Option<Username>,
    folded: Option<String>,
}

impl Account {
    /// `folds` says whether case is overlooked.
    pub(super) fn named(text: &str, folds: bool) -> Self {
        let username: Option<Username> = text.parse().ok();
        let folded = username.as_ref().filter(|_| folds).map(Username::folded);
        let key = folded.as_deref().unwrap_or(text);
        let digest = digest(&SHA256, key.as_bytes());
        let half = digest.as_ref().first_chunk().copied().unwrap_or_default();
        Self { key: format!("{:0LENGTH$x}", u128::from_be_bytes(half)), username, folded }
    }
}

fn bucket(key: String, limit: Limit) -> Bucket {
    Bucket { key, limit }
}

fn case(place: Option<&String>, mut buckets: Vec<Bucket>) -> Case {
    buckets.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Case { place: place.cloned(), buckets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn limits() -> Limits {
        let limit = |burst| Limit { burst, every: Duration::from_mins(1) };
        Limits {
            known_device: limit(1),
            known_network: limit(2),
            unknown_network: limit(3),
            all_unknown: limit(4),
            all_accounts: limit(5),
            registrations: limit(6),
            known_for: Duration::from_mins(1),
        }
    }

    fn place(address: &str) -> Place {
        Origin::from(address.parse::<IpAddr>().unwrap()).into()
    }

    /// A place that must be known, and the buckets with their bursts.
    type Counted = (Option<String>, Vec<(String, u32)>);

    fn counted(place: &Place) -> Vec<Counted> {
        let account = Account::named("johndoe", false);
        let short = |key: String| key.replace(&account.key, "johndoe");
        let cases = place.attempt(&limits(), &account).cases.into_iter();
        cases
            .map(|Case { place, buckets }| {
                let buckets = buckets.into_iter();
                (place, buckets.map(|it| (short(it.key), it.limit.burst)).collect())
            })
            .collect()
    }

    #[test]
    fn networks_are_24_or_56_bits() {
        assert_eq!(place("192.0.2.77"), place("192.0.2.1"));
        assert_ne!(place("192.0.2.77"), place("192.0.3.77"));
        assert_eq!(place("::ffff:192.0.2.77"), place("192.0.2.1"));
        assert_eq!(place("2001:db8:0:ab01::1"), place("2001:db8:0:abff:1::"));
        assert_ne!(place("2001:db8:0:ab01::1"), place("2001:db8:0:ac01::1"));
        assert_eq!(place("2001:db8:0:ab01::1").to_remember(), "2001:db8:0:ab00::/56");
        assert_ne!(Place::from(Origin::Local), Place::from(Origin::Unknown));
    }

    #[test]
    fn a_known_network_is_apart_from_all_the_unknown() {
        let network = "192.0.2.0/24".to_owned();
        let of = |key: &str, burst| (key.to_owned(), burst);
        let known = vec![of("192.0.2.0/24", 5), of("johndoe:192.0.2.0/24", 2)];
        let unknown =
            vec![of("192.0.2.0/24", 5), of("johndoe:*", 4), of("johndoe:192.0.2.0/24", 3)];
        let mut found = counted(&place("192.0.2.77"));
        for (_, buckets) in &mut found {
            buckets.sort();
        }
        assert_eq!(found, [(Some(network), known), (None, unknown)]);
    }

    #[test]
    fn a_known_device_asks_only_itself() {
        let on_device = Place { device: Some("device".to_owned()), ..place("192.0.2.77") };
        let found = counted(&on_device);
        let own = (Some("device".to_owned()), vec![("johndoe:device".to_owned(), 1)]);
        assert_eq!((found.len(), &found[0]), (3, &own));
        assert_eq!(on_device.to_remember(), "device");
    }

    #[test]
    fn keys_are_sorted_and_tell_no_names() {
        for case in place("192.0.2.77").attempt(&limits(), &Account::named("x", false)).cases {
            assert!(case.buckets.is_sorted_by(|one, other| one.key < other.key));
        }
        let long = "correct horse battery staple".repeat(1000);
        assert_eq!(Account::named(&long, false).key.len(), LENGTH);
    }

    #[test]
    fn case_counts_unless_it_is_overlooked() {
        let key = |name, folds| Account::named(name, folds).key;
        assert_eq!(key("Alice", true), key("aLICE", true));
        assert_ne!(key("Alice", false), key("aLICE", false));
        assert_eq!(key("alice", true), key("alice", false));
    }
}
