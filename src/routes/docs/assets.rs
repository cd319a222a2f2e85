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

/// What is kept from the start.
#[derive(Clone, Debug)]
enum Form {
    /// Made at start, and packed when a client first takes it so: a packer is a third of a MiB.
    Plain(Bytes),
    Packed {
        gzip: Bytes,
        brotli: Bytes,
    },
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
        let (encoding, body) = self.form(request);
        if let Some(encoding) = encoding {
            answer.insert_header((CONTENT_ENCODING, encoding));
        }
        answer.body(body.clone())
    }

    /// The smallest form that the client takes.
    fn form(&self, request: &HttpRequest) -> (Option<ContentEncoding>, &Bytes) {
        let accepted = AcceptEncoding::parse(request).ok();
        let takes = |encoding: ContentEncoding| {
            let supported = [Encoding::Known(encoding), Encoding::identity()];
            let chosen =
                accepted.as_ref().and_then(|accepted| accepted.negotiate(supported.iter()));
            chosen == Some(Encoding::Known(encoding))
        };
        match &self.kept {
            Form::Packed { brotli, .. } if takes(ContentEncoding::Brotli) => {
                (Some(ContentEncoding::Brotli), brotli)
            }
            Form::Packed { gzip, .. } if takes(ContentEncoding::Gzip) => {
                (Some(ContentEncoding::Gzip), gzip)
            }
            Form::Packed { gzip, .. } => (None, self.made.get_or_init(|| unpack(gzip))),
            Form::Plain(plain) if takes(ContentEncoding::Gzip) => {
                (Some(ContentEncoding::Gzip), self.made.get_or_init(|| pack(plain)))
            }
            Form::Plain(plain) | Form::AsIs(plain) => (None, plain),
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

    fn bytes<'a>(page: &'a Page, accept: &'static str) -> &'a Bytes {
        let request = TestRequest::get().insert_header(("Accept-Encoding", accept));
        page.form(&request.to_http_request()).1
    }

    #[test]
    fn the_best_form_is_sent() {
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
    fn the_packed_form_is_made_of_the_plain_one() {
        let page = Page::new("text/plain", "a".repeat(1000));
        let packed = bytes(&page, "gzip");
        assert!(packed.len() < 100);
        assert_eq!(&unpack(packed), bytes(&page, "identity"));
    }

    #[test]
    fn the_plain_form_is_made_of_the_packed_one() {
        for (page, start) in [(&BUNDLE, "/*!"), (&STYLE, "."), (&REDIRECT, "<!doctype")] {
            assert!(bytes(page, "identity").starts_with(start.as_bytes()));
        }
        assert!(bytes(&ICON, "identity").starts_with(b"\x89PNG"));
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
