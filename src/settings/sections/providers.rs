//! `[providers.NAME]`

use crate::domain::{ClientAuthMethod, ScopeName, Scopes};
use crate::settings::declaration::{settings, words};
use crate::settings::key::Kind;
use crate::settings::named_file::NamedFile;

settings! {
    /// Another provider that users log in at.
    pub struct ProviderSettings without section {
        /// A provider that is known here: `google` or `github`. It excludes `issuer`; the other keys win over
        /// what it says.
        preset: Option<ProviderPreset>;

        /// The provider's issuer (OpenID Connect): its endpoints and keys are found by it.
        issuer: Option<String> => Kind::Text(is_url, "an http or https URL", "^https?://");

        /// Where users are sent to.
        authorization_endpoint: Option<String> => Kind::Text(is_url, "an http or https URL", "^https?://");

        /// Where their codes are redeemed.
        token_endpoint: Option<String> => Kind::Text(is_url, "an http or https URL", "^https?://");

        /// What tells more of a user.
        userinfo_endpoint: Option<String> => Kind::Text(is_url, "an http or https URL", "^https?://");

        /// The keys that the provider signs ID tokens with.
        jwks_uri: Option<String> => Kind::Text(is_url, "an http or https URL", "^https?://");

        /// This server's name at the provider.
        client_id: Option<String>;

        /// A file with this server's secret at the provider.
        client_secret_file: Option<NamedFile>;

        /// How the secret is shown: `client_secret_basic` or `client_secret_post`. Absent: as the
        /// provider says.
        token_endpoint_auth_method: Option<ClientAuthMethod> =>
            Kind::Word(&["client_secret_basic", "client_secret_post", "none"]);

        /// What is asked for, separated by spaces. Absent: `openid email profile`.
        scopes: Option<String>;

        /// What the provider is called on the button. Absent: the preset's name, or this table's.
        button: Option<String>;

        /// Who without an account gets one: `never`, `trusted-domains` (whoever has a verified e-mail address
        /// in `trusted_domains`) or `anyone`. Absent: `never`.
        signup: Option<SignUp>;

        /// Domains of e-mail addresses for which the provider's word counts: a verified address there leads
        /// to the account that has it.
        trusted_domains: Vec<String> => Kind::List(is_domain, "a list of domains in lower case");

        /// Scopes that users have as long as the provider says so: `CLAIM=VALUE: SCOPE SCOPE`, or `*: SCOPE` for
        /// everybody. They are looked at again at each login.
        scope_rules: Vec<String> => Kind::List(is_rule, "a list of rules such as \"groups=staff: items\"");
    }
}

words! {
    /// A provider that is known here.
    pub enum ProviderPreset {
        /// <https://developers.google.com/identity/openid-connect/openid-connect>
        Google = "google",
        /// <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>
        Github = "github",
    }
}

words! {
    /// Who without an account gets one.
    pub enum SignUp {
        /// Nobody.
        Never = "never",
        /// Whoever has a verified e-mail address in a trusted domain.
        TrustedDomains = "trusted-domains",
        /// Everybody.
        Anyone = "anyone",
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('#');
    is_plain && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '@']))
}

fn is_domain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

fn is_rule(text: &str) -> bool {
    let Some((condition, scopes)) = text.rsplit_once(": ") else { return false };
    let scopes = scopes.trim();
    let is_known = condition == "*"
        || condition
            .split_once('=')
            .is_some_and(|(name, value)| !name.is_empty() && !value.is_empty());
    is_known && scopes.parse::<Scopes>().is_ok() && scopes.split(' ').all(ScopeName::is_valid)
}
