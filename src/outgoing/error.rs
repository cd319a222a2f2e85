//! Why a request brought no response.

use std::io::ErrorKind;
use thiserror::Error;

/// Why a request brought no response. No variant holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OutgoingError {
    /// What is to be asked is no URL.
    #[error("it is no http or https URL with a host, and without a user or fragment")]
    BadUrl,
    /// The host is none of the internet.
    #[error("its host has no public address, and outgoing.allow does not name it")]
    Private,
    /// No TLS.
    #[error("it is http, which is for what outgoing.allow names")]
    Plain,
    /// The host has no address.
    #[error("its host name has no address")]
    UnknownHost,
    /// Nobody responded in time.
    #[error("there was no response in time")]
    Timeout,
    /// No connection, or a broken one.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The certificate is not trusted, or there is none.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The response is too large.
    #[error("the response is larger than {} KiB", super::LARGEST / 1024)]
    TooLarge,
    /// The response is not HTTP.
    #[error("the response is not HTTP")]
    Protocol,
    /// Too many requests wait.
    #[error("too many requests wait to be sent")]
    Busy,
    /// No authorities to trust.
    #[error("the system has no certificates of authorities; install them, or set outgoing.ca_file")]
    NoRoots,
    /// A status that is not 200.
    #[error("the status is {0}")]
    Status(u16),
    /// A document that cannot be used.
    #[error("the document cannot be used: {0}")]
    Document(String),
}

/// How the resolver's refusals travel through the client.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) OutgoingError);

impl From<ureq::Error> for OutgoingError {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Other(cause) => match cause.downcast::<Refused>() {
                Ok(refused) => refused.0,
                Err(cause) => Self::Connection(cause.to_string()),
            },
            ureq::Error::Timeout(_) => Self::Timeout,
            ureq::Error::HostNotFound => Self::UnknownHost,
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Self::BadUrl,
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
                Self::TooLarge
            }
            ureq::Error::Protocol(_) => Self::Protocol,
            ureq::Error::Rustls(cause) => Self::Tls(cause.to_string()),
            ureq::Error::Tls(cause) => Self::Tls(cause.to_owned()),
            ureq::Error::ConnectProxyFailed(cause) => Self::Connection(format!("proxy: {cause}")),
            ureq::Error::Io(cause) => {
                let inner = cause.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
                match inner {
                    Some(cause) => Self::Tls(cause.to_string()),
                    None if cause.kind() == ErrorKind::TimedOut => Self::Timeout,
                    None => Self::Connection(cause.to_string()),
                }
            }
            other => Self::Connection(other.to_string()),
        }
    }
}
