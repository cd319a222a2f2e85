//! What a browser was asked for before it was sent to a page, sealed into that page's URL. So any number
//! of tabs may be under way, on any server, and nothing is stored. It proves nobody's login: it may say which
//! session answered it, and counts only where that session's cookie comes along.

use crate::domain::{Session, Timestamp, UserId};
use crate::sealing::{SealError, SealingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Seconds for which a flow may go on: a page that stays open overnight still works.
const LIFE: i64 = 24 * 60 * 60;

/// What a sealed flow is for.
const PLACE: &str = "flow";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// When. A login counts as one that was asked for here if it is no earlier.
    pub started_at: Timestamp,
    /// Where to go on: a path and query on this server, without the path of `server.public_url`.
    pub target: String,
    /// The client that asks, of the authorization server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The languages to choose from, as the client sent them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    /// Whether a login is needed even if somebody is logged in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prompt_login: bool,
    /// Whether it must be a new one also where another provider already knows the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renews: bool,
    /// The only user whom the request is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<UserId>,
    /// The login that answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<FlowAnswer>,
}

/// A login in a session: another one in the same session is none of this flow's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowAnswer {
    session: String,
    auth_time: Timestamp,
}

impl FlowAnswer {
    fn by(session: &Session) -> Self {
        Self { session: session.id.to_string(), auth_time: session.auth_time }
    }
}

/// Why a flow cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FlowError {
    /// It would not fit a URL.
    #[error("the request has more than {} bytes of parameters", Flow::LONGEST)]
    TooLong,
    /// It is no place on this server.
    #[error("the target is no path on this server")]
    Target,
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Flow {
    /// The most bytes that it may hold.
    pub const LONGEST: usize = 4 * 1024;

    /// One that goes on at a path and query.
    #[must_use]
    pub fn to(target: impl Into<String>, started_at: Timestamp) -> Self {
        Self {
            started_at,
            target: target.into(),
            client_id: None,
            login_hint: None,
            ui_locales: None,
            prompt_login: false,
            renews: false,
            expects: None,
            answer: None,
        }
    }

    /// The same, answered by the login that this session has just begun with.
    #[must_use]
    pub fn answered_by(&self, session: &Session) -> Self {
        Self { answer: Some(FlowAnswer::by(session)), ..self.clone() }
    }

    /// Whether this session's login is the one that answered it.
    #[must_use]
    pub fn is_answered_by(&self, session: &Session) -> bool {
        self.answer.as_ref().is_some_and(|answer| *answer == FlowAnswer::by(session))
    }

    /// The same from now on: whoever has to log in again does so after this, however long the page was open.
    #[must_use]
    pub fn resumed(&self, now: Timestamp) -> Self {
        Self { started_at: self.started_at.max(now), ..self.clone() }
    }
}

/// Seals flows, and opens those of all servers on the database.
#[derive(Debug)]
pub struct FlowKey(SealingKey);

impl FlowKey {
    /// Takes a key that seals nothing else.
    #[must_use]
    pub fn new(key: SealingKey) -> Self {
        Self(key)
    }

    /// The flow as a text for a URL.
    pub fn seal(&self, flow: &Flow) -> Result<String, FlowError> {
        let is_plain = flow.target.bytes().all(|byte| byte.is_ascii_graphic());
        if !flow.target.starts_with('/') || !is_plain {
            return Err(FlowError::Target);
        }
        let data = serde_json::to_vec(flow).map_err(|_| FlowError::Target)?;
        if data.len() > Flow::LONGEST {
            return Err(FlowError::TooLong);
        }
        Ok(self.0.seal(PLACE, &data)?)
    }

    /// The flow of such a text, unless it is over, or nobody here has made it.
    #[must_use]
    pub fn open(&self, text: &str, now: Timestamp) -> Option<Flow> {
        let data = self.0.open(PLACE, text).ok()?;
        let flow: Flow = serde_json::from_slice(&data).ok()?;
        (now.seconds().saturating_sub(flow.started_at.seconds()) < LIFE).then_some(flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SessionId;

    fn key() -> FlowKey {
        FlowKey::new(SealingKey::random().unwrap())
    }

    #[test]
    fn a_flow_is_a_text_for_a_day() {
        let key = key();
        let flow = Flow {
            client_id: Some("app".to_owned()),
            login_hint: Some("jane@example.com".to_owned()),
            prompt_login: true,
            ..Flow::to("/oauth/authorize?state=x%20y", Timestamp(1_000))
        };
        let text = key.seal(&flow).unwrap();
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{text}");
        assert!(!text.contains("jane"));
        for now in [0, 1_000, 1_000 + LIFE - 1] {
            assert_eq!(key.open(&text, Timestamp(now)).as_ref(), Some(&flow), "{now}");
        }
        assert_eq!(key.open(&text, Timestamp(1_000 + LIFE)), None);
        for other in ["", "x", &text[1..], &text.to_uppercase()] {
            assert_eq!(key.open(other, Timestamp(1_000)), None, "{other}");
        }
        assert_eq!(self::key().open(&text, Timestamp(1_000)), None, "another server's");
    }

    #[test]
    fn a_flow_is_answered_by_one_login_and_begins_anew_where_it_goes_on() {
        let session = |id, auth_time| Session {
            id: SessionId(id),
            user: UserId(7),
            username: "jane".parse().unwrap(),
            epoch: 0,
            auth_time: Timestamp(auth_time),
            amr: "pwd".into(),
            seen: Timestamp(auth_time),
            ends_at: Timestamp(auth_time + 60),
            agent: "".into(),
        };
        let flow = Flow::to("/oauth/authorize?x", Timestamp(1_000));
        assert!(!flow.is_answered_by(&session(1, 1_000)), "nobody has");
        let (key, answered) = (key(), flow.answered_by(&session(1, 1_000)));
        let opened = key.open(&key.seal(&answered).unwrap(), Timestamp(1_001)).unwrap();
        assert!(opened.is_answered_by(&session(1, 1_000)));
        // Another session, and another login in the same one.
        for other in [session(2, 1_000), session(1, 1_001)] {
            assert!(!opened.is_answered_by(&other), "{other:?}");
        }
        for (now, started_at) in [(900, 1_000), (50_000, 50_000)] {
            assert_eq!(flow.resumed(Timestamp(now)).started_at, Timestamp(started_at));
        }
    }

    #[test]
    fn a_flow_goes_on_here_and_fits_a_url() {
        let key = key();
        for target in ["", "x", "https://evil.example", " /x", "/a b", "/a\r\nb", "/é", "\\x"] {
            let sealed = key.seal(&Flow::to(target, Timestamp(1)));
            assert_eq!(sealed, Err(FlowError::Target), "{target}");
        }
        let long = Flow::to(format!("/{}", "x".repeat(Flow::LONGEST)), Timestamp(1));
        assert_eq!(key.seal(&long), Err(FlowError::TooLong));
        let longest = Flow::to(format!("/{}", "x".repeat(Flow::LONGEST - 100)), Timestamp(1));
        assert!(key.seal(&longest).unwrap().len() < 6_000);
    }
}
