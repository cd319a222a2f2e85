//! Hashing and verifying, with vectors of other implementations.

use super::*;

fn settings() -> PasswordSettings {
    PasswordSettings {
        bcrypt_cost: 5,
        hash_threads: NonZeroUsize::new(2),
        ..PasswordSettings::default()
    }
}

fn passwords() -> Passwords {
    Passwords::new(&settings()).unwrap()
}

async fn matches(password: &str, hash: &str) -> bool {
    let hash = hash.parse().unwrap();
    passwords().verify(Secret::new(password), Some(hash)).await.unwrap().matches
}

#[tokio::test]
async fn new_hashes_verify() {
    let passwords = passwords();
    let hash = passwords.hash(Secret::new("swordfish")).await.unwrap();
    assert!(hash.expose().starts_with("$2b$05$"));
    let right = passwords.verify(Secret::new("swordfish"), Some(hash.clone())).await.unwrap();
    assert_eq!(right, Verdict { matches: true, needs_rehash: false });
    let wrong = passwords.verify(Secret::new("swordfisH"), Some(hash.clone())).await.unwrap();
    assert_eq!(wrong, Verdict { matches: false, needs_rehash: false });
    assert_ne!(passwords.hash(Secret::new("swordfish")).await.unwrap(), hash, "salted");
}

/// Made with crypt(3) of libxcrypt.
#[tokio::test]
async fn hashes_of_other_implementations_verify() {
    for prefix in ["$2a", "$2b", "$2x", "$2y"] {
        let hash = format!("{prefix}$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
        assert!(matches("U*U", &hash).await, "{prefix}");
        assert!(!matches("U*V", &hash).await, "{prefix}");
    }
    for prefix in ["$2a", "$2b", "$2y"] {
        let hash = format!("{prefix}$05$/OK.fbVrR/bpIqNJ5ianF.crQZGxQ7hWEf.fNKRjrYcudfgPvGbVK");
        assert!(matches("£", &hash).await, "{prefix}");
    }
}

/// The flaw behind `$2x$` made hashes of different passwords equal: it is not reproduced.
#[tokio::test]
async fn the_flaw_of_2x_is_not_imitated() {
    assert!(!matches("£", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.ZWGqVwLKgsYeGeOWNzCYbZCI.oWeH2C").await);
}

#[tokio::test]
async fn legacy_hashes_stop_at_72_bytes() {
    let hash = "$2a$05$abcdefghijklmnopqrstuucInKr3IboNwd.uyBCOF.k5jbgnj4BlS";
    let password = "0123456789".repeat(7) + "ab";
    assert!(matches(&password, hash).await);
    assert!(matches(&(password.clone() + "chars after 72 are ignored"), hash).await);
    assert!(!matches(&password[..71], hash).await);
}

#[tokio::test]
async fn padding_bits_are_ignored() {
    let stray = "$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX";
    assert!(matches("U*U", stray).await);
    assert!(!matches("U*V", stray).await);
}

#[tokio::test]
async fn older_and_cheaper_hashes_are_to_be_renewed() {
    let cheap = Passwords::new(&PasswordSettings { bcrypt_cost: 4, ..settings() }).unwrap();
    let hash = cheap.hash(Secret::new("swordfish")).await.unwrap();
    let y: PasswordHash = hash.expose().replacen("$2b", "$2y", 1).parse().unwrap();
    let verify = async |by: &Passwords, password: &str, hash: &PasswordHash| {
        by.verify(Secret::new(password), Some(hash.clone())).await.unwrap()
    };
    let renew = Verdict { matches: true, needs_rehash: true };
    assert_eq!(verify(&passwords(), "swordfish", &hash).await, renew);
    assert_eq!(verify(&cheap, "swordfish", &y).await, renew);
    assert!(!verify(&cheap, "swordfish", &hash).await.needs_rehash);
    assert!(!verify(&passwords(), "wrong", &hash).await.needs_rehash);
    let dear = passwords().hash(Secret::new("swordfish")).await.unwrap();
    assert!(!verify(&cheap, "swordfish", &dear).await.needs_rehash, "never made cheaper");
}

#[tokio::test]
async fn an_unknown_user_costs_one_operation_like_a_wrong_password() {
    let passwords = passwords();
    let hash = passwords.hash(Secret::new("swordfish")).await.unwrap();
    let nul = "swordfish\0".to_owned();
    let long = "a".repeat(LONGEST_VERIFIED + 1);
    let mut before = passwords.operations();
    for hash in [Some(hash), None] {
        for password in ["wrong", "", &nul, &long] {
            let verdict = passwords.verify(Secret::new(password), hash.clone()).await.unwrap();
            assert_eq!(verdict, Verdict { matches: false, needs_rehash: false });
            assert_eq!(passwords.operations(), before + 1);
            before += 1;
        }
    }
}

/// Counted in rounds of bcrypt, which say more than times do.
#[tokio::test]
async fn every_stored_hash_costs_as_much_as_a_new_one() {
    let passwords = Passwords::new(&PasswordSettings { bcrypt_cost: 7, ..settings() }).unwrap();
    let of = async |cost| {
        let by = Passwords::new(&PasswordSettings { bcrypt_cost: cost, ..settings() }).unwrap();
        Some(by.hash(Secret::new("swordfish")).await.unwrap())
    };
    let too_dear = Some(hash_of_cost(31));
    let stored = [None, of(4).await, of(6).await, of(7).await, too_dear.clone()];
    for hash in stored {
        for password in ["swordfish", "wrong", "", "a\0b", &"a".repeat(LONGEST_VERIFIED + 1)] {
            let before = passwords.rounds();
            let verdict = passwords.verify(Secret::new(password), hash.clone()).await.unwrap();
            let right = password == "swordfish" && hash.is_some() && hash != too_dear;
            assert_eq!(verdict.matches, right, "{password:?}");
            // The thread counts just after the response.
            while passwords.rounds() - before < 1 << 7 {
                tokio::task::yield_now().await;
            }
            assert_eq!(passwords.rounds() - before, 1 << 7);
        }
    }
}

fn hash_of_cost(cost: u32) -> PasswordHash {
    BcryptHash::new(cost, [0; _], [0; _]).unwrap().into()
}

#[tokio::test]
async fn the_cost_of_verified_and_imported_hashes_is_bounded() {
    for (cost, imported, verified) in [(4, 14, 16), (12, 14, 16), (15, 17, 17), (30, 31, 31)] {
        let by = Passwords::new(&PasswordSettings { bcrypt_cost: cost, ..settings() }).unwrap();
        assert_eq!((by.highest_imported_cost(), by.highest_verified_cost()), (imported, verified));
    }
    let passwords = passwords();
    let before = passwords.operations();
    for cost in [17, 31] {
        let password = Secret::new("swordfish");
        let verdict = passwords.verify(password, Some(hash_of_cost(cost))).await.unwrap();
        assert_eq!(verdict, Verdict { matches: false, needs_rehash: false });
    }
    assert_eq!(passwords.operations() - before, 2, "and they cost what all do");
}

#[tokio::test]
async fn hash_never_hashes_less_than_was_given() {
    let passwords = passwords();
    assert!(passwords.hash(Secret::new("a".repeat(71))).await.is_ok());
    let long = passwords.hash(Secret::new("a".repeat(72))).await;
    assert!(matches!(long, Err(PasswordError::TooLong)));
    let nul = passwords.hash(Secret::new("a\0b")).await;
    assert!(matches!(nul, Err(PasswordError::Nul)));
    assert_eq!(passwords.operations(), 1, "refused before they cost anything");
    assert_eq!(passwords.queued(), 0);
}

#[test]
fn a_cost_out_of_bounds_names_the_key() {
    for cost in [0, 3, 32, 100, u32::MAX] {
        let error = Passwords::new(&PasswordSettings { bcrypt_cost: cost, ..settings() });
        let message = error.err().unwrap().to_string();
        assert_eq!(message, format!("`passwords.bcrypt_cost` is {cost}: expected 4 to 31"));
    }
}

#[test]
fn the_policy_can_be_turned_off_but_not_the_bounds() {
    let off = Passwords::new(&PasswordSettings { policy: false, ..settings() }).unwrap();
    assert!(off.check_policy(&Secret::new("1234")).is_ok());
    assert!(off.check_policy(&Secret::new("a\0b")).is_err());
    assert!(off.check_policy(&Secret::new("a".repeat(72))).is_err());
    assert!(passwords().check_policy(&Secret::new("1234")).is_err());
}

/// Hashes by the real libraries, of `pässwörd 1`, made by `tests/clients/foreign_hashes.py`.
fn vectors() -> Vec<(String, PasswordHash)> {
    let read = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("name"), text("hash").parse().unwrap())
    };
    include_str!("tests/vectors.jsonl").lines().map(read).collect()
}

#[tokio::test]
async fn hashes_of_other_libraries_verify_and_are_to_be_renewed() {
    let passwords = passwords();
    for (name, hash) in vectors() {
        let ours = matches!(&hash, PasswordHash::Bcrypt(hash)
            if hash.version() == BcryptVersion::B && hash.before() == Before::Nothing);
        let before = passwords.operations();
        for (password, matches) in [("pässwörd 1", true), ("pässwörd 1\0", false)] {
            let verdict =
                passwords.verify(Secret::new(password), Some(hash.clone())).await.unwrap();
            let expected = Verdict { matches, needs_rehash: matches && !ours };
            assert_eq!(verdict, expected, "{name}: {password:?}");
        }
        assert_eq!(passwords.operations() - before, 2, "{name}");
    }
}

/// SHA-crypt reads the whole password in each round: the more rounds, the shorter it may be.
#[test]
fn a_long_password_is_not_hashed_in_many_rounds() {
    for (rounds, longest) in [(5_000, LONGEST_VERIFIED), (640_000, 200), (1_000_000, 128)] {
        let hash = format!("$6$rounds={rounds}$salt${}", ".".repeat(86));
        let PasswordHash::Other(hash) = hash.parse().unwrap() else { panic!("{hash}") };
        let reads = |length| other::reads_all_of(&hash, &Secret::new("a".repeat(length)));
        assert!(reads(longest), "{rounds}");
        assert_eq!(reads(longest + 1), longest == LONGEST_VERIFIED, "{rounds}");
    }
}

/// Counted in rounds of bcrypt, which make up for what another hash costs less.
#[tokio::test]
async fn a_cheap_hash_of_another_scheme_costs_what_bcrypt_costs() {
    let sha: PasswordHash = "{SHA}/Hrn08gEogcgvDjo5YNQSGibZVE=".parse().unwrap();
    for (hash, password) in [
        (Some(sha.clone()), "pässwörd 1"),
        (Some(sha), "wrong"),
        (Some(PasswordHash::NoPassword), "!"),
        (Some(PasswordHash::NoPassword), ""),
        (Some(PasswordHash::Unreadable), ""),
        (None, ""),
    ] {
        let by = Passwords::new(&PasswordSettings { bcrypt_cost: 10, ..settings() }).unwrap();
        let verdict = by.verify(Secret::new(password), hash).await.unwrap();
        assert_eq!(verdict.matches, password == "pässwörd 1");
        // The thread counts just after it has answered; SHA-1 itself takes no more than a few rounds.
        while by.rounds() < (1 << 10) - (1 << 8) {
            tokio::task::yield_now().await;
        }
        assert!(by.rounds() <= 1 << 10);
    }
}

#[tokio::test]
async fn argon2id_hashes_and_renews_what_is_not() {
    let algorithm = HashAlgorithm::Argon2id;
    let by = Passwords::new(&PasswordSettings { algorithm, ..settings() }).unwrap();
    let new = by.hash(Secret::new("swordfish")).await.unwrap();
    assert!(new.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let cheaper = "$argon2id$v=19$m=1024,t=1,p=1$iQHI8YFefOEUhgg+OfyTcw$j1tS1K9LyocQeE11QJflthMZgXiiq9XxrAq1ZUldTAk";
    let cheaper: PasswordHash = cheaper.parse().unwrap();
    let bcrypt = passwords().hash(Secret::new("swordfish")).await.unwrap();
    for (password, hash, needs_rehash) in
        [("swordfish", &new, false), ("swordfish", &bcrypt, true), ("pässwörd 1", &cheaper, true)]
    {
        let verify = |password| by.verify(Secret::new(password), Some(hash.clone()));
        assert_eq!(verify(password).await.unwrap(), Verdict { matches: true, needs_rehash });
        assert!(!verify("wrong").await.unwrap().matches);
    }
    assert!(!by.verify(Secret::new(""), None).await.unwrap().matches);
    let back = passwords().verify(Secret::new("swordfish"), Some(new)).await.unwrap();
    assert_eq!(back, Verdict { matches: true, needs_rehash: true });
}

#[tokio::test]
async fn a_pepper_is_marked_and_needed() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, algorithm| {
        let path = folder.path().join(name);
        std::fs::write(&path, name.repeat(32)).unwrap();
        let pepper_file = Some(path.into());
        Passwords::new(&PasswordSettings { algorithm, pepper_file, ..settings() }).unwrap()
    };
    for algorithm in [HashAlgorithm::Bcrypt, HashAlgorithm::Argon2id] {
        let (by, other) = (with("a", algorithm), with("b", algorithm));
        let hash = by.hash(Secret::new("swordfish")).await.unwrap();
        let text = hash.expose();
        assert!(text.starts_with("pepper:") && text.parse().as_ref() == Ok(&hash));
        let verify = async |by: &Passwords, hash: &PasswordHash| {
            by.verify(Secret::new("swordfish"), Some(hash.clone())).await.unwrap()
        };
        let (yes, no) = (true, false);
        assert_eq!(verify(&by, &hash).await, Verdict { matches: yes, needs_rehash: no });
        let plain = passwords().hash(Secret::new("swordfish")).await.unwrap();
        assert_eq!(verify(&by, &plain).await, Verdict { matches: yes, needs_rehash: yes });
        for without in [other, passwords()] {
            assert!(without.lacks_pepper(&hash) && !by.lacks_pepper(&hash));
            assert!(!verify(&without, &hash).await.matches);
        }
        let bare: PasswordHash = text.splitn(3, ':').last().unwrap().parse().unwrap();
        assert!(!verify(&by, &bare).await.matches, "the pepper is in it");
    }
}
