//! The words of the audit log: what was done, and why it was not.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them, for the tests that see to each.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in the log.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words! {
    /// What the audit log tells of.
    AuditAction {
        /// A password was shown, for a token or in a request of its own.
        Login = "login",
        /// A browser got a session.
        SessionStart = "session_start",
        /// Sessions were ended before they were over.
        SessionEnd = "session_end",
        /// Somebody came back from another provider.
        ProviderLogin = "provider_login",
        /// A user linked an identity at another provider, or it was linked by its address.
        IdentityLink = "identity_link",
        /// A user unlinked an identity.
        IdentityUnlink = "identity_unlink",
        /// An access token was issued.
        TokenIssue = "token_issue",
        /// A refresh token was presented; only told when it was refused.
        TokenRefresh = "token_refresh",
        /// A client got a code for what a user granted it.
        Authorize = "authorize",
        /// A user was asked what a client may do.
        Consent = "consent",
        /// A user took back what a client was allowed.
        ConsentWithdraw = "consent_withdraw",
        /// An authorization code was presented; only told when it was refused.
        CodeRedeem = "code_redeem",
        /// A token was ended by whoever held it.
        TokenRevoke = "token_revoke",
        /// A user was created.
        UserCreate = "user_create",
        /// Details of a user were changed.
        UserChange = "user_change",
        /// A user got another name.
        UserRename = "user_rename",
        /// A user was disabled.
        UserDisable = "user_disable",
        /// A user was enabled.
        UserEnable = "user_enable",
        /// A user's wrong passwords were forgotten.
        UserUnlock = "user_unlock",
        /// All tokens of a user were ended.
        UserSignOut = "user_sign_out",
        /// A user was deleted.
        UserDelete = "user_delete",
        /// A user's scopes were replaced.
        ScopesChange = "scopes_change",
        /// A user changed the own password, with the old one.
        PasswordChange = "password_change",
        /// Somebody set a user's password.
        PasswordSet = "password_set",
        /// Users of another application were added.
        UserImport = "user_import",
        /// An API key was made.
        ApiKeyMake = "api_key_make",
        /// An API key was revoked.
        ApiKeyRevoke = "api_key_revoke",
        /// An API key was presented; only told when it was refused.
        ApiKeyUse = "api_key_use",
        /// A key that signs tokens was made.
        SigningKeyMake = "signing_key_make",
        /// A key that signs tokens was imported.
        SigningKeyImport = "signing_key_import",
        /// The next key that signs tokens was published, or its turn came.
        SigningKeyRotate = "signing_key_rotate",
        /// A key that signs tokens was ended.
        SigningKeyRetire = "signing_key_retire",
        /// The keys that seal data were sealed with the signing secret.
        ServerKeysRewrap = "server_keys_rewrap",
        /// Keys that cannot be opened any more were replaced.
        ServerKeysDiscard = "server_keys_discard",
        /// A client was registered.
        ClientAdd = "client_add",
        /// What is registered of a client was changed.
        ClientChange = "client_change",
        /// A client got another secret.
        ClientSecretRotate = "client_secret_rotate",
        /// A client was deleted.
        ClientDelete = "client_delete",
        /// A client tried to prove who it is; only told when it was refused.
        ClientAuthenticate = "client_authenticate",
        /// The server read its settings again.
        SettingsReload = "settings_reload",
        /// The database was replaced by a backup.
        DatabaseRestore = "database_restore",
    }
}

words! {
    /// Why something was not done.
    AuditReason {
        /// Nobody has the name.
        UnknownUser = "unknown_user",
        /// Another password.
        WrongPassword = "wrong_password",
        /// What is stored of the password can be compared with none here.
        UnusableHash = "unusable_hash",
        /// The user is disabled.
        UserDisabled = "user_disabled",
        /// The user does not hold the scope.
        ScopeNotAllowed = "scope_not_allowed",
        /// Too many failures before.
        Throttled = "throttled",
        /// Too many logins at once.
        Busy = "busy",
        /// Whoever asked did not wait for the response.
        ClientGone = "client_gone",
        /// The name belongs to another user.
        NameTaken = "name_taken",
        /// The e-mail address belongs to another user.
        EmailTaken = "email_taken",
        /// It was changed by somebody else meanwhile.
        ChangedMeanwhile = "changed_meanwhile",
        /// The caller was deleted meanwhile.
        CallerDeleted = "caller_deleted",
        /// The caller was disabled meanwhile.
        CallerDisabled = "caller_disabled",
        /// The caller has lost the scope meanwhile.
        CallerLostScope = "caller_lost_scope",
        /// The caller's API key was revoked meanwhile.
        CallerKeyRevoked = "caller_key_revoked",
        /// No server on this database has made the refresh token.
        UnknownToken = "unknown_token",
        /// The login of the refresh token has ended.
        TokenEnded = "token_ended",
        /// The refresh token was used before, and others have gone on since: its login was ended.
        TokenReused = "token_reused",
        /// There is no such session, or no more.
        UnknownSession = "unknown_session",
        /// No server on this database has made the code, or its time is over.
        UnknownCode = "unknown_code",
        /// The code was used before.
        CodeReused = "code_reused",
        /// The code or the refresh token is another client's.
        OtherClient = "other_client",
        /// The code was asked for by somebody else: the verifier is missing or wrong.
        WrongVerifier = "wrong_verifier",
        /// The code was sent to another place.
        OtherRedirect = "other_redirect",
        /// The user said no.
        Denied = "denied",
        /// There is no such key, or no more.
        UnknownKey = "unknown_key",
        /// The secret of an API key is wrong.
        WrongKey = "wrong_key",
        /// The API key has expired.
        KeyExpired = "key_expired",
        /// The API key is another user's.
        OtherUsersKey = "other_users_key",
        /// An API key cannot make API keys.
        KeyMakesKey = "key_makes_key",
        /// The user has too many API keys.
        TooManyKeys = "too_many_keys",
        /// There is no such client.
        UnknownClient = "unknown_client",
        /// The client is in the configuration, and is changed there.
        ConfiguredClient = "configured_client",
        /// There are too many clients.
        TooManyClients = "too_many_clients",
        /// A client's secret is wrong, or has ended.
        WrongSecret = "wrong_secret",
        /// A client's assertion is wrong.
        WrongAssertion = "wrong_assertion",
        /// A client's keys could not be fetched.
        KeysUnavailable = "keys_unavailable",
        /// A client's assertion was shown before.
        ReplayedAssertion = "replayed_assertion",
        /// The client is registered with another way to prove who it is.
        OtherAuthMethod = "other_auth_method",
        /// The identity belongs to another user.
        IdentityTaken = "identity_taken",
        /// Nobody has the identity, and nobody new is taken.
        UnknownIdentity = "unknown_identity",
        /// The user has no password and no other identity.
        LastWayIn = "last_way_in",
        /// The login is over, was answered before, or another browser began it.
        UnknownState = "unknown_state",
        /// The response is another provider's.
        WrongIssuer = "wrong_issuer",
        /// The user, or the provider, said no.
        ProviderRefused = "provider_refused",
        /// The provider does not respond, or not as it should.
        ProviderUnavailable = "provider_unavailable",
        /// The provider's ID token is not for this login.
        WrongIdToken = "wrong_id_token",
        /// The user had to log in again at the provider, which does not say that this happened.
        LoginNotRenewed = "login_not_renewed",
        /// The provider has not verified the e-mail address.
        EmailUnverified = "email_unverified",
        /// Callers need the old password to change their own.
        OwnPassword = "own_password",
        /// Nobody would be left to administer users.
        LastAdministrator = "last_administrator",
        /// The new settings, or what was to be restored or imported, are not sound.
        Invalid = "invalid",
        /// The database does not answer.
        DatabaseUnavailable = "database_unavailable",
        /// A fault of the server.
        Internal = "internal",
    }
}
