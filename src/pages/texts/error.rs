//! Texts of the page that says what is wrong.

use super::soon;
use crate::pages::fault::Fault;

/// What is wrong, and what to do about it.
pub struct Words {
    /// In a few words.
    pub title: &'static str,
    /// In a sentence or two.
    pub text: String,
}

/// In one language.
pub struct Texts {
    request: (&'static str, &'static str),
    form: (&'static str, &'static str),
    missing: (&'static str, &'static str),
    forbidden: (&'static str, &'static str),
    throttled: (&'static str, fn(u64) -> String),
    busy: (&'static str, &'static str),
    internal: (&'static str, &'static str),
}

impl Texts {
    /// The words for a fault.
    pub fn words(&self, fault: Fault) -> Words {
        let (title, text) = match fault {
            Fault::Request => self.request,
            Fault::Form => self.form,
            Fault::Missing => self.missing,
            Fault::Forbidden => self.forbidden,
            Fault::Throttled(seconds) => {
                let (title, text) = self.throttled;
                return Words { title, text: text(seconds) };
            }
            Fault::Busy => self.busy,
            Fault::Provider(_) | Fault::Internal => self.internal,
        };
        Words { title, text: text.to_owned() }
    }
}

/// English
pub const EN: Texts = Texts {
    request: (
        "This link does not work",
        "Something in the address or the form is missing or wrong. Go back and try again; if a link \
         brought you here, tell whoever sent it.",
    ),
    form: (
        "This page was out of date",
        "Nothing was changed. Go back, reload the page, and try again.",
    ),
    missing: ("Page not found", "There is nothing at this address."),
    forbidden: ("Not allowed", "Your account may not do this."),
    throttled: ("Too many attempts", |seconds| {
        let time = soon(seconds, "second", "minute", |count, unit| {
            format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
        });
        format!("Try again in {time}.")
    }),
    busy: ("One moment, please", "The server is busy. Try again in a few seconds."),
    internal: ("Something went wrong", "That was our fault. Try again later."),
};

/// Korean
pub const KO: Texts = Texts {
    request: (
        "열 수 없는 링크입니다",
        "주소나 양식에 빠졌거나 잘못된 내용이 있습니다. 돌아가서 다시 시도하세요. 링크를 따라왔다면 \
         보낸 사람에게 알려 주세요.",
    ),
    form: (
        "페이지가 오래되었습니다",
        "변경된 내용은 없습니다. 돌아가서 페이지를 새로 고친 뒤 다시 시도하세요.",
    ),
    missing: ("페이지를 찾을 수 없습니다", "이 주소에는 아무것도 없습니다."),
    forbidden: ("권한이 없습니다", "이 계정으로는 할 수 없는 작업입니다."),
    throttled: ("시도 횟수가 너무 많습니다", |seconds| {
        let time = soon(seconds, "초", "분", |count, unit| format!("{count}{unit}"));
        format!("{time} 후에 다시 시도하세요.")
    }),
    busy: ("잠시만 기다려 주세요", "서버가 혼잡합니다. 잠시 후 다시 시도하세요."),
    internal: ("문제가 발생했습니다", "서버 오류입니다. 나중에 다시 시도하세요."),
};
