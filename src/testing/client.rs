//! The client of a test.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;
use tokio::sync::oneshot;
use ureq::Agent;
use ureq::http::Request as HttpRequest;

/// Longer than any response should take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request that has not been sent.
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub(super) fn new(method: &str, url: String) -> Self {
        Self { method: method.to_owned(), url, headers: Vec::new(), body: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an access token, or an API key.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With HTTP Basic.
    #[must_use]
    pub fn basic(self, username: &str, password: &str) -> Self {
        let credentials = BASE64_STANDARD.encode(format!("{username}:{password}"));
        self.header("authorization", &format!("Basic {credentials}"))
    }

    /// With a JSON body.
    ///
    /// # Panics
    ///
    /// If the value is none in JSON.
    #[must_use]
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.body("application/json", serde_json::to_vec(body).expect("a value in JSON"))
    }

    /// With the body of an HTML form.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        self.body("application/x-www-form-urlencoded", body.finish().into_bytes())
    }

    /// With any body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// Sends it. Redirects are not followed, and every status is a response.
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub async fn send(self) -> Response {
        let told = format!("{self:?}");
        let (sender, answer) = oneshot::channel();
        // Blocking, in a thread of its own: any executor may wait for it.
        std::thread::spawn(move || {
            // Nobody may wait any more.
            let _ = sender.send(self.run());
        });
        let answer = answer.await.unwrap_or_else(|_| panic!("{told}: it could not be sent"));
        answer.unwrap_or_else(|error| panic!("{told}: {error}"))
    }

    fn run(self) -> Result<Response, ureq::Error> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE));
        let agent = Agent::new_with_config(config.build());
        let mut request = HttpRequest::builder().method(self.method.as_str()).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut found = match self.body {
            Some(body) => {
                let request = agent.configure_request(request.body(body)?);
                agent.run(request.allow_non_standard_methods(true).build())
            }
            None => agent.run(request.body(())?),
        }?;
        let headers = found.headers().iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok(Response {
            status: found.status().as_u16(),
            headers: headers.collect(),
            body: found.body_mut().with_config().limit(u64::MAX).read_to_vec()?,
        })
    }
}

/// Headers may hold credentials.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// A response, read to its end.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as a text.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// The body, read from JSON.
    ///
    /// # Panics
    ///
    /// If it is none, or another value; the message has the body.
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let read = serde_json::from_slice(&self.body);
        read.unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text()))
    }
}
