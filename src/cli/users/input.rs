//! Prompts: passwords without echo, yes or no.

use crate::cli::users::{Session, UsersError};
use crate::domain::Secret;
use std::io::{BufRead as _, Read as _};

/// Far longer than any password may be.
const LONGEST_LINE: u64 = 4096;

impl Session<'_> {
    /// A new password that satisfies the policy: typed twice, or the first line of standard input.
    pub(super) fn new_password(&mut self, from_input: bool) -> Result<Secret, UsersError> {
        let password = if from_input {
            self.line()?.ok_or_else(|| UsersError::failed("no password on standard input"))?
        } else if self.is_terminal {
            let ask = |prompt| rpassword::prompt_password(prompt).map_err(UsersError::failed);
            let password = ask("New password: ")?;
            // A refused one need not be typed again.
            self.check_new(&password)?;
            if ask("Again: ")? != password {
                return Err(UsersError::failed("the two passwords differ"));
            }
            password
        } else {
            return Err(UsersError::Use(
                "there is no terminal to prompt for the password; use --password-stdin".to_owned(),
            ));
        };
        self.check_new(&password)?;
        Ok(Secret::new(password))
    }

    fn check_new(&self, password: &str) -> Result<(), UsersError> {
        if password.is_empty() {
            return Err(UsersError::failed("the password is empty"));
        }
        let policy = self.store.passwords.check_policy(&Secret::new(password));
        policy.map_err(|error| UsersError::Failed(format!("password: {error}")))
    }

    /// Asks a yes/no question; anything but yes is no.
    pub(super) fn confirm(&mut self, question: &str) -> Result<bool, UsersError> {
        if !self.is_terminal {
            return Err(UsersError::Use("there is no terminal to ask; use --yes".to_owned()));
        }
        write!(self.errors, "{question} [y/N] ")?;
        self.errors.flush()?;
        let answer = self.line()?.unwrap_or_default();
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// The next line of standard input without its end; `None` when there is none.
    fn line(&mut self) -> Result<Option<String>, UsersError> {
        let mut line = Vec::new();
        (&mut self.input)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| UsersError::Failed(format!("standard input: {error}")))?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.pop_if(|last| *last == b'\n').is_some() {
            line.pop_if(|last| *last == b'\r');
        }
        String::from_utf8(line)
            .map(Some)
            .map_err(|_| UsersError::failed("standard input: expected UTF-8"))
    }
}
