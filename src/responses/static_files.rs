//! A folder of files for browsers.

use crate::api_error::ApiError;
use crate::openapi::refusal;
use crate::responses::file::{NOT_FOUND, found};
use crate::responses::folder::{Found, names, part_or_whole};
use crate::security::{Guardable, Resolve, Undocumented, undocumented};
use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION};
use actix_web::web::{get, head, resource, route};
use actix_web::{HttpRequest, HttpResponse, Resource, guard};
use paperclip::actix::Mountable;
use paperclip::v2::models::{
    DefaultOperationRaw, DefaultPathItemRaw, DefaultSchemaRaw, HttpMethod, SecurityScheme,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;

/// Pages load what comes from this server only, and no inline scripts.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; \
                      form-action 'self'; frame-ancestors 'none'";
/// A picture that is opened as a page runs nothing.
const PICTURE: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// RFC 8615 §3.
const WELL_KNOWN: &str = ".well-known";

/// RFC 3986's unreserved characters are not encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The files of a folder, below `path`: Starlette's `StaticFiles(html=True)`.
///
/// ```
/// # use bailiwick::prelude::*;
/// # let folder = std::env::temp_dir();
/// let server = Server::new("shop").mount(move |routes| {
///     routes.service(static_files("/static", &folder));
/// });
/// ```
///
/// A folder is its `index.html`. Hidden files, and symbolic links that lead out of the folder, do not
/// exist. Browsers ask each time whether a file has changed (`ETag`, `Last-Modified`), which
/// [`cache_control`](StaticFiles::cache_control) changes for files with a version in their name. Pages may load
/// what comes from this server, see [`content_security_policy`](StaticFiles::content_security_policy).
///
/// With the path `/` it must be mounted last: it takes every GET that nothing before it takes.
///
/// A folder that is not there stops the start.
pub fn static_files(path: &str, folder: impl Into<PathBuf>) -> StaticFiles {
    let folder = folder.into();
    let missing = || format!("static_files({path:?}, …): there is no folder {}", folder.display());
    let fault = (!folder.is_dir()).then(missing);
    let path = path.trim_matches('/');
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    let files = Files {
        is_root: path.is_empty(),
        well_known: false,
        folder,
        cache_control: HeaderValue::from_static("no-cache"),
        policy: HeaderValue::from_static(POLICY),
    };
    StaticFiles { path, files, fault }
}

/// What [`static_files`] mounts.
#[derive(Debug)]
#[must_use = "routes.service(…) mounts it"]
pub struct StaticFiles {
    path: String,
    files: Files,
    /// Why it cannot be mounted.
    fault: Option<String>,
}

impl StaticFiles {
    /// Sets `Cache-Control`, for example `public, max-age=31536000, immutable`; pages always have `no-cache`,
    /// because they name the others. A value that no header can hold stops the start.
    pub fn cache_control(mut self, value: &str) -> Self {
        if let Some(value) = self.header(value) {
            self.files.cache_control = value;
        }
        self
    }

    /// Sets `Content-Security-Policy` of pages; see there for values that stop the start.
    pub fn content_security_policy(mut self, value: &str) -> Self {
        if let Some(value) = self.header(value) {
            self.files.policy = value;
        }
        self
    }

    /// Serves the folder's `.well-known` too (RFC 8615), although it is hidden: `security.txt`, the proof of an ACME
    /// challenge, the links of apps.
    pub fn well_known(mut self) -> Self {
        self.files.well_known = true;
        self
    }

    fn header(&mut self, value: &str) -> Option<HeaderValue> {
        let header = HeaderValue::from_str(value).ok();
        if header.is_none() {
            let fault =
                || format!("static_files({:?}, …): no header can hold {value:?}", self.path);
            self.fault = self.fault.take().or_else(|| Some(fault()));
        }
        header
    }

    fn resource(self) -> Undocumented<Resource> {
        let files = Arc::new(self.files);
        let serve = move |request: HttpRequest| {
            let files = Arc::clone(&files);
            async move {
                files.serve(&request).await.map_err(|error| match error {
                    // Below `/` it may be the path of a route that has other methods.
                    ApiError::NotFound(detail) => refusal(&request, detail),
                    error => error,
                })
            }
        };
        let all = match &*self.path {
            // Other methods are for those who are not here.
            "" => resource("/{tail:.*}").guard(guard::Any(guard::Get()).or(guard::Head())),
            path => resource(format!("{path}{{tail:(?:/.*)?}}")),
        };
        let allowed = || async {
            Err::<HttpResponse, _>(ApiError::MethodNotAllowed(vec![Method::GET, Method::HEAD]))
        };
        undocumented(
            all.route(get().to(serve.clone()))
                .route(head().to(serve))
                .default_service(route().to(allowed)),
        )
    }
}

#[derive(Debug)]
struct Files {
    is_root: bool,
    well_known: bool,
    folder: PathBuf,
    cache_control: HeaderValue,
    policy: HeaderValue,
}

impl Files {
    fn names(&self, path: &str) -> Option<Vec<String>> {
        match path.strip_prefix(WELL_KNOWN).and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) if self.well_known => {
                let all = names(rest)?.into_iter();
                Some(std::iter::once(WELL_KNOWN.to_owned()).chain(all).collect())
            }
            _ => names(path),
        }
    }

    async fn serve(&self, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
        // Empty, or with a slash at its beginning; not so below `/`.
        let tail = request.match_info().get("tail").unwrap_or_default();
        if self.is_root && tail.starts_with('/') {
            return Err(NOT_FOUND);
        }
        let is_folder = tail.ends_with('/') || tail.is_empty() && self.is_root;
        let path = tail.strip_suffix('/').unwrap_or(tail);
        let mut all = match path.strip_prefix('/').unwrap_or(path) {
            "" if path.is_empty() => Vec::new(),
            path => self.names(path).ok_or(NOT_FOUND)?,
        };
        if is_folder {
            all.push("index.html".to_owned());
        }
        let file = match found(self.folder.clone(), all).await? {
            Found::File(file) => file,
            Found::Folder if !is_folder => return Ok(with_slash(request.path())),
            Found::Folder | Found::Nothing => return Err(NOT_FOUND),
        };
        let policy = match file.content_type().essence_str() {
            "text/html" | "application/xhtml+xml" => Some(self.policy.clone()),
            "image/svg+xml" => Some(HeaderValue::from_static(PICTURE)),
            // The server's: nothing.
            _ => None,
        };
        let is_page = file.content_type().essence_str() == "text/html";
        let file = file.prefer_utf8(true).disable_content_disposition();
        let mut response = part_or_whole(file, request);
        let headers = response.headers_mut();
        let no_cache = HeaderValue::from_static("no-cache");
        headers.insert(CACHE_CONTROL, if is_page { no_cache } else { self.cache_control.clone() });
        if let Some(policy) = policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        Ok(response)
    }
}

/// Without a slash at the end, a page's relative links would lead elsewhere. The target is relative as well:
/// it needs no host, and no prefix that a proxy strips.
fn with_slash(path: &str) -> HttpResponse {
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = percent_decode_str(name).collect::<Vec<_>>();
    let name = percent_encode(&name, ENCODED);
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, format!("./{name}/"))).finish()
}

impl HttpServiceFactory for StaticFiles {
    fn register(self, config: &mut AppService) {
        self.resource().register(config);
    }
}

impl Guardable for StaticFiles {
    fn register_behind<D: Resolve>(self, config: &mut AppService) {
        self.resource().register_behind::<D>(config);
    }
}

/// It is not in the document.
impl Mountable for StaticFiles {
    fn path(&self) -> &str {
        &self.path
    }

    fn operations(&mut self) -> BTreeMap<HttpMethod, DefaultOperationRaw> {
        BTreeMap::new()
    }

    fn definitions(&mut self) -> BTreeMap<String, DefaultSchemaRaw> {
        BTreeMap::new()
    }

    fn security_definitions(&mut self) -> BTreeMap<String, SecurityScheme> {
        BTreeMap::new()
    }

    /// Asked for when it is mounted, while the document is gathered: what unwinds then is the reason why the server
    /// does not start. It is no panic, which would be in the log besides.
    fn update_operations(&mut self, _: &mut BTreeMap<String, DefaultPathItemRaw>) {
        if let Some(fault) = self.fault.take() {
            resume_unwind(Box::new(fault));
        }
    }
}
