//! Tokens without an authorization server, to try a service out and to test it.

use std::error::Error;
use std::fmt::{self, Write as _};

use portcullis::{BundleFiles, UnixTime};
use portcullis_testkit::TestIssuer;
use serde_json::{Value, json};
use toml::Table;

/// An issuer that lives as long as the program. Whoever can start a service with it can be anybody there, so such a
/// service is for its own machine only.
pub struct Demo {
    issuer: TestIssuer,
    resource: String,
    now: UnixTime,
}

impl Demo {
    /// An issuer with a fresh key, for the service at `resource`. Its tokens are issued at `now`, for one hour.
    #[must_use]
    pub fn new(resource: impl Into<String>, now: UnixTime) -> Self {
        Self { issuer: TestIssuer::new("https://issuer.example.com"), resource: resource.into(), now }
    }

    /// The bundle in `files`, whose settings trust this issuer in place of the first that they name.
    ///
    /// # Errors
    ///
    /// If the settings cannot be read, or name no issuer.
    pub fn trusted_by(&self, files: BundleFiles) -> Result<BundleFiles, Box<dyn Error + Send + Sync>> {
        let mut settings: Table = files.get(SETTINGS).unwrap_or_default().parse()?;
        let keys = Table::from_iter([("inline".to_owned(), toml::Value::try_from(self.issuer.jwks())?)]);
        let issuer = settings.get_mut("issuer").and_then(|issuers| issuers.get_mut(0)?.as_table_mut());
        let issuer = issuer.ok_or("the settings name no issuer")?;
        issuer.insert("issuer".to_owned(), self.issuer.identifier().into());
        issuer.insert("keys".to_owned(), keys.into());
        settings.insert("resource".to_owned(), vec![self.resource.as_str()].into());
        Ok(files.with_file(SETTINGS, settings.to_string()))
    }

    /// A token with `claims` beside the usual ones, which are those of a login with a second factor a minute ago.
    #[must_use]
    pub fn token(&self, claims: Value) -> String {
        let now = self.now.as_secs();
        let mut all = json!({
            "iss": self.issuer.identifier(),
            "aud": self.resource,
            "client_id": "mobile",
            "iat": now,
            "exp": now + 3_600,
            "jti": "demo",
            "auth_time": now - 60,
            "acr": "urn:acme:mfa",
            "org_id": "acme",
        });
        if let (Some(all), Value::Object(claims)) = (all.as_object_mut(), claims) {
            all.extend(claims);
        }
        self.issuer.sign(&all)
    }

    /// Lines for a shell: `URL`, and a variable with a token for each persona.
    #[must_use]
    pub fn variables(&self) -> String {
        let mut text = format!("URL={}\n", self.resource);
        for (name, who, claims) in self.personas() {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{name}={} # {who}", self.token(claims));
        }
        text
    }

    /// The name of the variable, who it is, and what is in the token. No token says a role: those are in the database.
    fn personas(&self) -> Vec<(&'static str, &'static str, Value)> {
        let agent = |name: &str| json!({ "sub": name, "sub_profile": "ai_agent" });
        let all = "manage:projects read:profile";
        vec![
            ("ADA", "an admin of acme", json!({ "sub": "ada", "scope": all })),
            (
                "ADA_READING",
                "Ada, who let a program read and no more",
                json!({ "sub": "ada", "scope": "read:projects" }),
            ),
            (
                "ADA_YESTERDAY",
                "Ada, who logged in yesterday",
                json!({ "sub": "ada", "scope": all, "auth_time": self.now.as_secs() - 86_400 }),
            ),
            ("ED", "an editor", json!({ "sub": "ed", "scope": all })),
            ("VIC", "a viewer at acme, though an admin elsewhere", json!({ "sub": "vic", "scope": all })),
            ("OLGA", "nothing but the owner of apollo and gemini", json!({ "sub": "olga", "scope": all })),
            ("CARL", "nothing but a collaborator on apollo", json!({ "sub": "carl", "scope": all })),
            ("BILL", "who sees to billing", json!({ "sub": "bill", "scope": "manage:billing" })),
            ("EVE", "an admin of umbrella", json!({ "sub": "eve", "scope": all, "org_id": "umbrella" })),
            (
                "SUMMARISER",
                "a reading agent that acts for Ada",
                json!({ "sub": "ada", "scope": all, "act": agent("summariser") }),
            ),
            (
                "DRAFTER",
                "a writing agent that acts for Ed",
                json!({ "sub": "ed", "scope": all, "act": agent("drafter") }),
            ),
            (
                "NIGHTLY",
                "the service nightly-report",
                json!({ "sub": "nightly-report", "client_id": "nightly-report", "scope": "read:projects" }),
            ),
        ]
    }
}

impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demo").field("resource", &self.resource).finish_non_exhaustive()
    }
}

const SETTINGS: &str = "portcullis.toml";
