//! A single-page application in a real browser, at an origin of its own, behind the site with TLS.

use super::free_address;
use super::tls::{NAME, Tls};
use crate::browser::run_script;
use crate::harness::App;
use crate::signing_in::add_client;

#[test]
fn oidc_client_ts_signs_in_by_a_browser() {
    let (address, app_address) = (free_address(), free_address());
    let port = |address: &str| address.rsplit_once(':').expect("a port").1.to_owned();
    let url = format!("https://{NAME}:{}", port(&address));
    let page = format!("https://app.example.com:{}", port(&app_address));
    let app = App::demo().config(&format!("[server]\npublic_url = '{url}'\n")).spawn();
    let uris = ["/", "/silent"].map(|path| format!("{page}{path}"));
    let redirects = ["--redirect-uri", &uris[0], "--redirect-uri", &uris[1]];
    let more = ["--post-logout-redirect-uri", &uris[0], "--auth-method", "none"];
    add_client(&app, "spa", &[redirects, more].concat());
    let tls = Tls::at(&address, app, |text| text);
    let [certificate, key] = tls.certificate();
    run_script("single_page.mjs", &[&url, &page, &certificate, &key]);
}
