//! Errors of the user repository, to HTTP.

use crate::api_error::{ApiError, AuthScheme, ChallengeStyle, Reason, Refusal};
use crate::domain::{Denied, RepositoryError};

impl From<RepositoryError> for ApiError {
    fn from(error: RepositoryError) -> Self {
        let is_logged = error.is_logged();
        match error {
            RepositoryError::Exists => Self::Conflict("User already exists"),
            RepositoryError::EmailExists => Self::Conflict("E-mail address already in use"),
            RepositoryError::NotFound => Self::NotFound("User not found"),
            // A handler that knows its caller uses `failed`, which follows the profile.
            RepositoryError::Denied(Denied::Disabled) => Self::InactiveUser,
            RepositoryError::Denied(cause) => Self::Refused(Box::new(Refusal {
                reason: match cause {
                    Denied::MissingScope => Reason::InsufficientScope,
                    _ => Reason::Invalid,
                },
                scheme: AuthScheme::Bearer,
                scope: String::new(),
                style: ChallengeStyle { strict: false, realm: String::new() },
            })),
            RepositoryError::IdentityTaken => Self::Conflict("The identity is another user's"),
            RepositoryError::NoSuchIdentity => Self::NotFound("Identity not found"),
            RepositoryError::LastWayIn => {
                Self::Conflict("The user has no password and no other identity")
            }
            RepositoryError::NoSuchKey => Self::NotFound("API key not found"),
            RepositoryError::NoSuchSession => Self::NotFound("Session not found"),
            RepositoryError::KeyScope(scope) => Self::Forbidden(format!(
                "An API key can have only scopes of its owner and of the token that makes it: not `{scope}`"
            )),
            RepositoryError::TooManyKeys => {
                Self::Conflict("The user has too many API keys: revoke some first")
            }
            RepositoryError::ClientExists => Self::Conflict("Client already exists"),
            RepositoryError::NoSuchClient => Self::NotFound("Client not found"),
            RepositoryError::BadClient(fault) => Self::ClientMetadata(fault),
            RepositoryError::ClientScope(scope) => Self::Forbidden(format!(
                "Whoever changes a client must hold all its scopes, and `users:read` if it may introspect, by \
                 the token as well: not `{scope}`"
            )),
            RepositoryError::TooManyClients => {
                Self::Conflict("There are too many clients: delete some first")
            }
            RepositoryError::OwnPassword => Self::Forbidden(
                "Your own password is changed by PUT /users/me/password, with the old one".into(),
            ),
            RepositoryError::LastHolder(scope) => Self::Forbidden(format!(
                "This would leave no enabled user with the scope `{scope}`"
            )),
            RepositoryError::Unavailable(cause) => {
                if !is_logged {
                    log::error!(target: "bailiwick.error", "database: {cause}");
                }
                Self::Unavailable
            }
        }
    }
}
