//! Texts of the login page.

use super::soon;
use crate::pages::fault::LoginFault;

/// In one language.
pub struct Texts {
    pub title: &'static str,
    pub to_continue: fn(&str) -> String,
    pub username: &'static str,
    pub password: &'static str,
    pub remember: &'static str,
    pub button: &'static str,
    no_username: &'static str,
    no_password: &'static str,
    wrong: &'static str,
    disabled: &'static str,
    form: &'static str,
    throttled: fn(u64) -> String,
    busy: &'static str,
}

impl Texts {
    /// Why the last try did not succeed.
    pub fn fault(&self, fault: LoginFault) -> String {
        let text = match fault {
            LoginFault::NoUsername => self.no_username,
            LoginFault::NoPassword => self.no_password,
            LoginFault::Wrong => self.wrong,
            LoginFault::Disabled => self.disabled,
            LoginFault::Form => self.form,
            LoginFault::Throttled(seconds) => return (self.throttled)(seconds),
            LoginFault::Busy => self.busy,
        };
        text.to_owned()
    }
}

/// English
pub const EN: Texts = Texts {
    title: "Sign in",
    to_continue: |client| format!("to continue to {client}"),
    username: "Username",
    password: "Password",
    remember: "Stay signed in on this device",
    button: "Sign in",
    no_username: "Enter your username.",
    no_password: "Enter your password.",
    wrong: "That username and password do not match. Check both and try again.",
    disabled: "This account is disabled. Ask whoever runs this service.",
    form: "This page was out of date. Please sign in again.",
    throttled: |seconds| {
        let time = soon(seconds, "second", "minute", |count, unit| {
            format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
        });
        format!("Too many attempts. Try again in {time}.")
    },
    busy: "The server is busy. Try again in a moment.",
};

/// Korean
pub const KO: Texts = Texts {
    title: "로그인",
    to_continue: |client| format!("{client} 서비스로 계속합니다"),
    username: "사용자 이름",
    password: "비밀번호",
    remember: "이 기기에서 로그인 상태 유지",
    button: "로그인",
    no_username: "사용자 이름을 입력하세요.",
    no_password: "비밀번호를 입력하세요.",
    wrong: "사용자 이름 또는 비밀번호가 맞지 않습니다. 확인한 뒤 다시 시도하세요.",
    disabled: "사용할 수 없는 계정입니다. 서비스 관리자에게 문의하세요.",
    form: "페이지가 오래되었습니다. 다시 로그인하세요.",
    throttled: |seconds| {
        let time = soon(seconds, "초", "분", |count, unit| format!("{count}{unit}"));
        format!("시도 횟수가 너무 많습니다. {time} 후에 다시 시도하세요.")
    },
    busy: "서버가 혼잡합니다. 잠시 후 다시 시도하세요.",
};
