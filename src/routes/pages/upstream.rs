//! `/auth/up/PROVIDER`: to another provider and back; and what a user links and unlinks there.

use crate::accounts::{AccountError, Unwelcome};
use crate::api_error::ApiError;
use crate::domain::{AuditReason, Journey, RepositoryError, Subject, Timestamp};
use crate::pages::{Fault, Trouble};
use crate::routes::pages::providers::ACTION;
use crate::routes::pages::visit::now;
use crate::routes::pages::{Fields, Visit, login, paths, shown, taken};
use crate::sealing::Flow;
use crate::services::{Services, SignIn};
use crate::upstream::{Answer, Demand, Proofs, Provider, ProviderFault, Upstream};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Path, ServiceConfig};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::Arc;

pub(super) fn mount(routes: &mut ServiceConfig) {
    taken(routes, paths::PROVIDER, &depart);
    shown(routes, paths::PROVIDER_CALLBACK, &arrive);
    taken(routes, paths::PROVIDER_CALLBACK, &bounce);
    taken(routes, paths::PROVIDER_UNLINK, &unlink);
}

/// The texts that a login is begun and finished with. Only its state is random: the others follow from it, by
/// a key of this server, so none of them is stored.
struct Login {
    redirect_uri: String,
    state: String,
    nonce: String,
    verifier: String,
    /// What a login there must be like.
    demand: Demand,
}

impl Login {
    fn of(state: String, provider: &Provider, (sign_in, flow): (&SignIn, Option<&Flow>)) -> Self {
        let made = |what: &str| sign_in.browsers.form_token(&state, what);
        let callback = paths::PROVIDER_CALLBACK.replace("{provider}", &provider.name);
        Self {
            redirect_uri: format!("{}{callback}", sign_in.url.as_str()),
            nonce: made("nonce of a provider's ID token"),
            verifier: made("verifier of a provider's code"),
            demand: match flow {
                Some(flow) if flow.renews => Demand::New(flow.started_at),
                Some(flow) if flow.prompt_login => Demand::Choice,
                _ => Demand::Any,
            },
            state,
        }
    }

    fn proofs(&self) -> Proofs<'_> {
        Proofs {
            redirect_uri: &self.redirect_uri,
            state: &self.state,
            nonce: &self.nonce,
            verifier: &self.verifier,
            demand: self.demand,
        }
    }
}

async fn depart(visit: Visit, provider: Path<String>, body: Bytes) -> HttpResponse {
    let fields = Fields::of_query(&visit.request)
        .and_then(|query| Ok((query, Fields::of_form(&visit.request, &body)?)));
    let (query, form) = match fields {
        Ok(fields) => fields,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let flow = visit.flow(&query).map(|flow| flow.resumed(now()));
    let visit = visit.speaking(flow.as_ref().and_then(|flow| flow.ui_locales.as_deref()));
    let sent = send(&visit, &provider, flow.as_ref(), &form).await;
    visit.finish(sent)
}

/// Sends the browser to the provider.
async fn send(
    visit: &Visit,
    name: &str,
    flow: Option<&Flow>,
    form: &Fields,
) -> Result<HttpResponse, ApiError> {
    let (upstream, provider) = find(&visit.services, name)?;
    let sealed = flow.map(|flow| visit.sealed(flow)).transpose()?.unwrap_or_default();
    let user = if form.is_ticked("link") {
        let Some(by) = visit.signed_in().await? else { return Ok(visit.go(paths::LOGIN, [])) };
        if visit.check_session_form(&by, ACTION, form).is_err() {
            return Ok(visit.forged());
        }
        Some(by.user.id)
    } else {
        if visit.check_visitor_form(ACTION, form).is_err() {
            return Ok(visit.forged());
        }
        None
    };
    let state = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let login = Login::of(state, provider, (&visit.sign_in, flow));
    let place = match upstream.departure(provider, login.proofs()).await {
        Ok(place) => place,
        Err(fault) => return Ok(failed(visit, (upstream, provider), &fault, &sealed)),
    };
    let journey = Journey {
        provider: name.into(),
        browser: visit.browser().into(),
        flow: sealed.into(),
        user,
    };
    upstream.identities.depart(Upstream::state_hash(&login.state), journey).await?;
    Ok(visit.leave(&place))
}

fn find<'a>(services: &'a Services, name: &str) -> Result<(&'a Upstream, &'a Provider), ApiError> {
    let missing = ApiError::NotFound("Not Found");
    let upstream = services.upstream.as_deref();
    let found = upstream.and_then(|upstream| Some((upstream, upstream.find(name)?)));
    found.ok_or(missing)
}

/// A response by a form comes without cookies (`SameSite=Lax`), so the browser is sent here once more.
async fn bounce(visit: Visit, provider: Path<String>, body: Bytes) -> HttpResponse {
    let form = match Fields::of_form(&visit.request, &body) {
        Ok(form) => form,
        Err(error) => return visit.bad(&error.to_string()),
    };
    if let Err(error) = find(&visit.services, &provider) {
        return visit.finish(Err(error));
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in ["state", "code", "iss", "error"] {
        if form.is_ticked(name) {
            query.append_pair(name, form.get(name));
        }
    }
    let callback = paths::PROVIDER_CALLBACK.replace("{provider}", &provider);
    visit.go(&format!("{callback}?{}", query.finish()), [])
}

async fn arrive(visit: Visit, provider: Path<String>) -> HttpResponse {
    let query = match Fields::of_query(&visit.request) {
        Ok(query) => query,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let services = visit.services.clone();
    let (upstream, provider) = match find(&services, &provider) {
        Ok(found) => found,
        Err(error) => return visit.finish(Err(error)),
    };
    let state = Upstream::state_hash(query.get("state"));
    let journey = match upstream.identities.arrive(state).await {
        Ok(journey) => journey,
        Err(error) => return visit.finish(Err(error.into())),
    };
    let is_its = |it: &Journey| *it.provider == *provider.name && *it.browser == *visit.browser();
    let Some(journey) = journey.filter(is_its) else {
        let reason = Some(AuditReason::UnknownState);
        upstream.identities.told(&provider.name, None, reason, &visit.sender());
        return visit.trouble(Trouble::Over, None);
    };
    let flow = visit.sign_in.flows.open(&journey.flow, upstream.identities.now());
    let visit = visit.speaking(flow.as_ref().and_then(|flow| flow.ui_locales.as_deref()));
    let here = Here { upstream, provider, journey, flow };
    let done = here.finish(&visit, &query).await;
    visit.finish(done)
}

/// A login that came back to where it began.
struct Here<'a> {
    upstream: &'a Upstream,
    provider: &'a Provider,
    journey: Journey,
    flow: Option<Flow>,
}

impl Here<'_> {
    async fn finish(&self, visit: &Visit, query: &Fields) -> Result<HttpResponse, ApiError> {
        let Self { upstream, provider, journey, flow } = self;
        let login =
            Login::of(query.get("state").to_owned(), provider, (&visit.sign_in, flow.as_ref()));
        let answer =
            Answer { code: query.get("code"), error: query.get("error"), iss: query.get("iss") };
        let arrival = match upstream.arrival(provider, answer, login.proofs()).await {
            Ok(arrival) => arrival,
            Err(fault) => return Ok(failed(visit, (upstream, provider), &fault, &journey.flow)),
        };
        let sender = visit.sender();
        if let Some(user) = journey.user {
            let by = visit.signed_in().await?.filter(|by| by.user.id == user);
            let Some(by) = by else {
                let reason = Some(AuditReason::UnknownState);
                upstream.identities.told(&provider.name, None, reason, &sender);
                return Ok(visit.trouble(Trouble::Over, None));
            };
            return match upstream
                .identities
                .link(&arrival.shown, user, &visit.author(&by, &[]))
                .await
            {
                Ok(_) => Ok(visit.go(paths::ACCOUNT, [])),
                Err(AccountError::Repository(RepositoryError::IdentityTaken)) => {
                    Ok(visit.trouble(Trouble::Taken, Some(&journey.flow)))
                }
                Err(error) => Err(error.into()),
            };
        }
        let user = match upstream.identities.welcome(&arrival, &sender).await {
            Ok(user) => user,
            Err(unwelcome) => {
                let known = Some(arrival.shown.label.as_ref());
                upstream.identities.told(&provider.name, known, Some(unwelcome.reason()), &sender);
                let trouble = match unwelcome {
                    Unwelcome::Unknown => Trouble::NoAccount,
                    Unwelcome::Unverified => Trouble::Unverified,
                    Unwelcome::EmailTaken => Trouble::EmailTaken,
                    Unwelcome::Disabled => Trouble::Disabled,
                    Unwelcome::Repository(error) => return Err(error.into()),
                };
                return Ok(visit.trouble(trouble, Some(&journey.flow)));
            }
        };
        let not_before = flow.as_ref().map_or(Timestamp(0), |flow| flow.started_at);
        let begun = login::begin(visit, &user, ("fed", false), not_before).await?;
        let username = Some(user.username.as_str());
        let reason = begun.is_none().then_some(AuditReason::UserDisabled);
        upstream.identities.told(&provider.name, username, reason, &sender);
        match begun {
            Some((session, cookies)) => {
                Ok(visit.go(&login::target(visit, flow.as_ref(), Some(&session))?, cookies))
            }
            None => Ok(visit.trouble(Trouble::Disabled, Some(&journey.flow))),
        }
    }
}

/// Tells the logs of a provider's fault, and the user.
fn failed(
    visit: &Visit,
    (upstream, provider): (&Upstream, &Provider),
    fault: &ProviderFault,
    sealed: &str,
) -> HttpResponse {
    let name = &provider.name;
    log::warn!(target: "bailiwick.error", "login at the provider {name}: {fault}");
    upstream.identities.told(name, None, Some(fault.reason()), &visit.sender());
    let trouble = match fault {
        ProviderFault::Away { .. } | ProviderFault::Nonsense(_) => Trouble::Away,
        ProviderFault::Refused(_) => Trouble::Refused,
        ProviderFault::NotRenewed => Trouble::NotRenewed,
        ProviderFault::WrongIssuer | ProviderFault::IdToken(_) => Trouble::Wrong,
    };
    visit.trouble(trouble, Some(sealed))
}

async fn unlink(visit: Visit, provider: Path<String>, body: Bytes) -> HttpResponse {
    let form = match Fields::of_form(&visit.request, &body) {
        Ok(form) => form,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let unlinked = async {
        let upstream = visit.services.upstream.clone();
        let upstream: Arc<Upstream> = upstream.ok_or(ApiError::NotFound("Not Found"))?;
        let Some(by) = visit.signed_in().await? else { return Ok(visit.go(paths::LOGIN, [])) };
        if visit.check_session_form(&by, ACTION, &form).is_err() {
            return Ok(visit.forged());
        }
        // Also of a provider that the settings do not have any more.
        let subject = Subject::new(&provider, form.get("subject"));
        let Some(subject) = subject else { return Ok(visit.bad("`subject` cannot be one")) };
        let (owner, author) = (&by.user.username, visit.author(&by, &[]));
        match upstream.identities.unlink(&subject, owner, &author).await {
            // A second click finds nothing left to do.
            Ok(()) | Err(AccountError::Repository(RepositoryError::NoSuchIdentity)) => {
                Ok(visit.go(paths::ACCOUNT, []))
            }
            Err(AccountError::Repository(RepositoryError::LastWayIn)) => {
                Ok(visit.trouble(Trouble::LastWayIn, None))
            }
            Err(error) => Err(error.into()),
        }
    };
    let unlinked = unlinked.await;
    visit.finish(unlinked)
}

impl Visit {
    /// The page for a login at a provider that did not succeed: no secret of the provider is on it.
    fn trouble(&self, trouble: Trouble, sealed: Option<&str>) -> HttpResponse {
        let status = match trouble {
            Trouble::Away => StatusCode::BAD_GATEWAY,
            Trouble::NoAccount | Trouble::Disabled | Trouble::Unverified => StatusCode::FORBIDDEN,
            Trouble::EmailTaken | Trouble::Taken | Trouble::LastWayIn => StatusCode::CONFLICT,
            Trouble::Over | Trouble::Refused | Trouble::Wrong | Trouble::NotRenewed => {
                StatusCode::BAD_REQUEST
            }
        };
        let base = self.frame().base;
        let place = match (trouble, sealed) {
            (Trouble::LastWayIn | Trouble::Taken, _) => format!("{base}{}", paths::ACCOUNT),
            (_, None | Some("")) => format!("{base}{}", paths::LOGIN),
            (_, Some(sealed)) => format!("{base}{}?flow={sealed}", paths::LOGIN),
        };
        let texts = self.frame().texts();
        let name = match trouble {
            Trouble::LastWayIn | Trouble::Taken => texts.common.account,
            _ => texts.provider.again,
        };
        self.fault_with(status, Fault::Provider(trouble), Some((&place, name)))
    }
}
