//! Texts of the account page.

use crate::domain::Device;
use crate::pages::fault::{AccountFault, Done};

/// In one language.
pub struct Texts {
    pub profile: &'static str,
    pub username: &'static str,
    pub full_name: &'static str,
    pub email: &'static str,
    pub scopes: &'static str,
    pub save: &'static str,
    pub clients: &'static str,
    pub clients_lead: &'static str,
    pub no_clients: &'static str,
    pub allowed_on: fn(&str) -> String,
    pub withdraw: &'static str,
    pub withdraw_from: fn(&str) -> String,
    pub none: &'static str,
    pub password: &'static str,
    pub password_lead: &'static str,
    pub old_password: &'static str,
    pub new_password: &'static str,
    pub change_password: &'static str,
    pub sessions: &'static str,
    pub sessions_lead: &'static str,
    pub this_device: &'static str,
    pub end_session: &'static str,
    pub end_session_of: fn(&str) -> String,
    pub end_others: &'static str,
    pub keys: &'static str,
    pub keys_lead: &'static str,
    pub no_keys: &'static str,
    pub key_name: &'static str,
    pub key_scopes: &'static str,
    pub key_life: &'static str,
    pub days: fn(u32) -> String,
    pub unlimited: &'static str,
    pub make_key: &'static str,
    pub made_key: fn(&str) -> String,
    pub revoke: &'static str,
    pub revoke_key: fn(&str) -> String,
    pub ends_on: fn(&str) -> String,
    pub ended: &'static str,
    pub used_on: fn(&str) -> String,
    pub never_used: &'static str,
    unknown_browser: &'static str,
    device: fn(&str, &str) -> String,
    now: &'static str,
    minutes_ago: fn(i64) -> String,
    hours_ago: fn(i64) -> String,
    days_ago: fn(i64) -> String,
    done: fn(Done) -> &'static str,
    fault: fn(AccountFault) -> &'static str,
}

impl Texts {
    /// A browser and its system.
    pub fn device(&self, device: Device) -> String {
        match device {
            Device { browser: Some(browser), system: Some(system) } => {
                (self.device)(browser, system)
            }
            Device { browser: Some(one), .. } | Device { system: Some(one), .. } => one.to_owned(),
            Device { .. } => self.unknown_browser.to_owned(),
        }
    }

    /// How long ago something was.
    pub fn ago(&self, seconds: i64) -> String {
        match seconds {
            ..120 => self.now.to_owned(),
            120..7_200 => (self.minutes_ago)(seconds / 60),
            7_200..172_800 => (self.hours_ago)(seconds / 3_600),
            _ => (self.days_ago)(seconds / 86_400),
        }
    }

    /// What was done.
    pub fn done(&self, done: Done) -> &'static str {
        (self.done)(done)
    }

    /// Why nothing was.
    pub fn fault(&self, fault: AccountFault) -> &'static str {
        (self.fault)(fault)
    }
}

/// English
pub const EN: Texts = Texts {
    profile: "Profile",
    username: "Username",
    full_name: "Name",
    email: "E-mail",
    scopes: "May do",
    save: "Save",
    clients: "Apps with access",
    clients_lead: "What you have allowed apps to do in your name. Without access, an app has to ask you again.",
    no_clients: "No app has access.",
    allowed_on: |day| format!("allowed on {day}"),
    withdraw: "Remove",
    withdraw_from: |name| format!("Remove the access of {name}"),
    none: "–",
    password: "Password",
    password_lead: "A new password logs you out everywhere else, and ends what apps may do in your name.",
    old_password: "Current password",
    new_password: "New password",
    change_password: "Change password",
    sessions: "Where you are logged in",
    sessions_lead: "End a session that you do not recognise, and change your password.",
    this_device: "This device",
    end_session: "End",
    end_session_of: |device| format!("End the session on {device}"),
    end_others: "End all other sessions",
    keys: "API keys",
    keys_lead: "For scripts and services. A key can do only what you may do, and outlives a change of your password.",
    no_keys: "You have no API keys.",
    key_name: "Name",
    key_scopes: "May do",
    key_life: "Ends",
    days: |days| format!("after {days} days"),
    unlimited: "never",
    make_key: "Create API key",
    made_key: |name| format!("This is the key “{name}”. Copy it now: it is never shown again."),
    revoke: "Revoke",
    revoke_key: |name| format!("Revoke the key {name}"),
    ends_on: |day| format!("ends {day}"),
    ended: "has ended",
    used_on: |day| format!("last used {day}"),
    never_used: "never used",
    unknown_browser: "Unknown browser",
    device: |browser, system| format!("{browser} on {system}"),
    now: "active now",
    minutes_ago: |count| format!("{count} minutes ago"),
    hours_ago: |count| format!("{count} hours ago"),
    days_ago: |count| format!("{count} days ago"),
    done: |done| match done {
        Done::Profile => "Your profile is saved.",
        Done::Consent => "The app has no access any more.",
        Done::Password => "Your password is changed.",
        Done::Session => "The session has ended.",
        Done::Sessions => "All other sessions have ended.",
        Done::Key => "The API key is revoked.",
    },
    fault: |fault| match fault {
        AccountFault::FullName => "Choose a name of at most 256 characters that can be shown.",
        AccountFault::Email => "Enter an e-mail address, such as name@example.com.",
        AccountFault::EmailTaken => "Somebody else has that e-mail address.",
        AccountFault::EmailTrusted => {
            "Only an administrator can give you an address of that domain."
        }
        AccountFault::NoConsent => "That app has no access any more.",
        AccountFault::WrongPassword => "That is not your current password.",
        AccountFault::ShortPassword => "Choose a password of at least 8 characters.",
        AccountFault::LongPassword => "That password is too long: choose one of at most 71 bytes.",
        AccountFault::CommonPassword => "Many people use that password. Choose another one.",
        AccountFault::Throttled => "Too many attempts. Try again later.",
        AccountFault::Busy => "The server is busy. Try again in a moment.",
        AccountFault::NoSession => "That session has ended already.",
        AccountFault::NoKey => "That key is revoked already.",
        AccountFault::KeyName => "Give the key a name of at most 100 characters.",
        AccountFault::TooManyKeys => "You have too many API keys. Revoke one first.",
    },
};

/// Korean
pub const KO: Texts = Texts {
    profile: "프로필",
    username: "사용자 이름",
    full_name: "이름",
    email: "이메일",
    scopes: "권한",
    save: "저장",
    clients: "연결된 앱",
    clients_lead: "내 이름으로 사용하도록 허용한 앱입니다. 연결을 해제하면 앱은 다시 허용을 받아야 합니다.",
    no_clients: "연결된 앱이 없습니다.",
    allowed_on: |day| format!("{day} 허용"),
    withdraw: "해제",
    withdraw_from: |name| format!("{name} 연결 해제"),
    none: "–",
    password: "비밀번호",
    password_lead: "비밀번호를 바꾸면 다른 모든 기기에서 로그아웃되고, 앱에 준 접근도 끝납니다.",
    old_password: "현재 비밀번호",
    new_password: "새 비밀번호",
    change_password: "비밀번호 변경",
    sessions: "로그인된 기기",
    sessions_lead: "모르는 기기가 있으면 종료하고 비밀번호를 바꾸세요.",
    this_device: "현재 기기",
    end_session: "종료",
    end_session_of: |device| format!("{device} 세션 종료"),
    end_others: "다른 모든 세션 종료",
    keys: "API 키",
    keys_lead: "스크립트와 서비스에 사용합니다. 키는 내 권한 안에서만 동작하며, 비밀번호를 바꿔도 유지됩니다.",
    no_keys: "API 키가 없습니다.",
    key_name: "이름",
    key_scopes: "권한",
    key_life: "만료",
    days: |days| format!("{days}일 후"),
    unlimited: "없음",
    make_key: "API 키 만들기",
    made_key: |name| format!("‘{name}’ 키입니다. 다시 표시되지 않으니 지금 복사하세요."),
    revoke: "폐기",
    revoke_key: |name| format!("{name} 키 폐기"),
    ends_on: |day| format!("{day} 만료"),
    ended: "만료됨",
    used_on: |day| format!("{day} 마지막 사용"),
    never_used: "사용한 적 없음",
    unknown_browser: "알 수 없는 브라우저",
    device: |browser, system| format!("{system}의 {browser}"),
    now: "지금 사용 중",
    minutes_ago: |count| format!("{count}분 전"),
    hours_ago: |count| format!("{count}시간 전"),
    days_ago: |count| format!("{count}일 전"),
    done: |done| match done {
        Done::Profile => "프로필을 저장했습니다.",
        Done::Consent => "앱 연결을 해제했습니다.",
        Done::Password => "비밀번호를 변경했습니다.",
        Done::Session => "세션을 종료했습니다.",
        Done::Sessions => "다른 모든 세션을 종료했습니다.",
        Done::Key => "API 키를 폐기했습니다.",
    },
    fault: |fault| match fault {
        AccountFault::FullName => "이름은 표시할 수 있는 문자로 256자 이내로 입력하세요.",
        AccountFault::Email => "name@example.com 형식의 이메일 주소를 입력하세요.",
        AccountFault::EmailTaken => "다른 사람이 사용하는 이메일 주소입니다.",
        AccountFault::EmailTrusted => "이 도메인의 이메일 주소는 관리자만 설정할 수 있습니다.",
        AccountFault::NoConsent => "이미 연결이 해제된 앱입니다.",
        AccountFault::WrongPassword => "현재 비밀번호가 아닙니다.",
        AccountFault::ShortPassword => "비밀번호는 8자 이상이어야 합니다.",
        AccountFault::LongPassword => "비밀번호가 너무 깁니다. 71바이트 이하로 정하세요.",
        AccountFault::CommonPassword => {
            "많은 사람이 쓰는 비밀번호입니다. 다른 비밀번호를 정하세요."
        }
        AccountFault::Throttled => "시도 횟수가 너무 많습니다. 나중에 다시 시도하세요.",
        AccountFault::Busy => "서버가 혼잡합니다. 잠시 후 다시 시도하세요.",
        AccountFault::NoSession => "이미 종료된 세션입니다.",
        AccountFault::NoKey => "이미 폐기된 키입니다.",
        AccountFault::KeyName => "키 이름을 100자 이내로 입력하세요.",
        AccountFault::TooManyKeys => "API 키가 너무 많습니다. 먼저 하나를 폐기하세요.",
    },
};
