//! The listings of FastAPI's security tutorial, one module each, written with this library.
//!
//! ```sh
//! cargo run --example note -- --demo
//! ```

/// First steps: a token is demanded and shown again.
mod t001 {
    use crate::shared::JsonResult;
    use bailiwick::prelude::*;
    use serde::Serialize;

    schemes! {
        /// Any token will do.
        pub Oauth2Scheme as "T001" = OAuth2PasswordBearer::new("t001/token");
    }

    #[derive(Serialize, JsonSchema)]
    struct Shown {
        token: String,
    }

    #[api_v2_operation]
    async fn read_items(token: Depends<Oauth2Scheme>) -> JsonResult<Shown> {
        Ok(Json(Shown { token: token.expose().to_owned() }))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t001/items", || get().to(read_items));
    }
}

/// Get the current user: a dependency on top of the scheme.
mod t002 {
    use crate::shared::JsonResult;
    use bailiwick::prelude::*;
    use serde::Serialize;

    schemes! {
        /// The token is the user's name.
        pub Oauth2Scheme as "T002" = OAuth2PasswordBearer::new("t002/token");
    }

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T002User")]
    struct User {
        username: String,
        email: Option<String>,
        full_name: Option<String>,
        disabled: Option<bool>,
    }

    fn fake_decode_token(token: &str) -> User {
        User {
            username: format!("{token}fakedecoded"),
            email: Some("john@example.com".to_owned()),
            full_name: Some("John Doe".to_owned()),
            disabled: None,
        }
    }

    struct CurrentUser(User);

    impl Dependency for CurrentUser {
        type Needs = Oauth2Scheme;

        async fn build(token: Oauth2Scheme, _: &Call<'_>) -> Result<Self, ApiError> {
            Ok(Self(fake_decode_token(token.expose())))
        }
    }

    extractor!(CurrentUser);

    #[api_v2_operation]
    async fn read_users_me(CurrentUser(user): CurrentUser) -> JsonResult<User> {
        Ok(Json(user))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t002/users/me", || get().to(read_users_me));
    }
}

/// Simple OAuth2 with password and bearer: a table of users, a fake hash, active users.
mod t003 {
    use crate::shared::{JsonResult, Token, unauthorized};
    use bailiwick::prelude::*;
    use serde::Serialize;

    schemes! {
        /// The token is the user's name.
        pub Oauth2Scheme as "T003" = OAuth2PasswordBearer::new("t003/token");
    }

    #[derive(Clone, Copy, Serialize, JsonSchema)]
    #[schemars(rename = "T003User")]
    struct User {
        username: &'static str,
        full_name: &'static str,
        email: &'static str,
        hashed_password: &'static str,
        disabled: bool,
    }

    const FAKE_USERS_DB: [User; 2] = [
        User {
            username: "johndoe",
            full_name: "John Doe",
            email: "johndoe@example.com",
            hashed_password: "fakehashedsecret",
            disabled: false,
        },
        User {
            username: "alice",
            full_name: "Alice Wonderson",
            email: "alice@example.com",
            hashed_password: "fakehashedsecret2",
            disabled: true,
        },
    ];

    fn get_user(username: &str) -> Option<User> {
        FAKE_USERS_DB.into_iter().find(|user| user.username == username)
    }

    fn fake_hash_password(password: &str) -> String {
        format!("fakehashed{password}")
    }

    struct CurrentUser(User);

    impl Dependency for CurrentUser {
        type Needs = Oauth2Scheme;

        async fn build(token: Oauth2Scheme, _: &Call<'_>) -> Result<Self, ApiError> {
            let user = get_user(token.expose());
            user.map(Self).ok_or_else(|| unauthorized("Invalid authentication credentials"))
        }
    }

    struct ActiveUser(User);

    impl Dependency for ActiveUser {
        type Needs = CurrentUser;

        async fn build(CurrentUser(user): CurrentUser, _: &Call<'_>) -> Result<Self, ApiError> {
            if user.disabled { Err(ApiError::InactiveUser) } else { Ok(Self(user)) }
        }
    }

    extractor!(ActiveUser);

    #[api_v2_operation]
    async fn login(form: PasswordRequestForm) -> JsonResult<Token> {
        let hashed_password = fake_hash_password(form.password.expose());
        match get_user(&form.username) {
            Some(user) if user.hashed_password == hashed_password => {
                Ok(Token::bearer(user.username.to_owned()))
            }
            _ => Err(ApiError::BadRequest("Incorrect username or password")),
        }
    }

    #[api_v2_operation]
    async fn read_users_me(ActiveUser(user): ActiveUser) -> JsonResult<User> {
        Ok(Json(user))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t003/token", || post().to(login));
        route_with_slash(routes, "/t003/users/me", || get().to(read_users_me));
    }
}

/// OAuth2 with hashed passwords and JWT: bcrypt and signed tokens, no scopes.
mod t004 {
    use crate::shared::{JsonResult, Token, unauthorized};
    use bailiwick::NewToken;
    use bailiwick::prelude::*;
    use serde::Serialize;
    use std::time::Duration;

    /// `ACCESS_TOKEN_EXPIRE_MINUTES`, which is a setting, too.
    const ACCESS_TOKEN_EXPIRES: Duration = Duration::from_mins(30);

    schemes! {
        /// A signed token without scopes.
        pub Oauth2Scheme as "T004" = OAuth2PasswordBearer::new("t004/token");
    }

    #[derive(Clone, Copy, Serialize, JsonSchema)]
    #[schemars(rename = "T004User")]
    struct User {
        username: &'static str,
        email: &'static str,
        full_name: &'static str,
        disabled: bool,
        #[serde(skip)]
        hashed_password: &'static str,
    }

    /// The password is 1234.
    const FAKE_USERS_DB: [User; 1] = [User {
        username: "johndoe",
        email: "johndoe@example.com",
        full_name: "John Doe",
        disabled: false,
        hashed_password: "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G",
    }];

    fn get_user(username: &str) -> Option<User> {
        FAKE_USERS_DB.into_iter().find(|user| user.username == username)
    }

    struct CurrentUser(User);

    impl Dependency for CurrentUser {
        type Needs = Oauth2Scheme;

        async fn build(token: Oauth2Scheme, call: &Call<'_>) -> Result<Self, ApiError> {
            let claims = call.services()?.tokens.verify(token.expose()).ok();
            let user = claims.and_then(|claims| get_user(claims.subject.as_str()));
            user.map(Self).ok_or_else(|| call.invalid())
        }
    }

    struct ActiveUser(User);

    impl Dependency for ActiveUser {
        type Needs = CurrentUser;

        async fn build(CurrentUser(user): CurrentUser, _: &Call<'_>) -> Result<Self, ApiError> {
            if user.disabled { Err(ApiError::InactiveUser) } else { Ok(Self(user)) }
        }
    }

    extractor!(ActiveUser);

    #[api_v2_operation]
    async fn login(
        form: PasswordRequestForm,
        services: Data<Services>,
        request: HttpRequest,
    ) -> JsonResult<Token> {
        let refuse = || unauthorized("Incorrect username or password");
        let place = services.passwords.place(origin(&request), &form.username).await?;
        let hash = get_user(&form.username).and_then(|user| user.hashed_password.parse().ok());
        if !place.verify(form.password, hash).await?.matches {
            return Err(refuse());
        }
        let username = form.username.parse().map_err(|_| refuse())?;
        let token = NewToken::to_subject(&username).expires_in(ACCESS_TOKEN_EXPIRES);
        let token = services
            .tokens
            .create_access_token(token)
            .map_err(|error| ApiError::internal(&error))?;
        Ok(Token::bearer(token.access_token))
    }

    #[api_v2_operation]
    async fn read_users_me(ActiveUser(user): ActiveUser) -> JsonResult<User> {
        Ok(Json(user))
    }

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T004Item")]
    struct Item {
        item_id: &'static str,
        owner: &'static str,
    }

    #[api_v2_operation]
    async fn read_own_items(ActiveUser(user): ActiveUser) -> JsonResult<Vec<Item>> {
        Ok(Json(vec![Item { item_id: "Foo", owner: user.username }]))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t004/token", || post().to(login));
        route_with_slash(routes, "/t004/users/me", || get().to(read_users_me));
        route_with_slash(routes, "/t004/users/me/items", || get().to(read_own_items));
    }
}

/// OAuth2 scopes: this is what the library ships, so little is left to write.
mod t005 {
    use crate::shared::{JsonResult, Token};
    use bailiwick::prelude::*;
    use bailiwick::security::{ActiveUser, CurrentUser, ItemsRead, Scoped};
    use bailiwick::{GrantContext, PasswordGrant, User};
    use serde::Serialize;

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T005User")]
    struct Profile {
        username: String,
        email: Option<String>,
        full_name: Option<String>,
        disabled: bool,
    }

    impl From<&User> for Profile {
        fn from(user: &User) -> Self {
            let User { username, email, full_name, disabled, .. } = user.clone();
            let (email, full_name) = (email.map(String::from), full_name.map(String::from));
            Self { username: username.to_string(), email, full_name, disabled }
        }
    }

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T005Item")]
    struct Item {
        item_id: &'static str,
        owner: String,
    }

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T005Status")]
    struct Status {
        status: &'static str,
    }

    #[api_v2_operation]
    async fn login_for_access_token(
        PasswordRequestForm { username, password, scope, .. }: PasswordRequestForm,
        services: Data<Services>,
        request: HttpRequest,
    ) -> JsonResult<Token> {
        let Services { accounts, tokens, .. } = services.get_ref();
        let sender = sender(&request);
        let context = GrantContext { accounts, sender, tokens, strict: false };
        let token = PasswordGrant { username, password, scope }.redeem(context).await?;
        Ok(Token::bearer(token.access_token))
    }

    #[api_v2_operation]
    async fn read_users_me(caller: ActiveUser) -> JsonResult<Profile> {
        Ok(Json(Profile::from(&*caller)))
    }

    #[api_v2_operation]
    async fn read_own_items(caller: Scoped<ActiveUser, ItemsRead>) -> JsonResult<Vec<Item>> {
        Ok(Json(vec![Item { item_id: "Foo", owner: caller.username.to_string() }]))
    }

    #[api_v2_operation]
    async fn read_system_status(_: CurrentUser) -> JsonResult<Status> {
        Ok(Json(Status { status: "ok" }))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t005/token", || post().to(login_for_access_token));
        route_with_slash(routes, "/t005/users/me", || get().to(read_users_me));
        route_with_slash(routes, "/t005/users/me/items", || get().to(read_own_items));
        route_with_slash(routes, "/t005/status", || get().to(read_system_status));
    }
}

/// OAuth2 scopes, each step written out: `SecurityScopes`, and a token with a claim and a lifetime of
/// its own. Wherever the shipped steps will do, take those.
mod t005_by_hand {
    use crate::shared::{JsonResult, Token};
    use bailiwick::prelude::*;
    use bailiwick::security::{ItemsRead, MeRead, Scoped};
    use bailiwick::{NewToken, PasswordRequestFormStrict, Scopes, User};
    use serde::{Deserialize, Serialize};
    use std::sync::Arc;
    use std::time::Duration;

    schemes! {
        /// A signed token with scopes and a tenant.
        pub Oauth2Scheme as "T005ByHand" = OAuth2PasswordBearer::new("t005/by-hand/token");
    }

    const ACCESS_TOKEN_EXPIRES: Duration = Duration::from_mins(15);

    /// What a token says beside the subject and scopes.
    #[derive(Deserialize)]
    struct TokenData {
        tenant: String,
    }

    struct CurrentUser {
        user: Arc<User>,
        tenant: String,
    }

    impl Dependency for CurrentUser {
        type Needs = Oauth2Scheme;

        async fn build(token: Oauth2Scheme, call: &Call<'_>) -> Result<Self, ApiError> {
            let authenticate_value = match call.scope_str() {
                scopes if scopes.is_empty() => "Bearer".to_owned(),
                scopes => format!("Bearer scope=\"{scopes}\""),
            };
            let refuse = |detail: &str| {
                ApiError::http(StatusCode::UNAUTHORIZED, detail)
                    .with_header(WWW_AUTHENTICATE, authenticate_value.as_str())
            };
            let Services { tokens, accounts, .. } = call.services()?;
            let Ok((claims, TokenData { tenant })) = tokens.verify_as(token.expose()) else {
                return Err(refuse("Could not validate credentials"));
            };
            let user = accounts.holder(&claims).await?;
            let user = user.ok_or_else(|| refuse("Could not validate credentials"))?;
            let granted =
                |scope: &&str| claims.scopes.contains(scope) && user.scopes.contains(scope);
            if call.scopes().iter().all(granted) {
                Ok(Self { user, tenant })
            } else {
                Err(refuse("Not enough permissions"))
            }
        }
    }

    struct ActiveUser(CurrentUser);

    impl Dependency for ActiveUser {
        type Needs = Scoped<CurrentUser, MeRead>;

        async fn build(caller: Self::Needs, _: &Call<'_>) -> Result<Self, ApiError> {
            let caller = caller.into_inner();
            if caller.user.disabled { Err(ApiError::InactiveUser) } else { Ok(Self(caller)) }
        }
    }

    #[api_v2_operation]
    async fn login(
        PasswordRequestFormStrict(form): PasswordRequestFormStrict,
        services: Data<Services>,
        request: HttpRequest,
    ) -> JsonResult<Token> {
        let sender = sender(&request);
        let wrong = ApiError::BadRequest("Incorrect username or password");
        let scopes = form.scopes().into_iter().map(str::parse).collect::<Result<Scopes, _>>();
        let user = services.accounts.authenticate(&form.username, form.password, sender).await?;
        let user = user.ok_or(wrong)?;
        // A valid login may still ask for scopes that the user lacks.
        let scopes = match scopes {
            Ok(scopes) if scopes.iter().all(|scope| user.scopes.contains(scope)) => scopes,
            _ => return Err(ApiError::BadRequest("Not enough permissions")),
        };
        let token = NewToken::to(&user)
            .scopes(&scopes)
            .claim("tenant", "acme")
            .expires_in(ACCESS_TOKEN_EXPIRES);
        let token = services.tokens.create_access_token(token);
        Ok(Token::bearer(token.map_err(|error| ApiError::internal(&error))?.access_token))
    }

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T005ByHandItem")]
    struct OwnItem {
        item_id: &'static str,
        owner: String,
        tenant: String,
    }

    #[api_v2_operation]
    async fn read_own_items(caller: Scoped<ActiveUser, ItemsRead>) -> JsonResult<Vec<OwnItem>> {
        let ActiveUser(CurrentUser { user, tenant }) = caller.into_inner();
        Ok(Json(vec![OwnItem { item_id: "Foo", owner: user.username.to_string(), tenant }]))
    }

    #[api_v2_operation]
    async fn read_tenant(caller: Depends<CurrentUser>) -> JsonResult<String> {
        Ok(Json(caller.into_inner().tenant))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t005/by-hand/token", || post().to(login));
        route_with_slash(routes, "/t005/by-hand/users/me/items", || get().to(read_own_items));
        route_with_slash(routes, "/t005/by-hand/tenant", || get().to(read_tenant));
    }
}

/// HTTP Basic: the credentials are shown again, which only a demonstration may do.
mod t006 {
    use crate::shared::JsonResult;
    use bailiwick::prelude::*;
    use serde::Serialize;

    schemes! {
        /// Any user name and password will do.
        pub Security as "T006" = HttpBasic::new();
    }

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T006Credentials")]
    struct Shown {
        username: String,
        password: String,
    }

    #[api_v2_operation]
    async fn read_current_user(credentials: Depends<Security>) -> JsonResult<Shown> {
        let BasicCredentials { username, password } = credentials.into_inner().0;
        Ok(Json(Shown { username, password: password.expose().to_owned() }))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t006/users/me", || get().to(read_current_user));
    }
}

/// HTTP Basic with one user, compared in constant time.
mod t007 {
    use crate::shared::JsonResult;
    use bailiwick::prelude::*;
    use bailiwick::security::Secret;
    use serde::Serialize;

    schemes! {
        /// One user only.
        pub Security as "T007" = HttpBasic::new();
    }

    struct CurrentUsername(String);

    impl Dependency for CurrentUsername {
        type Needs = Security;

        async fn build(credentials: Security, _: &Call<'_>) -> Result<Self, ApiError> {
            let is_correct_username = Secret::new("stanleyjobson").equals(&credentials.username);
            let is_correct_password = credentials.password.equals("swordfish");
            // `&`, not `&&`: both are compared in any case.
            if is_correct_username & is_correct_password {
                return Ok(Self(credentials.username.clone()));
            }
            Err(ApiError::http(StatusCode::UNAUTHORIZED, "Incorrect username or password")
                .with_header(WWW_AUTHENTICATE, "Basic"))
        }
    }

    extractor!(CurrentUsername);

    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "T007User")]
    struct Username {
        username: String,
    }

    #[api_v2_operation]
    async fn read_current_user(CurrentUsername(username): CurrentUsername) -> JsonResult<Username> {
        Ok(Json(Username { username }))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        route_with_slash(routes, "/t007/users/me", || get().to(read_current_user));
    }
}

/// The two routes for trying the log's filters and nginx.
mod servers {
    use crate::shared::JsonResult;
    use bailiwick::prelude::*;

    #[api_v2_operation]
    async fn test() -> JsonResult<Option<String>> {
        Ok(Json(None))
    }

    #[api_v2_operation]
    async fn foo() -> JsonResult<String> {
        println!("foo");
        Ok(Json("foo".to_owned()))
    }

    pub(crate) fn mount(routes: &mut Routes) {
        routes.route("/", get().to(test));
        routes.route("/foo", get().to(foo));
    }
}

/// What the listings share.
mod shared {
    use bailiwick::prelude::*;
    use serde::Serialize;

    pub(crate) type JsonResult<T> = Result<Json<T>, ApiError>;

    /// What a login gives.
    #[derive(Serialize, JsonSchema)]
    #[schemars(rename = "TutorialToken")]
    pub(crate) struct Token {
        pub(crate) access_token: String,
        pub(crate) token_type: &'static str,
    }

    impl Token {
        pub(crate) fn bearer(access_token: String) -> Json<Self> {
            Json(Self { access_token, token_type: "bearer" })
        }
    }

    /// A refusal with the bearer challenge.
    pub(crate) fn unauthorized(detail: &str) -> ApiError {
        ApiError::http(StatusCode::UNAUTHORIZED, detail).with_header(WWW_AUTHENTICATE, "Bearer")
    }
}

fn main() -> std::process::ExitCode {
    bailiwick::Server::new("note")
        .mount(t001::mount)
        .mount(t002::mount)
        .mount(t003::mount)
        .mount(t004::mount)
        .mount(t005::mount)
        .mount(t005_by_hand::mount)
        .mount(t006::mount)
        .mount(t007::mount)
        .mount(servers::mount)
        .run_from_args()
}
