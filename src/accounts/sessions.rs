//! Sessions of browsers: started by a login, found by their cookie, listed, ended.

use crate::accounts::{AccountError, Accounts, Audit, Author};
use crate::domain::{
    AuditAction, AuditEntry, Clock, KeyHash, NewSession, RepositoryError, Secret, Sender, Session,
    SessionId, SessionRules, Sessions, Timestamp, User, UserRepository, Username,
};
use crate::tokens::{new_session_secret, session_secret_hash};
use std::sync::Arc;

/// The sessions of browsers.
#[derive(Clone)]
pub struct BrowserSessions {
    sessions: Arc<dyn Sessions>,
    users: Arc<dyn UserRepository>,
    clock: Arc<dyn Clock>,
    audit: Audit,
}

/// A login that a session begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewLogin<'a> {
    /// How the user proved who it is, in words of RFC 8176, separated by spaces.
    pub(crate) amr: &'a str,
    /// What the session cookie of the browser was, if it had one.
    pub(crate) before: Option<&'a str>,
    /// When the login was asked for: it counts as no earlier.
    pub(crate) not_before: Timestamp,
    /// How the session lives.
    pub(crate) rules: SessionRules,
}

/// A browser's session and its user, who is enabled.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    pub(crate) user: Arc<User>,
}

impl BrowserSessions {
    /// Takes the sessions, and the users and the audit log of these accounts.
    #[must_use]
    pub fn new(sessions: Arc<dyn Sessions>, accounts: &Accounts) -> Self {
        let Accounts { users, clock, audit, .. } = accounts.clone();
        Self { sessions, users, clock, audit }
    }

    /// Begins a session for a user who has logged in; returns it and its new cookie. `None` for a
    /// user who is disabled, or whose tokens were ended meanwhile.
    pub(crate) async fn start(
        &self,
        user: &User,
        login: NewLogin<'_>,
        sender: &Sender,
    ) -> Result<Option<(Session, Secret)>, RepositoryError> {
        let (secret, hash) = new_session_secret();
        let new = NewSession {
            hash,
            before: login.before.and_then(session_secret_hash),
            id: SessionId(rand::random()),
            user: user.id,
            epoch: user.epoch,
            amr: login.amr.into(),
            agent: agent(sender),
            not_before: login.not_before,
            rules: login.rules,
        };
        let Some(session) = self.sessions.begin(new).await? else { return Ok(None) };
        let entry = AuditEntry::of(AuditAction::SessionStart)
            .by_request(sender)
            .who(user.username.as_str())
            .detail("session_id", session.id.to_string())
            .detail("amr", login.amr);
        self.audit.tell(entry);
        Ok(Some((session, secret)))
    }

    /// The session of a cookie, and its user; the use is noted.
    pub(crate) async fn of_cookie(
        &self,
        cookie: &str,
    ) -> Result<Option<SignedIn>, RepositoryError> {
        let Some(hash) = session_secret_hash(cookie) else { return Ok(None) };
        let Some(session) = self.sessions.find(hash).await? else { return Ok(None) };
        let Some(user) = self.user_of(&session).await? else { return Ok(None) };
        if session.is_due(self.clock.now()) {
            self.note_use(hash).await;
        }
        Ok(Some(SignedIn { session, user }))
    }

    /// A use that cannot be noted is one all the same: the database may take no writes.
    async fn note_use(&self, hash: KeyHash) {
        if let Err(cause) = self.sessions.touch(hash).await {
            log::debug!("the use of a session is not noted: {cause}");
        }
    }

    /// The user of a session; `None` if its tokens were ended a moment ago.
    async fn user_of(&self, session: &Session) -> Result<Option<Arc<User>>, RepositoryError> {
        let is_its = |user: &Arc<User>| {
            user.id == session.user && user.epoch == session.epoch && !user.disabled
        };
        let found = self.users.find_by_id(session.user, &session.username).await?;
        if let Some(user) = found.filter(is_its) {
            return Ok(Some(user));
        }
        // What is in memory may be a second old.
        let found = self.users.find_now(session.user, &session.username).await?;
        Ok(found.filter(is_its))
    }

    /// The living sessions of a user, the one used last first; [`RepositoryError::NotFound`] without
    /// the user.
    pub(crate) async fn list(&self, username: &Username) -> Result<Vec<Session>, RepositoryError> {
        let user = self.users.find(username).await?.ok_or(RepositoryError::NotFound)?;
        self.sessions.list(user.id).await
    }

    /// Ends a session of this user.
    pub(crate) async fn end(
        &self,
        id: SessionId,
        owner: &Username,
        author: &Author,
    ) -> Result<(), AccountError> {
        let ended = self.sessions.end(id, owner, author.actor()).await.map_err(AccountError::from);
        let entry = AuditEntry::of(AuditAction::SessionEnd)
            .whom(owner.as_str())
            .detail("session_id", id.to_string());
        let reason = ended.as_ref().err().map(AccountError::reason);
        self.audit.tell_change(entry, author, reason);
        ended
    }

    /// Ends all sessions of a user but this one.
    pub(crate) async fn end_others(
        &self,
        signed_in: &SignedIn,
        author: &Author,
    ) -> Result<u64, AccountError> {
        let SignedIn { session, user } = signed_in;
        let ended = self.sessions.end_others(user.id, session.id).await;
        let ended = ended.map_err(AccountError::from);
        let entry = AuditEntry::of(AuditAction::SessionEnd).whom(user.username.as_str());
        let entry = match &ended {
            Ok(count) => entry.detail("sessions", count.to_string()),
            Err(_) => entry,
        };
        let reason = ended.as_ref().err().map(AccountError::reason);
        self.audit.tell_change(entry, author, reason);
        ended
    }
}

/// What the browser calls itself: printable ASCII that needs no escape where it is written.
fn agent(sender: &Sender) -> Box<str> {
    let text = sender.user_agent.as_deref().unwrap_or_default();
    let plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    text.chars().filter(plain).take(Session::LONGEST_AGENT).collect::<String>().into()
}
