//! Pages and files in memory: compressed once, at the latest when somebody asks, with an entity tag.

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

/// A page or file.
#[derive(Clone, Debug)]
pub(super) struct Page {
    media_type: &'static str,
    kept: Form,
    /// The other form, once somebody wants it.
    made: OnceLock<Bytes>,
    etag: Cow<'static, str>,
    cache_control: &'static str,
}

/// The one form that is kept from the start.
#[derive(Clone, Debug)]
enum Form {
    /// Made at start, and packed when a client first takes it so: a packer is a third of a MiB.
    Plain(Bytes),
    Gzip(Bytes),
    /// Packing gains nothing.
    AsIs(Bytes),
}

impl Page {
    /// A page made at start.
    pub(super) fn new(media_type: &'static str, text: String) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            media_type,
            kept: Form::Plain(text.into()),
            made: OnceLock::new(),
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
        let packed = if takes_gzip(request) { self.gzip() } else { None };
        if packed.is_some() {
            answer.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
        }
        answer.body(packed.unwrap_or_else(|| self.plain()).clone())
    }

    fn gzip(&self) -> Option<&Bytes> {
        match &self.kept {
            Form::Plain(plain) => Some(self.made.get_or_init(|| pack(plain))),
            Form::Gzip(gzip) => Some(gzip),
            Form::AsIs(_) => None,
        }
    }

    fn plain(&self) -> &Bytes {
        match &self.kept {
            Form::Plain(plain) | Form::AsIs(plain) => plain,
            Form::Gzip(gzip) => self.made.get_or_init(|| unpack(gzip)),
        }
    }
}

/// Memory is all that it writes to, which does not fail.
fn pack(plain: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(plain).and_then(|()| gzip.finish()).unwrap_or_default().into()
}

/// build.rs has packed it.
fn unpack(gzip: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut plain).map(|_| plain.into()).unwrap_or_default()
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let gzip = Encoding::Known(ContentEncoding::Gzip);
    let supported = [gzip.clone(), Encoding::identity()];
    AcceptEncoding::parse(request)
        .ok()
        .is_some_and(|accepted| accepted.negotiate(supported.iter()) == Some(gzip))
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
    fn a_client_that_takes_gzip_gets_gzip() {
        let made = Page::new("text/plain", "a".repeat(1000));
        for page in [&BUNDLE, &made] {
            assert_eq!(encoding(page, "gzip, deflate, br").as_deref(), Some("gzip"));
            assert_eq!(encoding(page, "gzip").as_deref(), Some("gzip"));
            assert_eq!(encoding(page, "identity"), None);
            assert_eq!(encoding(page, "br"), None);
            assert_eq!(encoding(page, "br;q=0, gzip;q=0"), None);
        }
        assert_eq!(encoding(&ICON, "gzip"), None);
    }

    #[test]
    fn the_packed_form_is_made_of_the_plain_one() {
        let page = Page::new("text/plain", "a".repeat(1000));
        let packed = page.gzip().unwrap();
        assert!(packed.len() < 100);
        assert_eq!(&unpack(packed), page.plain());
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
