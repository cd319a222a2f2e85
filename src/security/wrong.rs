//! What is wrong with several parts of a request, which is told at once.

use crate::api_error::{ApiError, FieldProblem};

/// The problems of all parts.
#[derive(Default)]
pub(super) struct Wrong {
    problems: Vec<FieldProblem>,
    /// What the body is, if it is no form.
    instead: Option<String>,
}

impl Wrong {
    /// A part; `None` if it is among what is wrong. Any other error ends the matter.
    pub(super) fn part<T, E>(
        &mut self,
        read: Result<T, E>,
        told: impl FnOnce(&E) -> Option<&ApiError>,
    ) -> Result<Option<T>, E> {
        let error = match read {
            Ok(part) => return Ok(Some(part)),
            Err(error) => error,
        };
        match told(&error) {
            Some(ApiError::Validation(problems)) => self.problems.extend_from_slice(problems),
            Some(ApiError::NotAForm(problems, instead)) => {
                self.problems.extend_from_slice(problems);
                self.instead = Some(instead.clone());
            }
            _ => return Err(error),
        }
        Ok(None)
    }
}

impl From<Wrong> for ApiError {
    fn from(wrong: Wrong) -> Self {
        match wrong.instead {
            Some(instead) => Self::NotAForm(wrong.problems, instead),
            None => Self::Validation(wrong.problems),
        }
    }
}
