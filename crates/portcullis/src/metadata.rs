//! Protected resource metadata (RFC 9728): what clients learn before they have a token.

use std::collections::BTreeMap;

use http::uri::Authority;
use http::{HeaderMap, Uri, header};
use portcullis_core::{Bundle, Scope};
use portcullis_token::{BindingRule, Issuer, ProofVerifier, Verifier};
use serde::Serialize;

use crate::connection::Proxies;
use crate::resource_identifier::{Location, ResourceIdentifier, WELL_KNOWN, is_loopback};

/// What the operator says about the service as a protected resource. Everything else in its metadata follows from
/// bundle and settings.
///
/// ```
/// use portcullis::ProtectedResource;
///
/// let identifier = "https://api.example.com".parse()?;
/// let resource = ProtectedResource::new([identifier])?.with("resource_name", "Orders")?;
/// assert_eq!(resource.metadata_url(), Some("https://api.example.com/.well-known/oauth-protected-resource"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProtectedResource {
    identifiers: Vec<ResourceIdentifier>,
    descriptions: BTreeMap<String, String>,
}

impl ProtectedResource {
    /// The resource that goes by `identifiers`, of which each has a document of its own. The first that has a place for
    /// one is the one that challenges lead to.
    ///
    /// # Errors
    ///
    /// If two documents would have one place, so that a client could not find its own.
    pub fn new(identifiers: impl IntoIterator<Item = ResourceIdentifier>) -> Result<Self, ProtectedResourceError> {
        let identifiers: Vec<ResourceIdentifier> = identifiers.into_iter().collect();
        for (place, identifier) in identifiers.iter().enumerate() {
            let same = |other: &&ResourceIdentifier| {
                identifier == *other
                    || (other.metadata_url().is_some() && other.metadata_url() == identifier.metadata_url())
            };
            if let Some(other) = identifiers.iter().take(place).find(same) {
                return Err(ProtectedResourceError::SamePlace {
                    one: other.to_string(),
                    other: identifier.to_string(),
                });
            }
        }
        Ok(Self { identifiers, descriptions: BTreeMap::new() })
    }

    /// Adds the member `name` for people to the documents: [`ProtectedResource::DESCRIPTIONS`], each also with a language,
    /// such as `resource_name#it` (RFC 9728 §2.1).
    ///
    /// # Errors
    ///
    /// If there is no such member, or `value` is not what it holds: text for a name, else an `https` URL (`http` on
    /// loopback).
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self, ProtectedResourceError> {
        let (name, value) = (name.into(), value.into());
        let (base, language) = name.split_once('#').map_or((name.as_str(), None), |(base, tag)| (base, Some(tag)));
        if !Self::DESCRIPTIONS.contains(&base) || !language.is_none_or(is_language_tag) {
            return Err(ProtectedResourceError::UnknownMember { name });
        }
        if base == NAME && (value.trim().is_empty() || value.chars().any(char::is_control)) {
            return Err(ProtectedResourceError::NotAName { name });
        }
        if base != NAME && !is_page(&value) {
            return Err(ProtectedResourceError::NotAUrl { name, value });
        }
        self.descriptions.insert(name, value);
        Ok(self)
    }

    /// The members for people.
    pub const DESCRIPTIONS: &[&str] = &[NAME, "resource_documentation", "resource_policy_uri", "resource_tos_uri"];

    /// Where challenges lead: the metadata of the first identifier that has a place for them.
    #[must_use]
    pub fn metadata_url(&self) -> Option<&str> {
        self.identifiers.iter().find_map(ResourceIdentifier::metadata_url)
    }

    /// The paths under which its documents stand.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.identifiers.iter().filter_map(ResourceIdentifier::location).map(Location::path)
    }
}

/// Why a protected resource cannot be described so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectedResourceError {
    /// No metadata have such a member for people.
    #[error("metadata have no member `{name}` for people")]
    UnknownMember {
        /// The member.
        name: String,
    },
    /// The name is empty or has control characters.
    #[error("`{name}` is not a text")]
    NotAName {
        /// The member.
        name: String,
    },
    /// The page is not one that browsers can be sent to.
    #[error("`{name}`: `{value}` is not an https URL")]
    NotAUrl {
        /// The member.
        name: String,
        /// The value.
        value: String,
    },
    /// Two identifiers have their metadata at one place.
    #[error("the resource identifiers `{one}` and `{other}` have one place for their metadata")]
    SamePlace {
        /// One identifier.
        one: String,
        /// The other.
        other: String,
    },
}

/// The documents, ready to be sent. They follow from what the gate decides by, so that they cannot say anything else.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    documents: Vec<(Location, String)>,
}

impl Metadata {
    pub(crate) fn new(resource: &ProtectedResource, bundle: &Bundle, verifier: &Verifier, proxies: &Proxies) -> Self {
        let issuers: Vec<&Issuer> = verifier.issuers().collect();
        let scopes = offered_scopes(bundle, &issuers);
        let algs = verifier.proofs().map(ProofVerifier::algs).unwrap_or_default();
        let requires = |rule| move |issuer: &&Issuer| issuer.binding() == rule;
        let document = |identifier: &ResourceIdentifier| {
            let document = Document {
                resource: identifier.as_str(),
                authorization_servers: issuers.iter().map(|issuer| issuer.identifier()).collect(),
                scopes_supported: scopes.clone(),
                bearer_methods_supported: ["header"],
                dpop_signing_alg_values_supported: algs.split_whitespace().collect(),
                dpop_bound_access_tokens_required: issuers.iter().all(requires(BindingRule::Dpop)),
                tls_client_certificate_bound_access_tokens: proxies.pass_certificates()
                    || issuers.iter().any(requires(BindingRule::Mtls)),
                descriptions: &resource.descriptions,
            };
            // Texts and lists of them: nothing here can fail to serialise.
            let text = serde_json::to_string(&document).unwrap_or_default();
            identifier.location().map(|location| (location.clone(), text))
        };
        let documents = resource.identifiers.iter().filter_map(document).collect();
        Self { documents }
    }

    /// The document that stands at `uri`.
    ///
    /// The host of the request only tells apart documents that share a path. It comes from the client, and a proxy may
    /// have changed it: where none fits, the first is taken.
    pub(crate) fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<&str> {
        let target = uri.path_and_query()?.as_str();
        let mut here = self.documents.iter().filter(|(location, _)| location.target() == target).peekable();
        let first = *here.peek()?;
        let host = || headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
        let meant = uri.authority().cloned().or_else(host);
        let found = meant.and_then(|authority| here.find(|(location, _)| location.is_at(&authority)));
        Some(&found.unwrap_or(first).1)
    }

    /// Whether `uri` is a place where metadata of some resource could stand.
    pub(crate) fn is_well_known(uri: &Uri) -> bool {
        uri.path().strip_prefix(WELL_KNOWN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// RFC 9728 §2. Members without a value are left out.
#[derive(Serialize)]
struct Document<'a> {
    resource: &'a str,
    authorization_servers: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dpop_signing_alg_values_supported: Vec<&'a str>,
    #[serde(skip_serializing_if = "is_default")]
    dpop_bound_access_tokens_required: bool,
    /// A service that ends TLS itself may know certificates without telling the gate beforehand. Then it is left out.
    #[serde(skip_serializing_if = "is_default")]
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(flatten)]
    descriptions: &'a BTreeMap<String, String>,
}

/// Absence means the same (RFC 9728 §2).
fn is_default(value: &bool) -> bool {
    !*value
}

/// What clients may ask an authorization server for, under the names that it has for it.
fn offered_scopes<'a>(bundle: &'a Bundle, issuers: &[&Issuer]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for scope in bundle.scopes().iter() {
        names.extend(wire_names(bundle, issuers, scope).filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    names
}

/// The scopes called `wanted`, as challenges write them; `None` if there are none.
///
/// # Errors
///
/// The first that no client can be told of.
pub(crate) fn initial_scopes(
    bundle: &Bundle,
    verifier: &Verifier,
    wanted: &[String],
) -> Result<Option<String>, String> {
    let issuers: Vec<&Issuer> = verifier.issuers().collect();
    let mut names = Vec::new();
    for wanted in wanted {
        let scope = bundle.scopes().get(wanted).ok_or_else(|| wanted.clone())?;
        let mut offered = wire_names(bundle, &issuers, scope).peekable();
        offered.peek().ok_or_else(|| wanted.clone())?;
        names.extend(offered.filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    Ok((!names.is_empty()).then(|| names.join(" ")))
}

/// The names of `scope` under which clients may ask `issuers` for it.
fn wire_names<'a>(bundle: &'a Bundle, issuers: &[&Issuer], scope: &'a Scope) -> impl Iterator<Item = &'a str> {
    let sources = issuers.iter().filter_map(|issuer| bundle.sources().get(issuer.alias()));
    let names: Vec<&str> = sources.filter_map(|source| source.wire_name(scope)).collect();
    names.into_iter().filter(|name| !scope.is_hidden() && is_for_resources(name))
}

/// Whether a protected resource may ask for the scope `wire`. Whether a client gets a refresh token is a matter between it and
/// the authorization server alone, so nobody is told here to ask for one.
pub(crate) fn is_for_resources(wire: &str) -> bool {
    wire != OFFLINE_ACCESS
}

/// The form of a language tag (RFC 5646 §2.1).
fn is_language_tag(tag: &str) -> bool {
    tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether a browser may be sent to `url`.
fn is_page(url: &str) -> bool {
    let Ok(parsed) = url.parse::<Uri>() else {
        return false;
    };
    match (parsed.scheme_str(), parsed.host()) {
        (Some("https"), Some(host)) => !host.is_empty(),
        (Some("http"), Some(host)) => is_loopback(host),
        _ => false,
    }
}

const NAME: &str = "resource_name";

/// OpenID Connect Core 1.0 §11.
const OFFLINE_ACCESS: &str = "offline_access";
