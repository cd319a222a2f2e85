//! Private keys in files, as other programs write them.

use crate::tokens::asymmetric::KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

/// What is wrong with a file of a private key. No variant holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyFileError {
    /// Encrypted with a password.
    #[error("is encrypted; decrypt it first: openssl pkey -in FILE -out NEW")]
    Encrypted,
    /// A certificate or a public key.
    #[error("has no private key, only what is public (\"BEGIN {0}\")")]
    Public(String),
    /// A format of certain programs.
    #[error("is in another format (\"BEGIN {0}\"); convert it first: {1}")]
    Format(String, &'static str),
    /// A JSON Web Key.
    #[error("is JSON; expected PEM (PKCS #8, \"BEGIN PRIVATE KEY\")")]
    Json,
    /// Something else.
    #[error("has no private key in PEM (PKCS #8, \"BEGIN PRIVATE KEY\")")]
    Nothing,
    /// Several private keys.
    #[error("has several private keys; expected one")]
    Several,
    /// Cut, or modified.
    #[error("is damaged: between \"BEGIN PRIVATE KEY\" and \"END PRIVATE KEY\" is no base64")]
    Damaged,
    /// Too small, or of a kind that is not used here.
    #[error(
        "has a key that signs no tokens here; expected Ed25519, EC on P-256, or RSA of 2048 to 4096 bits"
    )]
    Kind,
}

const BEGIN: &str = "-----BEGIN ";

impl KeyPair {
    /// The private key in a PEM file of PKCS #8 (RFC 7468 §10).
    pub fn of_pem(text: &str) -> Result<Self, KeyFileError> {
        let begin = "-----BEGIN PRIVATE KEY-----";
        let Some((_, body)) = text.split_once(begin) else { return Err(other(text)) };
        if body.contains(begin) {
            return Err(KeyFileError::Several);
        }
        let end = body.split_once("-----END PRIVATE KEY-----");
        let (body, _) = end.ok_or(KeyFileError::Damaged)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = STANDARD.decode(body.as_bytes()).map_err(|_| KeyFileError::Damaged)?;
        Self::of_pkcs8(Zeroizing::new(der)).ok_or(KeyFileError::Kind)
    }
}

/// What it is instead.
fn other(text: &str) -> KeyFileError {
    if text.trim_start().starts_with(['{', '[']) {
        return KeyFileError::Json;
    }
    let labels = text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once("-----"));
    let labels: Vec<_> = labels.map(|(label, _)| label).collect();
    let private = labels.iter().find(|label| label.ends_with("PRIVATE KEY"));
    match private {
        // As older programs mark it.
        _ if text.contains("Proc-Type: 4,ENCRYPTED") => KeyFileError::Encrypted,
        Some(&"ENCRYPTED PRIVATE KEY") => KeyFileError::Encrypted,
        Some(label @ &"OPENSSH PRIVATE KEY") => {
            KeyFileError::Format((*label).to_owned(), "ssh-keygen -p -m PKCS8 -f FILE")
        }
        Some(label @ (&"RSA PRIVATE KEY" | &"EC PRIVATE KEY")) => {
            KeyFileError::Format((*label).to_owned(), "openssl pkey -in FILE -out NEW")
        }
        _ => match labels.iter().find(|label| is_public(label)) {
            Some(label) => KeyFileError::Public((*label).to_owned()),
            None => KeyFileError::Nothing,
        },
    }
}

fn is_public(label: &str) -> bool {
    ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "TRUSTED CERTIFICATE", "CERTIFICATE REQUEST"]
        .contains(&label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyAlgorithm;

    fn fault(text: &str) -> KeyFileError {
        KeyPair::of_pem(text).err().unwrap()
    }

    fn pem(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    #[test]
    fn the_private_key_is_found_between_whatever_else_a_file_has() {
        for algorithm in KeyAlgorithm::ALL {
            let made = KeyPair::generate(algorithm).unwrap();
            let key = pem("PRIVATE KEY", &STANDARD.encode(&made.private));
            let chain = pem("CERTIFICATE", "AAAA");
            for text in [
                key.clone(),
                key.replace('\n', "\r\n"),
                format!("{chain}{key}{chain}"),
                format!("Bag Attributes\n    friendlyName: x\n{key}"),
            ] {
                let read = KeyPair::of_pem(&text).unwrap();
                assert_eq!((read.algorithm, read.kid), (algorithm, made.kid.clone()));
            }
            assert_eq!(fault(&format!("{key}{key}")), KeyFileError::Several);
            assert_eq!(fault(&key[..key.len() / 2]), KeyFileError::Damaged);
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_showing_it() {
        let old = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA";
        for (text, words) in [
            (pem("ENCRYPTED PRIVATE KEY", "AAAA"), "is encrypted"),
            (pem("RSA PRIVATE KEY", old), "is encrypted"),
            (pem("RSA PRIVATE KEY", "AAAA"), "openssl pkey"),
            (pem("EC PARAMETERS", "AAAA") + &pem("EC PRIVATE KEY", "AAAA"), "openssl pkey"),
            (pem("OPENSSH PRIVATE KEY", "AAAA"), "ssh-keygen"),
            (pem("PUBLIC KEY", "AAAA"), "only what is public"),
            (pem("CERTIFICATE", "AAAA"), "only what is public"),
            (r#"{"kty": "OKP", "d": "AAAA"}"#.to_owned(), "is JSON"),
            (String::new(), "has no private key"),
            ("AAAA\u{0}\u{ff}".to_owned(), "has no private key"),
            (pem("PRIVATE KEY", "AAAA!"), "is damaged"),
            (pem("PRIVATE KEY", "AAAA"), "expected Ed25519"),
            (pem("PRIVATE KEY", ""), "expected Ed25519"),
        ] {
            let line = fault(&text).to_string();
            assert!(line.contains(words) && !line.contains("AAAA"), "{text}: {line}");
        }
    }
}
