//! What the settings say about HTTP: the identifiers of the service, its metadata, its proxy.

use std::path::Path;

use http::HeaderName;
use ipnet::IpNet;
use portcullis_core::Problem;
use portcullis_token::{
    CertificateField, DpopSettings, DpopSettingsError, ProofVerifier, ProofVerifierError, ReplayScope,
};
use toml::Spanned;

use super::table::{self, Table};
use crate::builder::GateBuilder;
use crate::clock::{Clock, SystemClock};
use crate::connection::Proxies;
use crate::metadata::{ProtectedResource, ProtectedResourceError};
use crate::query_token::QueryToken;
use crate::resource_identifier::ResourceIdentifier;

/// The keys that this module takes from the top of the file.
pub(super) const KEYS: &[&str] = &["resource", "initial_scopes", "query_token", "metadata", "proxy", "dpop"];

/// The HTTP side of a gate.
#[derive(Debug, Default)]
pub(super) struct HttpSettings {
    resource: ProtectedResource,
    initial_scopes: Vec<String>,
    query_token: QueryToken,
    proxy: ProxySettings,
    proofs: Option<(ProofVerifier, ReplayScope)>,
}

/// What a proxy in front of the service is trusted to say.
#[derive(Debug, Default)]
struct ProxySettings {
    scheme_field: Option<HeaderName>,
    proxies: Option<Proxies>,
}

impl HttpSettings {
    /// Takes the keys out of `file`, with the identifiers as they are written: they are audiences, too.
    pub(super) fn take(file: &mut Table<'_>, directory: &Path, problems: &mut Vec<Problem>) -> (Self, Vec<String>) {
        let identifiers: Vec<Spanned<String>> = file.take("resource", problems).unwrap_or_default();
        let resource = read_resource(file, &identifiers, problems);
        let initial_scopes = file.take("initial_scopes", problems).unwrap_or_default();
        let query_token = file.take("query_token", problems).unwrap_or_default();
        let proxy = file.take_table("proxy", problems).map(|proxy| read_proxy(proxy, problems)).unwrap_or_default();
        let identifiers: Vec<String> = identifiers.into_iter().map(Spanned::into_inner).collect();
        let dpop = file.take_table("dpop", problems);
        let proofs = dpop.and_then(|dpop| read_dpop(&dpop, &identifiers, directory, problems));
        (Self { resource, initial_scopes, query_token, proxy, proofs }, identifiers)
    }

    pub(super) fn apply(self, gate: GateBuilder) -> GateBuilder {
        let mut gate = gate.resource(self.resource).initial_scopes(self.initial_scopes).query_token(self.query_token);
        if let Some(field) = self.proxy.scheme_field {
            gate = gate.forwarded_scheme(field);
        }
        if let Some(proxies) = self.proxy.proxies {
            gate = gate.proxies(proxies);
        }
        match self.proofs {
            Some((proofs, scope)) => gate.dpop_remembered(proofs, scope),
            None => gate,
        }
    }
}

fn read_resource(file: &mut Table<'_>, written: &[Spanned<String>], problems: &mut Vec<Problem>) -> ProtectedResource {
    let mut identifiers = Vec::new();
    for text in written {
        match text.get_ref().parse::<ResourceIdentifier>() {
            Ok(identifier) => identifiers.push(identifier),
            Err(error) => {
                let help = "name the URL that clients call, such as `https://api.example.com`; \
                            what else tokens name as their audience goes into `audience` of the `[[issuer]]`";
                problems.push(file.problem_at(text.span().start, error.to_string()).with_help(help));
            }
        }
    }
    let place = written.first().map_or(0, |first| first.span().start);
    let resource = ProtectedResource::new(identifiers).unwrap_or_else(|error| {
        problems.push(file.problem_at(place, error.to_string()).with_help("keep the one that clients call"));
        ProtectedResource::default()
    });
    match file.take_table("metadata", problems) {
        Some(section) => describe(section, resource, problems),
        None => resource,
    }
}

/// `[metadata]`: its keys are members of the document (RFC 9728 §2).
fn describe(mut section: Table<'_>, mut resource: ProtectedResource, problems: &mut Vec<Problem>) -> ProtectedResource {
    if resource.metadata_url().is_none() {
        let help = "name the URL that clients call: `resource = [\"https://api.example.com\"]`";
        problems.push(section.problem("", "`[metadata]` describes a `resource` that has no URL").with_help(help));
    }
    for key in section.keys() {
        let whole = section.clone();
        let Some(value) = section.take::<String>(&key, problems) else { continue };
        match resource.clone().with(key.as_str(), value) {
            Ok(described) => resource = described,
            Err(ProtectedResourceError::UnknownMember { .. }) => {
                whole.only(&[&key]).refuse_unknown("`[metadata]`", ProtectedResource::DESCRIPTIONS, problems);
            }
            Err(error) => {
                let help = table::form(key.split('#').next().unwrap_or_default()).unwrap_or_default();
                problems.push(whole.problem(&key, error.to_string()).with_help(help));
            }
        }
    }
    resource
}

/// `[proxy]`: nothing is believed, unless it stands here.
fn read_proxy(mut section: Table<'_>, problems: &mut Vec<Problem>) -> ProxySettings {
    section.refuse_unknown("`[proxy]`", &[SCHEME_FIELD, TRUSTED, CLIENT_CERTIFICATE], problems);
    let whole = section.clone();
    let scheme_field = section.take::<String>(SCHEME_FIELD, problems).and_then(|name| {
        let parsed = name.parse();
        parsed
            .map_err(|_| {
                let problem = whole.problem(SCHEME_FIELD, format!("`{name}` is not the name of a header field"));
                problems.push(problem.with_help("write it like `scheme_field = \"x-forwarded-proto\"`"));
            })
            .ok()
    });
    let trusted: Option<Vec<IpNet>> = section.take(TRUSTED, problems);
    let certificate: Option<CertificateField> = section.take(CLIENT_CERTIFICATE, problems);
    let help = "name the addresses of the proxies, such as `trusted = [\"10.1.0.0/16\"]`";
    let proxies = match (trusted, certificate) {
        (Some(networks), certificate) => match Proxies::new(networks) {
            Ok(proxies) => Some(certificate.into_iter().fold(proxies, Proxies::with_client_certificate)),
            Err(error) => {
                problems.push(whole.problem(TRUSTED, error.to_string()).with_help(help));
                None
            }
        },
        (None, Some(_)) => {
            let message = "a field about certificates is believed from nobody, since no proxy is `trusted`";
            problems.push(whole.problem(CLIENT_CERTIFICATE, message).with_help(help));
            None
        }
        (None, None) => None,
    };
    ProxySettings { scheme_field, proxies }
}

/// `[dpop]`: the scheme `DPoP` is accepted.
fn read_dpop(
    section: &Table<'_>,
    identifiers: &[String],
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> Option<(ProofVerifier, ReplayScope)> {
    section.refuse_unknown("`[dpop]`", DpopSettings::KEYS, problems);
    let settings: DpopSettings = section.only(DpopSettings::KEYS).read(problems)?;
    let scope = settings.replay();
    if scope == ReplayScope::EachReplica {
        tracing::warn!(
            target: "portcullis",
            "each replica remembers DPoP proofs for itself: a stolen proof could be used once at each"
        );
    }
    // The gate starts the store anew when it is built.
    let made = settings.into_verifier(identifiers, directory, SystemClock.now());
    let made = made.map_err(|error| {
        let (key, help) = match &error {
            DpopSettingsError::Origin(_) | DpopSettingsError::Verifier(ProofVerifierError::NoOrigin) => {
                ("origin", "write it like `origin = [\"https://api.example.com\"]`")
            }
            DpopSettingsError::Verifier(ProofVerifierError::NoAlgorithm) => {
                ("algorithms", "write `algorithms = [\"ES256\"]`, or leave it out")
            }
            DpopSettingsError::Verifier(_) => ("max_age", "write at most `max_age = \"5m\"`"),
            DpopSettingsError::UnusedKeys => ("nonces", "write `nonces = \"required\"`, or remove the keys"),
            _ => ("nonce_keys", "point `nonce_keys = [{ file = \"…\" }]` to at least 32 random characters"),
        };
        problems.push(section.problem(key, error.to_string()).with_help(help));
    });
    made.ok().map(|proofs| (proofs, scope))
}

const SCHEME_FIELD: &str = "scheme_field";
const TRUSTED: &str = "trusted";
const CLIENT_CERTIFICATE: &str = "client_certificate";
