//! What the access tokens of known products look like: one file of data for each product.

mod claim_name;
mod definition;
mod issuer_form;
mod rules;

use portcullis_core::Profile;
use serde::Deserialize;

use crate::algorithm::Algorithm;
pub(crate) use claim_name::ClaimName;
use definition::Definition;
pub(crate) use issuer_form::Identifier;
pub(crate) use rules::{ClientAsAudience, ScopeForm, SubjectForm, TokenRules};

/// The list of presets: each is a variant, its name in settings, and the file of this name.
macro_rules! presets {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What the access tokens of one product look like: how they are verified, and how their claims are read.
        ///
        /// A preset states facts about a product. Whom to trust, and for which audience, is stated for each issuer.
        /// `docs/presets.md` describes them all.
        ///
        /// ```
        /// use portcullis_token::{Algorithm, Preset};
        ///
        /// assert_eq!(Preset::Auth0.algorithms(), [Algorithm::Rs256]);
        /// let keys = Preset::Auth0.jwks_uri("https://example.eu.auth0.com/");
        /// assert_eq!(keys.as_deref(), Some("https://example.eu.auth0.com/.well-known/jwks.json"));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
        #[non_exhaustive]
        pub enum Preset {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Preset {
            /// All presets, by name.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in settings.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("data/", $name, ".toml")),)* }
            }
        }
    };
}

presets! {
    /// Auth0, with either of its token profiles.
    Auth0 = "auth0",
    /// Authress: users, and services that sign for themselves.
    Authress = "authress",
    /// Clerk: sessions, and access tokens of OAuth clients.
    Clerk = "clerk",
    /// Cloudflare Access: what the edge says of a request.
    CloudflareAccess = "cloudflare-access",
    /// Amazon Cognito user pools.
    Cognito = "cognito",
    /// Curity Identity Server.
    Curity = "curity",
    /// Descope: sessions, inbound apps and MCP servers.
    Descope = "descope",
    /// Duende `IdentityServer`.
    Duende = "duende",
    /// Microsoft Entra ID, with either version of its tokens.
    Entra = "entra",
    /// `FusionAuth`.
    FusionAuth = "fusionauth",
    /// Google, whose access tokens are opaque.
    Google = "google",
    /// Janssen.
    Janssen = "janssen",
    /// Keycloak.
    Keycloak = "keycloak",
    /// Kinde.
    Kinde = "kinde",
    /// Logto.
    Logto = "logto",
    /// Okta: custom authorization servers.
    Okta = "okta",
    /// Ory Hydra and Ory Network.
    Ory = "ory",
    /// `PingAM`.
    PingAm = "pingam",
    /// `PingFederate`, with the claim names of RFC 9068.
    PingFederate = "pingfederate",
    /// `PingOne`.
    PingOne = "pingone",
    /// RFC 9068 to the letter, for every issuer that does what the standards say.
    Rfc9068 = "rfc9068",
    /// Spring Authorization Server.
    Spring = "spring",
    /// Stytch: machines, and Connected Apps.
    Stytch = "stytch",
    /// `WorkOS` Connect.
    WorkOs = "workos",
    /// Zitadel.
    Zitadel = "zitadel",
}

impl Preset {
    /// How claims become a caller.
    #[must_use]
    pub fn profile(self) -> Profile {
        self.definition().profile.unwrap_or_else(Profile::rfc9068)
    }

    /// What the product signs with unless it is configured otherwise. Empty if the operator must say.
    #[must_use]
    pub fn algorithms(self) -> Vec<Algorithm> {
        self.definition().algorithms
    }

    /// Where the product publishes the keys of `issuer`. `None` if only the issuer's metadata can tell.
    #[must_use]
    pub fn jwks_uri(self, issuer: &str) -> Option<String> {
        self.definition().form_of(issuer)?.jwks_uri(issuer)
    }

    /// Where the product answers questions about opaque tokens of `issuer` (RFC 7662). `None` if only the issuer's
    /// metadata can tell, or the product does not answer.
    #[must_use]
    pub fn introspection_endpoint(self, issuer: &str) -> Option<String> {
        self.definition().form_of(issuer)?.introspection_endpoint(issuer)
    }

    pub(crate) fn rules(self) -> TokenRules {
        self.definition().token
    }

    /// What kind of identifier `issuer` is. The error lists the forms that the product's issuers have.
    pub(crate) fn identify(self, issuer: &str) -> Result<Identifier, String> {
        let definition = self.definition();
        definition.form_of(issuer).map(issuer_form::IssuerForm::identifier).ok_or_else(|| definition.forms())
    }

    fn definition(self) -> Definition {
        #[expect(clippy::expect_used, reason = "the text is a constant, and a test reads each")]
        toml::from_str(self.text()).expect("a sound preset")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_sound() {
        for preset in Preset::ALL {
            let definition: Definition = toml::from_str(preset.text()).unwrap();
            definition.check();
            let _ = preset.profile();
        }
    }

    #[test]
    fn every_preset_is_described() {
        let page = include_str!("../../../../docs/presets.md");
        for preset in Preset::ALL {
            assert_eq!(page.matches(&format!("\n| `{}` |", preset.name())).count(), 1, "{preset:?}");
        }
    }

    #[test]
    fn presets_know_where_keys_are() {
        for (preset, issuer, keys) in [
            (Preset::Auth0, "https://a.eu.auth0.com/", Some("https://a.eu.auth0.com/.well-known/jwks.json")),
            (Preset::Okta, "https://a.okta.com/oauth2/default", Some("https://a.okta.com/oauth2/default/v1/keys")),
            (
                Preset::Keycloak,
                "http://localhost:8080/realms/a",
                Some("http://localhost:8080/realms/a/protocol/openid-connect/certs"),
            ),
            (
                Preset::Keycloak,
                "https://a/auth/realms/b",
                Some("https://a/auth/realms/b/protocol/openid-connect/certs"),
            ),
            (
                Preset::Entra,
                "https://sts.windows.net/t/",
                Some("https://login.microsoftonline.com/t/discovery/v2.0/keys"),
            ),
            (
                Preset::Entra,
                "https://login.microsoftonline.com/t/v2.0",
                Some("https://login.microsoftonline.com/t/discovery/v2.0/keys"),
            ),
            (Preset::Descope, "P2k", Some("https://api.descope.com/P2k/.well-known/jwks.json")),
            (
                Preset::Descope,
                "https://auth.a.com/v1/apps/agentic/P2k/MS1",
                Some("https://auth.a.com/P2k/.well-known/jwks.json"),
            ),
            (Preset::Stytch, "stytch.com/project-1", Some("https://api.stytch.com/v1/sessions/jwks/project-1")),
            (Preset::FusionAuth, "acme.com", None),
            (Preset::Google, "https://accounts.google.com", None),
            (Preset::Rfc9068, "https://as.example.com", None),
            (Preset::Okta, "https://a.okta.com", None),
        ] {
            assert_eq!(preset.jwks_uri(issuer).as_deref(), keys, "{preset:?} {issuer}");
        }
        for (preset, issuer, endpoint) in [
            (Preset::Curity, "https://a/oauth/v2/oauth-anonymous", Some("https://a/oauth/v2/oauth-introspect")),
            (Preset::Google, "https://accounts.google.com", Some("https://oauth2.googleapis.com/tokeninfo")),
            (Preset::Ory, "https://a/", Some("https://a/admin/oauth2/introspect")),
            (Preset::Auth0, "https://a/", None),
        ] {
            assert_eq!(preset.introspection_endpoint(issuer).as_deref(), endpoint, "{preset:?} {issuer}");
        }
    }
}
