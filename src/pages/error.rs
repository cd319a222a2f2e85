//! What a page says when there is nothing else to show.

use crate::pages::fault::Fault;
use crate::pages::frame::Frame;
use crate::pages::texts::Words;
use askama::Template;

/// A page with a fault, and where to go on.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// What is wrong.
    pub fault: Fault,
    /// What exactly, for a developer; in English.
    pub detail: Option<&'a str>,
    /// Where to go on, and what that is called.
    pub next: Option<(&'a str, &'a str)>,
}

impl ErrorPage<'_> {
    fn words(&self) -> Words {
        if let Fault::Provider(trouble) = self.fault {
            let (title, text) = self.frame.texts().provider.trouble(trouble);
            return Words { title, text: text.to_owned() };
        }
        self.frame.texts().error.words(self.fault)
    }
}
