//! Explains errors of opening a database, in one line that says what to do.

use crate::settings::shown_path;
use crate::storage::StorageError;
use crate::storage::migrations::SetUpError;
use crate::storage::postgres::address::Address;
use crate::storage::postgres::pooler;
use rustls::CertificateError::{
    Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
};
use std::io;

/// An error of the driver or the migrations, in plain words.
pub(super) fn explain(address: &Address, error: &SetUpError) -> StorageError {
    let database = address.label.clone();
    let problem = match error {
        SetUpError::Newer(migration) => {
            return StorageError::Newer { database, migration: *migration };
        }
        SetUpError::Altered(migration) => {
            return StorageError::Altered { database, migration: *migration };
        }
        SetUpError::Absent => return StorageError::NoTables { database },
        SetUpError::Foreign => "holds the tables of another program".to_owned(),
        SetUpError::Sql(sqlx::Error::Io(error)) => unreached(address, error),
        SetUpError::Sql(sqlx::Error::Tls(error)) => tls(&error.to_string()),
        SetUpError::Sql(sqlx::Error::Database(error)) => refusal(&**error),
        SetUpError::Sql(sqlx::Error::Configuration(problem)) => problem.to_string(),
        SetUpError::Sql(error) => error.to_string(),
    };
    StorageError::unusable(database, problem)
}

/// The refusal of the server, or of a pooler in between.
fn refusal(error: &dyn sqlx::error::DatabaseError) -> String {
    let said = error.message();
    // Statements that were prepared in another session; and PgBouncer's own messages.
    let pooled = matches!(error.code().as_deref(), Some("26000" | "42P05"))
        || said.contains("statement pooling mode");
    if pooled {
        return pooler::ADVICE.to_owned();
    }
    if said.starts_with("unsupported startup parameter") {
        return format!(
            "is behind a pooler that says: {said}; leave `options` out of database.url (and \
             PGOPTIONS), or add it to ignore_startup_parameters (PgBouncer)"
        );
    }
    said.to_owned()
}

fn tls(said: &str) -> String {
    if said.contains("does not support TLS") {
        return "offers no TLS: turn it on there (ssl = on), or, if nobody in between can listen \
                or interfere, write sslmode=disable in database.url"
            .to_owned();
    }
    format!("TLS failed: {said}")
}

fn unreached(address: &Address, error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(cause)) => certificate(address, cause),
        Some(cause) => format!("TLS failed: {cause}"),
        None => {
            let unreadable = address.files.iter().find_map(|(name, file)| {
                let cause = file.read().err()?;
                Some(format!("{name} {}: cannot be read: {cause}", shown_path(file.path())))
            });
            unreadable.unwrap_or_else(|| format!("cannot be reached: {error}"))
        }
    }
}

fn certificate(address: &Address, cause: &rustls::CertificateError) -> String {
    let root = address.files.iter().find(|(name, _)| *name == "sslrootcert");
    match (cause, root) {
        (UnknownIssuer, None) => {
            "the server's certificate is signed by an unknown authority: name the file with that \
             authority's certificate as sslrootcert=FILE in database.url"
                .to_owned()
        }
        (UnknownIssuer, Some((_, file))) => format!(
            "the server's certificate is signed by no authority in sslrootcert {}",
            file.path().display()
        ),
        (NotValidForName | NotValidForNameContext { .. }, _) => {
            let names = match cause {
                NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                    format!(" (but for {})", presented.join(", "))
                }
                _ => String::new(),
            };
            format!(
                "the server's certificate is not for the host name {}{names}: use a name in \
                 database.url that it is for, or sslmode=verify-ca, which compares no names",
                address.hosts
            )
        }
        (Expired | ExpiredContext { .. }, _) => "the server's certificate has expired".to_owned(),
        // webpki's term for a certificate made by `openssl req -x509`.
        (other, _) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "the server's certificate is an authority's own: give the server one that an authority \
             has signed, and name the authority's as sslrootcert=FILE in database.url"
                .to_owned()
        }
        (other, _) => format!("the server's certificate cannot be trusted: {other}"),
    }
}
