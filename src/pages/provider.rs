//! What concerns other providers: buttons, identities, and what went wrong there.

/// A provider to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderButton {
    /// Its name in URLs.
    pub name: String,
    /// What it is called.
    pub label: String,
}

/// An identity of the user at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// The provider's name in URLs.
    pub provider: String,
    /// What the provider is called.
    pub provider_label: String,
    /// The provider's name for the user.
    pub subject: String,
    /// How the user knows it.
    pub label: String,
}

/// The identities of a user, and what can be linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connected {
    /// Those that are linked.
    pub identities: Vec<LinkedIdentity>,
    /// The providers.
    pub providers: Vec<ProviderButton>,
    /// Proves that the forms are ours.
    pub form_token: String,
}

/// Why a login at another provider did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It took too long, was answered before, or another browser began it.
    Over,
    /// The provider does not respond, or not as it should.
    Away,
    /// The user, or the provider, said no.
    Refused,
    /// The response is not for this login.
    Wrong,
    /// The user had to log in again, and the provider does not say that this happened.
    NotRenewed,
    /// Nobody has the identity, and nobody new is taken.
    NoAccount,
    /// The provider has not verified the e-mail address.
    Unverified,
    /// The address belongs to an account that only its user can link.
    EmailTaken,
    /// The identity is linked to another account.
    Taken,
    /// The user is disabled.
    Disabled,
    /// The user would have no way left to sign in.
    LastWayIn,
}
