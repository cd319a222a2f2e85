//! Texts of the pages between a client's request and the way back: consent, choice of an account, sign-out.

/// In one language.
pub struct Texts {
    pub consent_title: fn(&str) -> String,
    pub consent_lead: fn(&str) -> String,
    pub signed_in_as: fn(&str) -> String,
    pub allow: &'static str,
    pub deny: &'static str,
    pub goes_to: fn(&str) -> String,
    pub goes_to_device: &'static str,
    pub other_account: &'static str,
    pub choose_title: &'static str,
    pub continue_as: fn(&str) -> String,
    pub sign_out_title: &'static str,
    pub sign_out_lead: fn(&str) -> String,
    pub stay: &'static str,
    pub signed_out_title: &'static str,
    pub signed_out_text: &'static str,
    pub sent_title: &'static str,
    pub sent_text: &'static str,
    pub sent_button: &'static str,
    openid: &'static str,
    profile: &'static str,
    email: &'static str,
    offline_access: &'static str,
}

impl Texts {
    /// What a scope of OpenID Connect allows.
    pub fn scope(&self, name: &str) -> Option<&'static str> {
        match name {
            "openid" => Some(self.openid),
            "profile" => Some(self.profile),
            "email" => Some(self.email),
            "offline_access" => Some(self.offline_access),
            _ => None,
        }
    }
}

/// English
pub const EN: Texts = Texts {
    consent_title: |client| format!("Allow {client}?"),
    consent_lead: |client| format!("{client} would like to:"),
    signed_in_as: |name| format!("Signed in as {name}"),
    allow: "Allow",
    deny: "Don’t allow",
    goes_to: |host| format!("You will be sent to {host}."),
    goes_to_device: "You will be sent to an application on this device.",
    other_account: "Use another account",
    choose_title: "Choose an account",
    continue_as: |name| format!("Continue as {name}"),
    sign_out_title: "Sign out?",
    sign_out_lead: |name| format!("You are signed in as {name}."),
    stay: "Stay signed in",
    signed_out_title: "You are signed out",
    signed_out_text: "You can close this page.",
    sent_title: "One moment, please",
    sent_text: "If nothing happens, press the button.",
    sent_button: "Continue",
    openid: "Know that it is you",
    profile: "See your name and username",
    email: "See your e-mail address",
    offline_access: "Go on when you have left",
};

/// Korean
pub const KO: Texts = Texts {
    consent_title: |client| format!("{client} 서비스를 허용하시겠습니까?"),
    consent_lead: |client| format!("{client} 서비스가 다음 권한을 요청합니다."),
    signed_in_as: |name| format!("{name} 계정으로 로그인됨"),
    allow: "허용",
    deny: "허용 안 함",
    goes_to: |host| format!("{host} 사이트로 이동합니다."),
    goes_to_device: "이 기기의 앱으로 이동합니다.",
    other_account: "다른 계정 사용",
    choose_title: "계정 선택",
    continue_as: |name| format!("{name} 계정으로 계속"),
    sign_out_title: "로그아웃하시겠습니까?",
    sign_out_lead: |name| format!("{name} 계정으로 로그인되어 있습니다."),
    stay: "로그인 상태 유지",
    signed_out_title: "로그아웃되었습니다",
    signed_out_text: "이 페이지를 닫아도 됩니다.",
    sent_title: "잠시만 기다려 주세요",
    sent_text: "자동으로 이동하지 않으면 버튼을 누르세요.",
    sent_button: "계속",
    openid: "본인 확인",
    profile: "이름과 사용자 이름 보기",
    email: "이메일 주소 보기",
    offline_access: "자리를 비운 동안에도 계속 사용",
};
