//! What the settings say about HTTP: the identifiers of the service, its metadata, its proxy.

use http::HeaderName;
use portcullis_core::Problem;
use toml::Spanned;

use super::table::{self, Table};
use crate::builder::GateBuilder;
use crate::metadata::{ProtectedResource, ProtectedResourceError};
use crate::query_token::QueryToken;
use crate::resource_identifier::ResourceIdentifier;

/// The keys that this module takes from the top of the file.
pub(super) const KEYS: &[&str] = &["resource", "query_token", "metadata", "proxy"];

/// The HTTP side of a gate.
#[derive(Debug, Default)]
pub(super) struct HttpSettings {
    resource: ProtectedResource,
    query_token: QueryToken,
    scheme_field: Option<HeaderName>,
}

impl HttpSettings {
    /// Takes the keys out of `file`, with the identifiers as they are written: they are audiences, too.
    pub(super) fn take(file: &mut Table<'_>, problems: &mut Vec<Problem>) -> (Self, Vec<String>) {
        let identifiers: Vec<Spanned<String>> = file.take("resource", problems).unwrap_or_default();
        let resource = read_resource(file, &identifiers, problems);
        let query_token = file.take("query_token", problems).unwrap_or_default();
        let scheme_field = file.take_table("proxy", problems).and_then(|proxy| read_proxy(proxy, problems));
        (Self { resource, query_token, scheme_field }, identifiers.into_iter().map(Spanned::into_inner).collect())
    }

    pub(super) fn apply(self, gate: GateBuilder) -> GateBuilder {
        let gate = gate.resource(self.resource).query_token(self.query_token);
        match self.scheme_field {
            Some(field) => gate.forwarded_scheme(field),
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

/// `[proxy]`: what a proxy in front of the service is trusted to say. Nothing, unless it stands here.
fn read_proxy(mut section: Table<'_>, problems: &mut Vec<Problem>) -> Option<HeaderName> {
    section.refuse_unknown("`[proxy]`", &[SCHEME_FIELD], problems);
    let whole = section.clone();
    let name: String = section.take(SCHEME_FIELD, problems)?;
    let parsed = name.parse();
    parsed
        .map_err(|_| {
            let problem = whole.problem(SCHEME_FIELD, format!("`{name}` is not the name of a header field"));
            problems.push(problem.with_help("write it like `scheme_field = \"x-forwarded-proto\"`"));
        })
        .ok()
}

const SCHEME_FIELD: &str = "scheme_field";
