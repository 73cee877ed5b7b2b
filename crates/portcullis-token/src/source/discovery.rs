//! What an issuer publishes about itself (RFC 8414, OpenID Connect Discovery 1.0).

use std::time::Duration;

use portcullis_core::UnixTime;
use reqwest::Url;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::freshness::{Age, Freshness};
use crate::http::{Endpoint, EndpointError, HttpError, Network, Reply};
use crate::json::{InvalidJson, parse_object};
use crate::limits::{JsonLimits, Limits};

/// The metadata of one issuer, fetched when needed.
///
/// Metadata may not move the issuer's endpoints to another host while the process runs: whoever can change a document
/// for an hour could have tokens verified with keys of his own for a day. What was known before stays in use, and the
/// log says so. A restart adopts the change.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// As it stands in `iss`: compared octet by octet.
    issuer: String,
    root: Endpoint,
    locations: Vec<Endpoint>,
    known: Mutex<Option<Known>>,
}

/// The members of the metadata that a resource server uses.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub(crate) jwks_uri: Endpoint,
    /// Where opaque tokens are introspected (RFC 7662).
    pub(crate) introspection_endpoint: Option<Endpoint>,
}

#[derive(Debug)]
struct Known {
    metadata: Metadata,
    freshness: Freshness,
    /// Its keys could not be fetched: perhaps they have moved.
    is_doubtful: bool,
}

impl Discovery {
    /// # Errors
    ///
    /// If `issuer` is not a URL under which metadata can be looked for.
    pub(crate) fn new(issuer: &str, network: &Network) -> Result<Self, EndpointError> {
        let root = Endpoint::new(issuer, network)?;
        let locations = locations(root.url()).iter().map(|url| root.sibling(url.as_str())).collect::<Result<_, _>>()?;
        Ok(Self { issuer: issuer.to_owned(), root, locations, known: Mutex::new(None) })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The metadata at `now`. `alias` is for the log; for `max_stale` after their lifetime, metadata are used although
    /// they cannot be fetched again.
    pub(crate) async fn metadata(
        &self,
        alias: &str,
        now: UnixTime,
        max_stale: Duration,
    ) -> Result<Metadata, DiscoveryError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| !known.is_doubtful && known.age(now) == Age::Fresh) {
            return Ok(known.metadata.clone());
        }
        let found = self.probe(alias).await;
        let accepted = found.and_then(|(metadata, reply)| match known.as_ref() {
            Some(known) => metadata.stays_where(&known.metadata).map(|()| (metadata, reply)),
            None => Ok((metadata, reply)),
        });
        match (accepted, known.as_mut()) {
            (Ok((metadata, reply)), _) => {
                let freshness = Freshness::new(&reply.headers, now, max_stale);
                *known = Some(Known { metadata: metadata.clone(), freshness, is_doubtful: false });
                Ok(metadata)
            }
            (Err(error), Some(known)) if error.is_suspicious() => {
                tracing::error!(issuer = alias, %error, "a change of an issuer's metadata is held back");
                Ok(known.metadata.clone())
            }
            (Err(error), Some(known)) if known.age(now) != Age::Expired => {
                tracing::warn!(issuer = alias, %error, "the metadata of an issuer cannot be fetched again");
                Ok(known.metadata.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Looks the metadata up before their keys are fetched again.
    pub(crate) async fn doubt(&self) {
        if let Some(known) = self.known.lock().await.as_mut() {
            known.is_doubtful = true;
        }
    }

    /// Asks all locations, in their order. The first document is used, and those behind it must not contradict it.
    async fn probe(&self, alias: &str) -> Result<(Metadata, Reply), DiscoveryError> {
        let mut found: Option<(Metadata, Reply)> = None;
        for location in &self.locations {
            let reply = location.get("application/json", MAX_BODY_BYTES).await?;
            if is_absent(reply.status) {
                continue;
            }
            // Some servers answer any path with a page of theirs; behind a document that says nothing.
            if found.is_some() && reply.status == 200 && !reply.is("application/json") {
                continue;
            }
            let metadata = self.read(&reply, location.url(), alias)?;
            match &found {
                Some((first, _)) => first.agrees_with(&metadata)?,
                None => found = Some((metadata, reply)),
            }
        }
        found.ok_or(DiscoveryError::Nowhere)
    }

    /// RFC 8414 §3.2 and §3.3.
    fn read(&self, reply: &Reply, url: &Url, alias: &str) -> Result<Metadata, DiscoveryError> {
        if reply.status != 200 {
            return Err(DiscoveryError::Status { url: url.to_string(), status: reply.status });
        }
        if !reply.is("application/json") {
            return Err(DiscoveryError::MediaType { url: url.to_string() });
        }
        let document = parse_object(&reply.body, &LIMITS)
            .map_err(|reason| DiscoveryError::Json { url: url.to_string(), reason })?;
        // The owner of any host could announce somebody else's issuer.
        if document.get("issuer").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(DiscoveryError::OtherIssuer { url: url.to_string() });
        }
        if document.contains_key("signed_metadata") {
            // RFC 8414 §2.1 lets recipients ignore it; TLS vouches for the plain members.
            tracing::debug!(issuer = alias, "`signed_metadata` is ignored, the plain members are used");
        }
        let endpoint = |member| self.endpoint(&document, member);
        Ok(Metadata {
            jwks_uri: endpoint("jwks_uri")?.ok_or(DiscoveryError::NoKeys { url: url.to_string() })?,
            introspection_endpoint: endpoint("introspection_endpoint")?,
        })
    }

    fn endpoint(
        &self,
        document: &Map<String, Value>,
        member: &'static str,
    ) -> Result<Option<Endpoint>, DiscoveryError> {
        let Some(value) = document.get(member) else { return Ok(None) };
        let url = value.as_str().ok_or(DiscoveryError::NotText { member })?;
        self.root.sibling(url).map(Some).map_err(|reason| DiscoveryError::Endpoint { member, reason })
    }
}

impl Known {
    fn age(&self, now: UnixTime) -> Age {
        self.freshness.age(now)
    }
}

impl Metadata {
    fn members(&self) -> [(&'static str, Option<&Url>); 2] {
        [
            ("jwks_uri", Some(self.jwks_uri.url())),
            ("introspection_endpoint", self.introspection_endpoint.as_ref().map(Endpoint::url)),
        ]
    }

    /// Two documents of one issuer may differ in what only one of them needs, but not about keys.
    fn agrees_with(&self, other: &Self) -> Result<(), DiscoveryError> {
        if self.jwks_uri.url() == other.jwks_uri.url() { Ok(()) } else { Err(DiscoveryError::Diverging) }
    }

    fn stays_where(&self, known: &Self) -> Result<(), DiscoveryError> {
        let pairs = self.members().into_iter().zip(known.members());
        for ((member, now), (_, before)) in pairs {
            if let (Some(now), Some(before)) = (now, before)
                && now.origin() != before.origin()
            {
                return Err(DiscoveryError::Moved { member, from: before.to_string(), to: now.to_string() });
            }
        }
        Ok(())
    }
}

/// Why there are no metadata. For the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    #[error("the metadata for OAuth and for OpenID Connect name different `jwks_uri`")]
    Diverging,
    #[error("`{member}` of the metadata: {reason}")]
    Endpoint { member: &'static str, reason: EndpointError },
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the metadata at {url} are not acceptable JSON: {reason}")]
    Json { url: String, reason: InvalidJson },
    #[error("the answer of {url} is not of type application/json")]
    MediaType { url: String },
    #[error("`{member}` moved from {from} to another server, {to}; restart to accept that")]
    Moved { member: &'static str, from: String, to: String },
    #[error("the metadata at {url} have no `jwks_uri`")]
    NoKeys { url: String },
    #[error("the issuer publishes no metadata at any of the usual places; say where its keys are")]
    Nowhere,
    #[error("`{member}` of the metadata is not a text")]
    NotText { member: &'static str },
    #[error("the metadata at {url} are those of another issuer, or of this one spelled differently")]
    OtherIssuer { url: String },
    #[error("{url} answered with status {status}")]
    Status { url: String, status: u16 },
}

impl DiscoveryError {
    /// Whether somebody may have taken the document over.
    fn is_suspicious(&self) -> bool {
        matches!(self, Self::Moved { .. } | Self::OtherIssuer { .. })
    }
}

/// RFC 8414 §3.1 and §5, OpenID Connect Discovery 1.0 §4: where metadata may be, the most specific standard first.
fn locations(issuer: &Url) -> Vec<Url> {
    let path = issuer.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let paths = [
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    let mut urls: Vec<Url> = Vec::new();
    for path in paths {
        let mut url = issuer.clone();
        url.set_path(&path);
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

/// Statuses that say nothing is there. Of those about clients, two are about the moment, not the place.
fn is_absent(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 408 | 429)
}

/// The largest that products publish has some 10 KB.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// As for tokens, but a member that is ignored, such as `signed_metadata`, may be long.
const LIMITS: JsonLimits = JsonLimits { string_bytes: 64 * 1024, ..Limits::DEFAULT.json };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_looked_for_where_the_standards_put_them() {
        // ASM-02, ASM-03, ASM-04: an identifier with and without a slash at its end shares the locations.
        let (oauth, openid) = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration");
        for (issuer, paths) in [
            ("https://as.example.com", vec![oauth.to_owned(), openid.to_owned()]),
            ("https://as.example.com/", vec![oauth.to_owned(), openid.to_owned()]),
            (
                "https://as.example.com/tenant1",
                vec![format!("{oauth}/tenant1"), format!("{openid}/tenant1"), format!("/tenant1{openid}")],
            ),
            (
                "https://as.example.com/tenant1/",
                vec![format!("{oauth}/tenant1"), format!("{openid}/tenant1"), format!("/tenant1{openid}")],
            ),
            (
                "https://as.example.com/a%20b/c",
                vec![format!("{oauth}/a%20b/c"), format!("{openid}/a%20b/c"), format!("/a%20b/c{openid}")],
            ),
        ] {
            let found: Vec<String> = locations(&Url::parse(issuer).unwrap()).iter().map(Url::to_string).collect();
            let expected: Vec<String> = paths.iter().map(|path| format!("https://as.example.com{path}")).collect();
            assert_eq!(found, expected, "{issuer}");
        }
    }
}
