//! Pages and files in memory: compressed once, with an entity tag.

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ContentEncoding, ETAG, Encoding,
    EntityTag, Header as _, IfNoneMatch, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::sync::OnceLock;

// `BUNDLE`, `STYLE`, `ICON`, `REDIRECT` and `REDIRECT_SCRIPT`: Swagger UI's files, written by build.rs.
include!(concat!(env!("OUT_DIR"), "/swagger_ui.rs"));

/// A page or file with its compressed forms; a form that would not be smaller is empty.
#[derive(Clone, Debug)]
pub(super) struct Page {
    media_type: &'static str,
    /// Empty where only the compressed forms are kept.
    plain: Bytes,
    /// What `gzip` holds, once somebody wants it.
    unpacked: OnceLock<Bytes>,
    gzip: Bytes,
    brotli: Bytes,
    etag: Cow<'static, str>,
    cache_control: &'static str,
}

impl Page {
    /// A page made at start.
    pub(super) fn new(media_type: &'static str, text: String) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish()).unwrap_or_default();
        Self {
            media_type,
            plain: text.into(),
            unpacked: OnceLock::new(),
            gzip: gzip.into(),
            brotli: Bytes::new(),
            etag: Cow::Owned(format!("{:016x}", hasher.finish())),
            // The browser asks each time; the entity tag makes that cheap.
            cache_control: "no-cache",
        }
    }

    /// The answer in the form that the client likes best; 304 where it has the page already.
    pub(super) fn answer(
        &self,
        request: &HttpRequest,
        policy: Option<&'static str>,
    ) -> HttpResponse {
        let tag = EntityTag::new_weak(self.etag.clone().into_owned());
        let mut answer =
            if is_known(request, &tag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer
            .insert_header((ETAG, tag.to_string()))
            .insert_header((CACHE_CONTROL, self.cache_control))
            .insert_header((VARY, "Accept-Encoding"));
        if let Some(policy) = policy {
            answer.insert_header(("Content-Security-Policy", policy));
        }
        if is_known(request, &tag) {
            return answer.finish();
        }
        answer.insert_header((CONTENT_TYPE, self.media_type));
        let (encoding, body) = self.form(request);
        if let Some(encoding) = encoding {
            answer.insert_header((CONTENT_ENCODING, encoding));
        }
        answer.body(body.clone())
    }

    fn form(&self, request: &HttpRequest) -> (Option<&'static str>, &Bytes) {
        let accepted = AcceptEncoding::parse(request).ok();
        let accepts = |encoding: ContentEncoding| {
            let supported = [Encoding::Known(encoding), Encoding::identity()];
            let chosen =
                accepted.as_ref().and_then(|accepted| accepted.negotiate(supported.iter()));
            chosen == Some(Encoding::Known(encoding))
        };
        if !self.brotli.is_empty() && accepts(ContentEncoding::Brotli) {
            (Some("br"), &self.brotli)
        } else if !self.gzip.is_empty() && accepts(ContentEncoding::Gzip) {
            (Some("gzip"), &self.gzip)
        } else {
            (None, self.plain())
        }
    }

    fn plain(&self) -> &Bytes {
        if !self.plain.is_empty() || self.gzip.is_empty() {
            return &self.plain;
        }
        self.unpacked.get_or_init(|| {
            let mut plain = Vec::new();
            // build.rs has packed it.
            let read = GzDecoder::new(self.gzip.as_ref()).read_to_end(&mut plain);
            read.map(|_| plain.into()).unwrap_or_default()
        })
    }
}

fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn encoding(page: &Page, accept: &str) -> Option<String> {
        let request = TestRequest::get().insert_header(("Accept-Encoding", accept));
        let answer = page.answer(&request.to_http_request(), None);
        let value = answer.headers().get(CONTENT_ENCODING)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_best_form_is_sent() {
        assert_eq!(encoding(&BUNDLE, "gzip, deflate, br").as_deref(), Some("br"));
        assert_eq!(encoding(&BUNDLE, "gzip").as_deref(), Some("gzip"));
        assert_eq!(encoding(&BUNDLE, "identity"), None);
        assert_eq!(encoding(&BUNDLE, "br;q=0, gzip;q=0"), None);
        let page = Page::new("text/plain", "a".repeat(1000));
        assert_eq!(encoding(&page, "br, gzip").as_deref(), Some("gzip"));
    }

    #[test]
    fn the_plain_form_is_made_of_the_packed_one() {
        for (page, start) in [(&BUNDLE, "/*!"), (&STYLE, "."), (&REDIRECT, "<!doctype")] {
            assert!(page.plain().starts_with(start.as_bytes()));
        }
        assert!(ICON.plain().starts_with(b"\x89PNG"));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let page = Page::new("text/plain", "hello".to_owned());
        let first = page.answer(&TestRequest::get().to_http_request(), None);
        let tag = first.headers().get(ETAG).unwrap().clone();
        let again = TestRequest::get().insert_header(("If-None-Match", tag)).to_http_request();
        assert_eq!(page.answer(&again, None).status(), 304);
    }
}
