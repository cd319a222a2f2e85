//! Requests that the server sends: bounded in size, time and number, to public addresses unless the settings
//! say otherwise, on threads of their own. Redirects are not followed.

mod address;
mod documents;
mod error;
mod resolver;
mod roots;
mod threads;

pub use documents::Documents;
pub use error::OutgoingError;

use crate::domain::Secret;
use crate::settings::OutgoingSettings;
use form_urlencoded::Serializer;
use resolver::{Allowed, Choosy};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use threads::Threads;
use tokio::sync::oneshot;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use ureq::http::{HeaderMap, Request as HttpRequest, Uri};
use ureq::tls::Certificate;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy};

/// The largest body of a response, in bytes.
const LARGEST: u64 = 256 * 1024;

/// The largest head of a response, in bytes.
const LARGEST_HEAD: usize = 32 * 1024;

/// How long whoever waits waits longer than a request may take: the thread says what went wrong.
const GRACE: Duration = Duration::from_millis(500);

/// A request to another server.
#[derive(Clone, Debug)]
pub struct Request {
    url: String,
    authorization: Option<Secret>,
    form: Option<Secret>,
}

impl Request {
    /// GET
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), authorization: None, form: None }
    }

    /// POST with a form.
    pub fn post<'a>(
        url: impl Into<String>,
        form: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        Self { form: Some(Secret::new(form)), ..Self::get(url) }
    }

    /// The same with this header `Authorization`.
    #[must_use]
    pub fn authorized(self, authorization: Secret) -> Self {
        Self { authorization: Some(authorization), ..self }
    }
}

/// The response of another server, whatever its status is.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// For how long it says that it can be kept.
    pub max_age: Option<Duration>,
}

/// Sends requests; cheap to clone.
#[derive(Clone)]
pub struct Outgoing(Arc<Inner>);

struct Inner {
    threads: Arc<Threads>,
    allowed: Allowed,
    proxy: Option<Proxy>,
    certificates: Option<Vec<Certificate<'static>>>,
    timeout: Duration,
    /// Made by the first request: reading the system's certificates takes its time.
    agents: OnceLock<Agents>,
}

struct Agents {
    direct: Agent,
    proxied: Option<Agent>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outgoing")
    }
}

impl Outgoing {
    /// Takes the settings; or says what is wrong with them.
    pub fn new(settings: &OutgoingSettings) -> Result<Self, String> {
        let certificates = settings.ca_file.as_ref().map(roots::of_file).transpose();
        let certificates = certificates.map_err(|cause| format!("outgoing.ca_file: {cause}"))?;
        let proxy = settings.proxy.as_ref().map(|url| Proxy::new(url.expose())).transpose();
        Ok(Self(Arc::new(Inner {
            threads: Threads::new(settings.connections.get()),
            allowed: Allowed::new(&settings.allow),
            proxy: proxy.map_err(|_| "outgoing.proxy: is no URL of a proxy".to_owned())?,
            certificates,
            timeout: Duration::from_secs(settings.timeout.get().into()),
            agents: OnceLock::new(),
        })))
    }

    /// Sends a request. It goes on if nobody waits for it any more.
    pub async fn send(&self, request: Request) -> Result<Response, OutgoingError> {
        let (tell, told) = oneshot::channel();
        self.start(request, move |result| drop(tell.send(result)))?;
        match tokio::time::timeout(self.patience(), told).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(OutgoingError::Timeout),
        }
    }

    /// How long it makes sense to wait for a request.
    fn patience(&self) -> Duration {
        self.0.timeout + GRACE
    }

    /// Sends a request on a thread that then does this with what comes back. If its turn comes too late, both
    /// are dropped.
    fn start(
        &self,
        request: Request,
        then: impl FnOnce(Result<Response, OutgoingError>) + Send + 'static,
    ) -> Result<(), OutgoingError> {
        let uri = checked(&request.url)?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let (inner, end) = (Arc::clone(&self.0), Instant::now() + self.0.timeout);
        let job = move || {
            let left = end.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                then(inner.perform(&uri, &request, left));
            }
        };
        if self.0.threads.run(&host, job) { Ok(()) } else { Err(OutgoingError::Busy) }
    }
}

/// Why no request goes to a URL, if that is known before anybody is asked: its host is an address, or this
/// machine's own name.
#[must_use]
pub fn known_refusal(settings: &OutgoingSettings, url: &str) -> Option<OutgoingError> {
    let uri = match checked(url) {
        Ok(uri) => uri,
        Err(error) => return Some(error),
    };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let address = match host.parse() {
        Ok(address) => address,
        Err(_) if host.trim_end_matches('.').eq_ignore_ascii_case("localhost") => {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
        Err(_) => return None,
    };
    let is_secure = uri.scheme_str() == Some("https");
    let addresses = [SocketAddr::new(address, 0)].into_iter();
    Allowed::new(&settings.allow).of_host(host, is_secure, addresses).err()
}

/// Any other scheme, a user or a fragment is a mistake, or somebody's trick.
fn checked(url: &str) -> Result<Uri, OutgoingError> {
    let uri: Uri = url.parse().map_err(|_| OutgoingError::BadUrl)?;
    let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    if has_scheme && has_host && !has_user && !url.contains('#') {
        Ok(uri)
    } else {
        Err(OutgoingError::BadUrl)
    }
}

impl Inner {
    fn perform(
        &self,
        uri: &Uri,
        request: &Request,
        left: Duration,
    ) -> Result<Response, OutgoingError> {
        let agent = self.agent(uri)?;
        let mut builder = HttpRequest::builder().uri(uri).header(ACCEPT, "application/json");
        if let Some(value) = &request.authorization {
            builder = builder.header(AUTHORIZATION, value.expose());
        }
        let sent = match &request.form {
            None => {
                let request = builder.body(()).map_err(|_| OutgoingError::BadUrl)?;
                agent.run(agent.configure_request(request).timeout_global(Some(left)).build())
            }
            Some(form) => {
                let builder = builder.method("POST");
                let builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                let request = builder.body(form.expose()).map_err(|_| OutgoingError::BadUrl)?;
                agent.run(agent.configure_request(request).timeout_global(Some(left)).build())
            }
        };
        let mut response = sent?;
        let status = response.status().as_u16();
        let max_age = max_age(response.headers());
        let body = response.body_mut().with_config().limit(LARGEST).read_to_vec()?;
        Ok(Response { status, body, max_age })
    }

    fn agent(&self, uri: &Uri) -> Result<&Agent, OutgoingError> {
        let agents = if let Some(agents) = self.agents.get() {
            agents
        } else {
            let made = self.make_agents()?;
            self.agents.get_or_init(|| made)
        };
        let host = uri.host().unwrap_or_default();
        match &agents.proxied {
            // Names are the proxy's to look up; an address is known here.
            Some(proxied) if !self.allowed.names(host) && !may_be_address(host) => {
                if uri.scheme_str() == Some("https") {
                    Ok(proxied)
                } else {
                    Err(OutgoingError::Plain)
                }
            }
            _ => Ok(&agents.direct),
        }
    }

    fn make_agents(&self) -> Result<Agents, OutgoingError> {
        let tls = match &self.certificates {
            Some(certificates) => roots::tls(certificates),
            None => roots::tls(&roots::of_system()?),
        };
        let config = |proxy: Option<Proxy>| {
            Agent::config_builder()
                .proxy(proxy)
                .tls_config(tls.clone())
                .http_status_as_error(false)
                .max_redirects(0)
                .max_response_header_size(LARGEST_HEAD)
                .user_agent(concat!("bailiwick/", env!("CARGO_PKG_VERSION")))
                .max_idle_connections(8)
                .max_idle_connections_per_host(2)
                .build()
        };
        let agent =
            |proxy, resolver| Agent::with_parts(config(proxy), DefaultConnector::new(), resolver);
        Ok(Agents {
            direct: agent(None, Choosy::Hosts(self.allowed.clone())),
            proxied: self.proxy.clone().map(|proxy| agent(Some(proxy), Choosy::Proxy)),
        })
    }
}

/// Whether the system may take it for an address, in whatever spelling: its last part begins with a digit.
fn may_be_address(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    host.starts_with('[') || last.starts_with(|first: char| first.is_ascii_digit())
}

/// What `Cache-Control` says (RFC 9111 §5.2.2).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(CACHE_CONTROL)?.to_str().ok()?.to_ascii_lowercase();
    let mut directives = value.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-store" | "no-cache")) {
        return Some(Duration::ZERO);
    }
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age="))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
