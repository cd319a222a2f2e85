//! Texts about other providers.

use crate::pages::provider::Trouble;

/// In one language.
pub struct Texts {
    /// Between the form and the buttons.
    pub or: &'static str,
    /// On a button.
    pub continue_with: fn(&str) -> String,
    /// Above the identities.
    pub connected: &'static str,
    /// Without any.
    pub none: &'static str,
    /// On the button that links.
    pub connect: fn(&str) -> String,
    /// On the button that unlinks.
    pub disconnect: fn(&str) -> String,
    /// Leads back.
    pub again: &'static str,
    over: (&'static str, &'static str),
    away: (&'static str, &'static str),
    refused: (&'static str, &'static str),
    wrong: (&'static str, &'static str),
    not_renewed: (&'static str, &'static str),
    no_account: (&'static str, &'static str),
    unverified: (&'static str, &'static str),
    email_taken: (&'static str, &'static str),
    taken: (&'static str, &'static str),
    disabled: (&'static str, &'static str),
    last_way_in: (&'static str, &'static str),
}

impl Texts {
    /// Title and text.
    pub fn trouble(&self, trouble: Trouble) -> (&'static str, &'static str) {
        match trouble {
            Trouble::Over => self.over,
            Trouble::Away => self.away,
            Trouble::Refused => self.refused,
            Trouble::Wrong => self.wrong,
            Trouble::NotRenewed => self.not_renewed,
            Trouble::NoAccount => self.no_account,
            Trouble::Unverified => self.unverified,
            Trouble::EmailTaken => self.email_taken,
            Trouble::Taken => self.taken,
            Trouble::Disabled => self.disabled,
            Trouble::LastWayIn => self.last_way_in,
        }
    }
}

/// English
pub const EN: Texts = Texts {
    or: "or",
    continue_with: |provider| format!("Continue with {provider}"),
    connected: "Connected accounts",
    none: "None yet. Connect one to sign in with it.",
    connect: |provider| format!("Connect {provider}"),
    disconnect: |provider| format!("Disconnect {provider}"),
    again: "Back to sign in",
    over: (
        "This sign-in is over",
        "It took too long, was finished before, or began in another browser. Nothing was changed; please sign \
         in again.",
    ),
    away: (
        "The other service did not respond",
        "It may be away for a moment. Nothing was changed; try again, or sign in another way.",
    ),
    refused: (
        "The other service did not sign you in",
        "You, or the service, said no. Nothing was changed; try again, or sign in another way.",
    ),
    wrong: (
        "The other service's answer does not fit",
        "It was not made for this sign-in, so it was not trusted. Nothing was changed; if it happens again, tell \
         whoever runs this service.",
    ),
    not_renewed: (
        "The other service cannot confirm a new sign-in",
        "The application wants you to sign in again just now, and the other service does not do that, or does \
         not say when you did. Nothing was changed; sign in with your password, or with another service.",
    ),
    no_account: (
        "There is no account for you here",
        "You are known to the other service, but not here. Ask whoever runs this service for an account; if you \
         have one, sign in to it and connect the other service on your account page.",
    ),
    unverified: (
        "Your e-mail address is not verified",
        "The other service has not verified your e-mail address. Verify it there, then sign in again.",
    ),
    email_taken: (
        "There is an account with your e-mail address",
        "Sign in to it with its password, then connect the other service on your account page.",
    ),
    taken: (
        "That account is connected to somebody else",
        "It belongs to another user of this service. Nothing was changed.",
    ),
    disabled: ("Your account is disabled", "Ask whoever runs this service."),
    last_way_in: (
        "That is your only way to sign in",
        "You have no password. Connect another account before you disconnect this one, or ask whoever runs this \
         service for a password.",
    ),
};

/// Korean
pub const KO: Texts = Texts {
    or: "또는",
    continue_with: |provider| format!("{provider} 계정으로 계속하기"),
    connected: "연결된 계정",
    none: "아직 없습니다. 계정을 연결하면 그 계정으로 로그인할 수 있습니다.",
    connect: |provider| format!("{provider} 연결"),
    disconnect: |provider| format!("{provider} 연결 해제"),
    again: "로그인으로 돌아가기",
    over: (
        "로그인 시간이 지났습니다",
        "시간이 너무 오래 걸렸거나, 이미 끝났거나, 다른 브라우저에서 시작된 로그인입니다. 변경된 내용은 없습니다. \
         다시 로그인하세요.",
    ),
    away: (
        "외부 서비스가 응답하지 않습니다",
        "잠시 중단되었을 수 있습니다. 변경된 내용은 없습니다. 다시 시도하거나 다른 방법으로 로그인하세요.",
    ),
    refused: (
        "외부 서비스에서 로그인하지 못했습니다",
        "사용자 또는 서비스가 거부했습니다. 변경된 내용은 없습니다. 다시 시도하거나 다른 방법으로 로그인하세요.",
    ),
    wrong: (
        "외부 서비스의 응답이 맞지 않습니다",
        "이 로그인을 위한 응답이 아니어서 신뢰하지 않았습니다. 변경된 내용은 없습니다. 반복되면 서비스 관리자에게 알려 \
         주세요.",
    ),
    not_renewed: (
        "외부 서비스가 새 로그인을 확인해 주지 않습니다",
        "애플리케이션이 지금 다시 로그인하도록 요청했지만, 외부 서비스는 다시 로그인하게 하지 않거나 언제 로그인했는지 알려 \
         주지 않습니다. 변경된 내용은 없습니다. 비밀번호나 다른 서비스로 로그인하세요.",
    ),
    no_account: (
        "이곳에 계정이 없습니다",
        "외부 서비스의 계정은 확인되었지만 이곳에는 계정이 없습니다. 서비스 관리자에게 계정을 요청하세요. 계정이 있다면 \
         로그인한 뒤 내 계정에서 외부 서비스를 연결하세요.",
    ),
    unverified: (
        "이메일 주소가 확인되지 않았습니다",
        "외부 서비스가 이메일 주소를 확인하지 않았습니다. 그곳에서 확인한 뒤 다시 로그인하세요.",
    ),
    email_taken: (
        "같은 이메일 주소의 계정이 있습니다",
        "비밀번호로 그 계정에 로그인한 뒤 내 계정에서 외부 서비스를 연결하세요.",
    ),
    taken: (
        "다른 사용자와 연결된 계정입니다",
        "이 서비스의 다른 사용자의 계정입니다. 변경된 내용은 없습니다.",
    ),
    disabled: ("사용할 수 없는 계정입니다", "서비스 관리자에게 문의하세요."),
    last_way_in: (
        "유일한 로그인 방법입니다",
        "비밀번호가 없습니다. 연결을 해제하기 전에 다른 계정을 연결하거나 서비스 관리자에게 비밀번호를 요청하세요.",
    ),
};
