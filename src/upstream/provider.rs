//! A provider, as the settings describe it.

use crate::domain::{ClientAuthMethod, Scopes, Secret};
use crate::settings::{ProviderPreset, ProviderSettings, SignUp};
use serde_json::{Map, Value};

/// A provider that users log in at.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the settings, and in URLs.
    pub name: String,
    /// What it is called on the button.
    pub button: String,
    pub(super) kind: Kind,
    pub(super) endpoints: Endpoints,
    pub(super) client_id: String,
    pub(super) secret: Option<Secret>,
    pub(super) auth_method: Option<ClientAuthMethod>,
    pub(super) scopes: String,
    sign_up: SignUp,
    trusted_domains: Vec<String>,
    rules: Vec<Rule>,
}

/// What it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// OpenID Connect, as this issuer.
    OpenId {
        issuer: String,
        /// Whether its endpoints are found by the issuer.
        is_discovered: bool,
    },
    /// GitHub's OAuth 2.0.
    Github,
}

/// Where it is asked; what is absent is found by discovery, or not used.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoints {
    pub(super) authorization: Option<String>,
    pub(super) token: Option<String>,
    pub(super) userinfo: Option<String>,
    pub(super) jwks: Option<String>,
}

/// Scopes for whom a claim says something.
#[derive(Clone, Debug)]
struct Rule {
    /// Name and value; `None`: for everybody.
    condition: Option<(String, String)>,
    scopes: Scopes,
}

impl Rule {
    /// The settings have checked it.
    fn read(text: &str) -> Option<Self> {
        let (condition, scopes) = text.rsplit_once(": ")?;
        let condition = match condition {
            "*" => None,
            condition => {
                let (name, value) = condition.split_once('=')?;
                Some((name.trim().to_owned(), value.trim().to_owned()))
            }
        };
        Some(Self { condition, scopes: scopes.trim().parse().ok()? })
    }

    fn applies(&self, claims: &Map<String, Value>) -> bool {
        let Some((name, wanted)) = &self.condition else { return true };
        let is = |value: &Value| match value {
            Value::String(text) => text == wanted,
            Value::Bool(is) => (if *is { "true" } else { "false" }) == wanted,
            _ => false,
        };
        match claims.get(name) {
            Some(Value::Array(many)) => many.iter().any(is),
            Some(one) => is(one),
            None => false,
        }
    }
}

impl Provider {
    /// Reads the settings; or says which key is wrong, and why.
    pub fn new(name: &str, given: &ProviderSettings) -> Result<Self, String> {
        let is_github = given.preset == Some(ProviderPreset::Github);
        let is_google = given.preset == Some(ProviderPreset::Google);
        if let (Some(preset), Some(issuer)) = (given.preset, &given.issuer) {
            let preset = match preset {
                ProviderPreset::Google => "google",
                ProviderPreset::Github => "github",
            };
            return Err(format!(
                "issuer: `{issuer}`: expected none beside preset = \"{preset}\", whose issuer is known; or \
                 no preset"
            ));
        }
        let known = |is: bool, url: &str| is.then(|| url.to_owned());
        let issuer = given.issuer.clone().or(known(is_google, "https://accounts.google.com"));
        let github =
            |path: &str| known(is_github, &format!("https://github.com/login/oauth/{path}"));
        let endpoints = Endpoints {
            authorization: given.authorization_endpoint.clone().or(github("authorize")),
            token: given.token_endpoint.clone().or(github("access_token")),
            userinfo: given
                .userinfo_endpoint
                .clone()
                .or(known(is_github, "https://api.github.com/user")),
            jwks: given.jwks_uri.clone(),
        };
        let kind = match issuer {
            _ if is_github => Kind::Github,
            None => return Err("issuer: is missing, and there is no preset".to_owned()),
            Some(issuer) => {
                let given = [&endpoints.authorization, &endpoints.token, &endpoints.jwks];
                let is_discovered = given.iter().any(|endpoint| endpoint.is_none());
                Kind::OpenId { issuer, is_discovered }
            }
        };
        let client_id = given.client_id.clone().ok_or("client_id: is missing")?;
        let secret = given.client_secret_file.as_ref().map(|file| {
            let fault = |cause| format!("client_secret_file: {}: {cause}", file.path().display());
            let content = file.read().map_err(fault)?;
            let text = content.to_text().map_err(fault)?;
            match text.expose().trim_end_matches(['\r', '\n']) {
                "" => Err(format!(
                    "client_secret_file: {}: is empty: expected the secret in its first line",
                    file.path().display()
                )),
                secret => Ok(Secret::new(secret)),
            }
        });
        let secret = secret.transpose()?;
        let auth_method = given.token_endpoint_auth_method;
        let auth_method = auth_method.or(is_github.then_some(ClientAuthMethod::ClientSecretPost));
        if secret.is_none() && auth_method != Some(ClientAuthMethod::None) {
            return Err("client_secret_file: is missing; a provider that gives no secret needs \
                        token_endpoint_auth_method = \"none\""
                .to_owned());
        }
        let sign_up = given.signup.unwrap_or(SignUp::Never);
        if sign_up == SignUp::TrustedDomains && given.trusted_domains.is_empty() {
            return Err("trusted_domains: is empty, so signup = \"trusted-domains\" takes nobody"
                .to_owned());
        }
        let usual = if is_github { "read:user user:email" } else { "openid email profile" };
        let scopes = given.scopes.clone().unwrap_or_else(|| usual.to_owned());
        if !is_github && !scopes.split(' ').any(|scope| scope == "openid") {
            return Err("scopes: lacks `openid`".to_owned());
        }
        let button = match given.preset {
            _ if given.button.is_some() => given.button.clone().unwrap_or_default(),
            Some(ProviderPreset::Google) => "Google".to_owned(),
            Some(ProviderPreset::Github) => "GitHub".to_owned(),
            None => name.to_owned(),
        };
        Ok(Self {
            name: name.to_owned(),
            button,
            kind,
            endpoints,
            client_id,
            secret,
            auth_method,
            scopes,
            sign_up,
            trusted_domains: given.trusted_domains.clone(),
            rules: given.scope_rules.iter().filter_map(|rule| Rule::read(rule)).collect(),
        })
    }

    /// What is asked there by this server itself: key and URL.
    pub fn asked_urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let issuer = match &self.kind {
            Kind::OpenId { issuer, is_discovered: true } => Some(issuer.as_str()),
            Kind::OpenId { .. } | Kind::Github => None,
        };
        let Endpoints { token, userinfo, jwks, .. } = &self.endpoints;
        let urls = [
            ("issuer", issuer),
            ("token_endpoint", token.as_deref()),
            ("userinfo_endpoint", userinfo.as_deref()),
            ("jwks_uri", jwks.as_deref()),
        ];
        urls.into_iter().filter_map(|(key, url)| Some((key, url?)))
    }

    /// Whether it is the server at this URL.
    pub fn is_at(&self, url: &str) -> bool {
        let Kind::OpenId { issuer, .. } = &self.kind else { return false };
        issuer.trim_end_matches('/') == url
    }

    /// Every scope that a rule gives.
    pub fn scopes_given(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().flat_map(|rule| rule.scopes.iter())
    }

    /// The scopes that the rules give for these claims.
    pub(super) fn scopes_of(&self, claims: &Map<String, Value>) -> Scopes {
        let mut scopes: Vec<&str> = Vec::new();
        for scope in
            self.rules.iter().filter(|it| it.applies(claims)).flat_map(|it| it.scopes.iter())
        {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes.join(" ").parse().unwrap_or_default()
    }

    /// Whether the provider's word counts for a verified address.
    pub(super) fn trusts(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        domain.is_some_and(|domain| self.trusted_domains.contains(&domain))
    }

    /// Whether whoever has this verified address, or none, gets an account.
    pub(super) fn takes(&self, email: Option<&str>) -> bool {
        match self.sign_up {
            SignUp::Never => false,
            SignUp::TrustedDomains => email.is_some_and(|email| self.trusts(email)),
            SignUp::Anyone => true,
        }
    }

    /// Whether a verified address decides whether somebody new is taken.
    pub(super) fn asks_for_email(&self) -> bool {
        self.sign_up == SignUp::TrustedDomains
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(more: impl FnOnce(&mut ProviderSettings)) -> ProviderSettings {
        let mut settings = ProviderSettings {
            issuer: Some("https://idp.example.com".to_owned()),
            client_id: Some("bailiwick".to_owned()),
            token_endpoint_auth_method: Some(ClientAuthMethod::None),
            ..ProviderSettings::default()
        };
        more(&mut settings);
        settings
    }

    #[test]
    fn what_is_missing_is_named_by_its_key() {
        assert!(Provider::new("idp", &settings(|_| {})).is_ok());
        for (settings, key) in [
            (settings(|it| it.issuer = None), "issuer: "),
            (settings(|it| it.preset = Some(ProviderPreset::Google)), "issuer: "),
            (settings(|it| it.client_id = None), "client_id: "),
            (settings(|it| it.token_endpoint_auth_method = None), "client_secret_file: "),
            (settings(|it| it.scopes = Some("email".to_owned())), "scopes: "),
            (settings(|it| it.signup = Some(SignUp::TrustedDomains)), "trusted_domains: "),
        ] {
            let problem = Provider::new("idp", &settings).unwrap_err();
            assert!(problem.starts_with(key), "{problem}");
        }
    }

    #[test]
    fn rules_give_scopes_by_claims() {
        let rules =
            ["*: me", "groups=staff: items", "admin=true: users:read users:write", "org=a=b: me"];
        let given = settings(|it| it.scope_rules = rules.map(str::to_owned).to_vec());
        let provider = Provider::new("idp", &given).unwrap();
        for (claims, scopes) in [
            (json!({}), "me"),
            (json!({"groups": "staff"}), "me items"),
            (json!({"groups": ["guests", "staff"]}), "me items"),
            (json!({"groups": ["staffing"], "admin": "true"}), "me users:read users:write"),
            (json!({"admin": true, "groups": {"staff": 1}}), "me users:read users:write"),
            (json!({"org": "a=b"}), "me"),
        ] {
            let claims = claims.as_object().unwrap();
            assert_eq!(provider.scopes_of(claims).as_str(), scopes, "{claims:?}");
        }
    }

    #[test]
    fn an_address_is_trusted_by_its_whole_domain() {
        let trusting = settings(|it| {
            it.trusted_domains = vec!["example.com".to_owned()];
            it.signup = Some(SignUp::TrustedDomains);
        });
        let provider = Provider::new("idp", &trusting).unwrap();
        assert!(provider.trusts("jane@Example.com") && provider.takes(Some("jane@example.com")));
        for email in
            ["jane@evilexample.com", "jane@example.com.evil", "example.com", "a@example.com@evil"]
        {
            assert!(!provider.trusts(email) && !provider.takes(Some(email)), "{email}");
        }
        assert!(!provider.takes(None));
    }
}
