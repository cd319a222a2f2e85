//! Pages for people: templates, what each is filled with, and their texts. No HTTP, and no script.
//!
//! How to add a page: its texts in a file of `texts/`, in every language; a template that extends
//! `layout.html`; a struct with a [`Frame`] and what it shows. `routes/pages` serves it.

mod account;
mod authorize;
mod brand;
mod error;
mod fault;
mod frame;
mod language;
mod login;
mod provider;
mod texts;

pub use account::{AccountPage, ConsentRow, KeyRow, SessionRow};
pub use authorize::{ChoosePage, ConsentPage, FormPostPage, SignOutPage, SignedOutPage};
pub use brand::Brand;
pub use error::ErrorPage;
pub use fault::{AccountFault, Done, Fault, LoginFault};
pub use frame::Frame;
pub use language::Language;
pub use login::LoginPage;
pub use provider::{Connected, LinkedIdentity, ProviderButton, Trouble};

use askama::Template;

/// A page as HTML; empty if it cannot be written, which only a full memory prevents.
#[must_use]
pub fn render(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::PageSettings;

    #[test]
    fn what_is_shown_is_escaped() {
        let settings =
            PageSettings { name: "<Acme> & \"Co\"".to_owned(), ..PageSettings::default() };
        let brand = Brand::new(&settings).unwrap();
        for language in [Language::En, Language::Ko] {
            let frame = Frame { language, brand: &brand, base: "/auth" };
            let fault = Some(LoginFault::Wrong);
            let page = LoginPage {
                frame,
                action: "/auth/auth/login?flow=x",
                form_token: "token",
                client: Some("<script>alert(1)</script>"),
                username: "\"><img src=x>",
                remember: Some(true),
                fault,
                providers: &[ProviderButton { name: "idp".into(), label: "<script>".into() }],
                provider_query: "",
                provider_token: "token",
            };
            let html = render(&page);
            assert!(html.contains(frame.texts().login.username), "{html}");
            for text in ["<script", "<img", "<Acme"] {
                assert!(!html.contains(text), "{html}");
            }
            assert!(html.contains("role=\"alert\"") && html.contains("checked"), "{html}");
        }
    }
}
