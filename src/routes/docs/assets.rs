//! Pages and files in memory, compressed at start or at build time, with entity tags.

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ContentEncoding, ETAG, Encoding,
    EntityTag, Header as _, IfNoneMatch, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::sync::OnceLock;

// `BUNDLE`, `STYLE` and `ICON`: Swagger UI's files, written by build.rs.
#[cfg(feature = "swagger-ui")]
include!(concat!(env!("OUT_DIR"), "/swagger_ui.rs"));

/// A page or file, in the encodings that clients accept.
#[derive(Clone, Debug)]
pub(super) struct Page {
    media_type: &'static str,
    /// `None` if the binary has packed forms only.
    plain: Option<Bytes>,
    /// The plain form in that case, once requested.
    unpacked: OnceLock<Bytes>,
    /// `None` where compression gains nothing.
    gzip: Option<Bytes>,
    brotli: Option<Bytes>,
    etag: Cow<'static, str>,
    cache_control: &'static str,
}

impl Page {
    /// A page made at start.
    pub(super) fn new(media_type: &'static str, text: String) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            media_type,
            gzip: Some(gzip(text.as_bytes())),
            brotli: None,
            plain: Some(text.into()),
            unpacked: OnceLock::new(),
            etag: Cow::Owned(format!("{:016x}", hasher.finish())),
            // The browser revalidates each time; the entity tag makes that cheap.
            cache_control: "no-cache",
        }
    }

    /// The response in the client's preferred encoding; 304 if the client already has the page.
    pub(super) fn response(
        &self,
        request: &HttpRequest,
        policy: Option<&'static str>,
    ) -> HttpResponse {
        let tag = EntityTag::new_weak(self.etag.clone().into_owned());
        let mut response =
            if is_known(request, &tag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, tag.to_string()))
            .insert_header((CACHE_CONTROL, self.cache_control))
            .insert_header((VARY, "Accept-Encoding"));
        if let Some(policy) = policy {
            response.insert_header(("Content-Security-Policy", policy));
        }
        if is_known(request, &tag) {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, self.media_type));
        let (encoding, body) = self.form(request);
        if let Some(encoding) = encoding {
            response.insert_header((CONTENT_ENCODING, encoding));
        }
        response.body(body.clone())
    }

    /// The smallest form the client accepts.
    fn form(&self, request: &HttpRequest) -> (Option<ContentEncoding>, &Bytes) {
        let accepted = AcceptEncoding::parse(request).ok();
        let takes = |encoding: ContentEncoding| {
            let supported = [Encoding::Known(encoding), Encoding::identity()];
            let chosen =
                accepted.as_ref().and_then(|accepted| accepted.negotiate(supported.iter()));
            chosen == Some(Encoding::Known(encoding))
        };
        for (encoding, form) in
            [(ContentEncoding::Brotli, &self.brotli), (ContentEncoding::Gzip, &self.gzip)]
        {
            if let Some(form) = form.as_ref().filter(|_| takes(encoding)) {
                return (Some(encoding), form);
            }
        }
        (None, self.plain())
    }

    fn plain(&self) -> &Bytes {
        let unpack = || self.gzip.as_deref().map(gunzip).unwrap_or_default();
        self.plain.as_ref().unwrap_or_else(|| self.unpacked.get_or_init(unpack))
    }
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    gzip.write_all(plain).and_then(|()| gzip.finish()).unwrap_or_default().into()
}

/// Unpacks what the build has packed.
fn gunzip(packed: &[u8]) -> Bytes {
    let mut plain = GzDecoder::new(Vec::new());
    plain.write_all(packed).and_then(|()| plain.finish()).unwrap_or_default().into()
}

fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        None => false,
    }
}

#[cfg(feature = "swagger-ui")]
#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn encoding(page: &Page, accept: &str) -> Option<String> {
        let request = TestRequest::get().insert_header(("Accept-Encoding", accept));
        let response = page.response(&request.to_http_request(), None);
        let value = response.headers().get(CONTENT_ENCODING)?;
        Some(value.to_str().unwrap().to_owned())
    }

    fn bytes<'a>(page: &'a Page, accept: &'static str) -> &'a Bytes {
        let request = TestRequest::get().insert_header(("Accept-Encoding", accept));
        page.form(&request.to_http_request()).1
    }

    #[test]
    fn the_smallest_accepted_form_is_sent() {
        let made = Page::new("text/plain", "a".repeat(1000));
        for (page, best) in [(&BUNDLE, "br"), (&made, "gzip")] {
            assert_eq!(encoding(page, "gzip, deflate, br").as_deref(), Some(best));
            assert_eq!(encoding(page, "gzip").as_deref(), Some("gzip"));
            assert_eq!(encoding(page, "identity"), None);
            assert_eq!(encoding(page, "br;q=0, gzip;q=0"), None);
        }
        assert_eq!(encoding(&made, "br"), None);
        assert_eq!(encoding(&ICON, "gzip, br"), None);
    }

    #[test]
    fn the_packed_form_is_the_plain_one() {
        let made = Page::new("text/plain", "a".repeat(1000));
        for page in [&made, &BUNDLE] {
            let (packed, plain) = (bytes(page, "gzip"), bytes(page, "identity"));
            assert!(packed.len() < plain.len() / 2);
            assert_eq!(gunzip(packed), plain);
        }
        assert!(std::str::from_utf8(bytes(&BUNDLE, "identity")).unwrap().contains("SwaggerUI"));
    }

    #[test]
    fn an_unchanged_page_is_not_sent_again() {
        let page = Page::new("text/plain", "hello".to_owned());
        let first = page.response(&TestRequest::get().to_http_request(), None);
        let tag = first.headers().get(ETAG).unwrap().clone();
        let again = TestRequest::get().insert_header(("If-None-Match", tag)).to_http_request();
        assert_eq!(page.response(&again, None).status(), 304);
    }
}
