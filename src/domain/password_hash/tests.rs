//! Which hashes are accepted, and why others are refused.

use super::*;

/// Hashes by the real libraries, of `pässwörd 1`, made by `tests/clients/foreign_hashes.py`.
const VECTORS: &str = include_str!("../../passwords/tests/vectors.jsonl");

fn refused(text: &str) -> String {
    text.parse::<PasswordHash>().expect_err(text).to_string()
}

fn vectors() -> Vec<String> {
    let hash = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["hash"].as_str().unwrap().to_owned()
    };
    VECTORS.lines().map(hash).collect()
}

#[test]
fn stored_hashes_round_trip() {
    for text in vectors() {
        let hash: PasswordHash = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
        let again: PasswordHash = hash.expose().parse().unwrap();
        assert_eq!(again, hash);
        assert!(text.ends_with(&again.expose()), "{text}: {}", again.expose());
        assert_eq!(format!("{again:?}"), "***");
    }
}

/// No truncated, doubled or garbled hash is accepted, nor does any cause a panic.
#[test]
fn a_damaged_hash_is_refused_or_another_one() {
    for text in vectors() {
        let hash: PasswordHash = text.parse().unwrap();
        for at in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for damaged in [
                text[..at].to_owned(),
                text[at..].to_owned(),
                format!("{}é{}", &text[..at], &text[at..]),
                format!("{}${}", &text[..at], &text[at..]),
            ] {
                if let Ok(other) = damaged.parse::<PasswordHash>() {
                    assert!(other != hash || damaged.len() < text.len(), "{damaged}");
                    assert!(other.expose().parse::<PasswordHash>().as_ref() == Ok(&other));
                }
            }
        }
    }
}

#[test]
fn a_user_without_a_password_has_an_exclamation_mark() {
    for text in ["!", "!djangos unusable ones go on", "{CRYPT}!"] {
        assert_eq!(text.parse(), Ok(PasswordHash::NoPassword), "{text}");
    }
    assert_eq!(PasswordHash::NoPassword.expose(), "!");
    assert!(PasswordHash::NoPassword.is_readable());
}

#[test]
fn no_hash_may_cost_more_than_about_a_second_or_256_mib() {
    let salt = "c2FsdHNhbHRzYWx0";
    let digest = "A".repeat(43);
    let bytes = "A".repeat(86);
    for (text, says) in [
        (format!("$argon2id$v=19$m=262145,t=1,p=1${salt}${digest}"), "argon2 with at most"),
        (format!("$argon2id$v=19$m=4294967295,t=1,p=1${salt}${digest}"), "argon2 with at most"),
        (format!("$argon2id$v=19$m=262144,t=5,p=1${salt}${digest}"), "argon2 with at most"),
        (format!("$argon2id$v=19$m=65536,t=4294967295,p=1${salt}${digest}"), "argon2 with at most"),
        (format!("$argon2id$v=19$m=65536,t=1,p=256${salt}${digest}"), "argon2 with at most"),
        (format!("argon2$argon2id$v=19$m=999999,t=1,p=1${salt}${digest}"), "argon2 with at most"),
        (
            format!("{{ARGON2}}$argon2i$v=19$m=999999,t=1,p=1${salt}${digest}"),
            "argon2 with at most",
        ),
        (format!("$scrypt$ln=19,r=8,p=1${salt}${digest}"), "scrypt with at most"),
        (format!("$scrypt$ln=18,r=8,p=3${salt}${digest}"), "scrypt with at most"),
        (format!("$scrypt$ln=255,r=8,p=1${salt}${digest}"), "scrypt with at most"),
        (format!("$scrypt$ln=1,r=4294967295,p=1${salt}${digest}"), "scrypt with at most"),
        (format!("$scrypt$ln=1,r=1,p=4294967295${salt}${digest}"), "scrypt with at most"),
        (format!("scrypt$2147483648$salt$8$1${bytes}"), "scrypt with at most"),
        (format!("scrypt:2147483648:8:1$salt${}", "0".repeat(128)), "scrypt with at most"),
        (format!("$pbkdf2-sha256$2000001${salt}${digest}"), "PBKDF2 with at most"),
        (format!("pbkdf2:sha512:1200001$salt${}", "0".repeat(128)), "1200000 with SHA-512"),
        (format!("pbkdf2_sha256$4294967295$salt${digest}="), "PBKDF2 with at most"),
        (format!("pbkdf2:sha256:99999999$salt${}", "0".repeat(64)), "PBKDF2 with at most"),
        (format!("$5$rounds=999999999$salt${}", ".".repeat(43)), "SHA-crypt with at most"),
        (format!("{{CRYPT}}$6$rounds=1000001$salt${}", ".".repeat(86)), "SHA-crypt with at most"),
    ] {
        let line = refused(&text);
        assert!(line.starts_with("costs too much") && line.contains(says), "{text}: {line}");
    }
}

#[test]
fn malformed_hashes_are_told_from_unknown_ones() {
    for (text, says) in [
        ("", "expected a bcrypt hash, or one by argon2"),
        ("swordfish", "expected a bcrypt hash, or one by argon2"),
        ("pepper:1234567:$2b$04$", "expected `pepper:`"),
        ("pepper:12345678:!", "expected `pepper:`"),
        ("pepper:12345678:pepper:12345678:$2b$04$", "expected `pepper:`"),
        ("pepper:12345678:$2b$04$", "expected a bcrypt hash: `$2a$`"),
        ("$7$unknown$", "expected a bcrypt hash, or one by argon2"),
        ("$argon2x$v=19$m=1024,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ", "expected a bcrypt hash, or"),
        ("md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "a simple digest of Django"),
        ("{CLEARTEXT}swordfish", "expected a bcrypt hash, or one by argon2"),
        ("abJnggxhB/yWI", "traditional crypt"),
        ("{CRYPT}abJnggxhB/yWI", "traditional crypt"),
        ("$2b$12$short", "expected a bcrypt hash: `$2a$`"),
        ("bcrypt$$2b$12$short", "expected a bcrypt hash: `$2a$`"),
        ("$bcrypt-sha256$v=3,t=2b,r=5$Xf1iNlRyFta8o/8Ayydbru$gd27xQmKdy9", "`$bcrypt-sha256$v=2"),
        ("$argon2id$v=18$m=1024,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ", "expected `$argon2id$v=19"),
        ("$argon2id$v=19$m=1024,t=+1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ", "expected `$argon2id$v=19"),
        ("$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ", "a digest of 16 to 64"),
        ("$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", "8 KiB a lane"),
        ("$pbkdf2-sha256$1000$c2FsdHNhbHQ$c2FsdHNhbHQ", "as long as its hash function's"),
        ("pbkdf2:md5:1000$salt$00", "expected `pbkdf2:sha256:`"),
        ("scrypt:1000:8:1$salt$00", "expected `scrypt:32768:8:1$`"),
        ("{SHA}c2FsdA==", "base64 of a digest"),
        ("{SSHA}/Hrn08gEogcgvDjo5YNQSGibZVE=", "base64 of a digest"),
        ("$apr1$salt$short", "expected `$apr1$`"),
        ("$6$salt$short", "expected `$5$` or `$6$`, perhaps `rounds=5000$`"),
    ] {
        let line = refused(text);
        assert!(line.contains(says), "{text}: {line}");
        assert!(text.len() < 8 || !line.contains(text), "{line}");
    }
    assert!(refused(&format!("$2b$12${}", "a".repeat(1100))).contains("expected a bcrypt hash"));
}
