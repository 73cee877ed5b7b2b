//! Rules that join the schema with the sources of credentials.

use std::collections::{BTreeMap, BTreeSet};

use super::files::SETTINGS;
use super::problem::Problem;
use super::schema::SourceSchema;
use crate::caller::{AgentType, Confers, Source, SourceError, Sources};
use crate::claims::Kind;
use crate::scope::Scopes;

/// Joins the sources of the settings. `None` if they cannot be used; then `problems` says why.
pub(super) fn join(
    sources: Vec<Source>,
    schema: &SourceSchema<'_>,
    scopes: &Scopes,
    problems: &mut Vec<Problem>,
) -> Option<Sources> {
    if sources.is_empty() {
        let help = "add an `[[issuer]]`: nobody could get in";
        problems.push(Problem::new(SETTINGS, "no source of credentials is configured").with_help(help));
        return None;
    }
    for source in &sources {
        check_scopes(source, schema, scopes, problems);
    }
    let agent_type = if schema.kinds.contains(&Kind::Agent) { AgentType::Declared } else { AgentType::Undeclared };
    let joined = Sources::new(sources, agent_type);
    joined.map_err(|error| problems.push(Problem::new(SETTINGS, error.to_string()).with_help(help(&error)))).ok()
}

fn help(error: &SourceError) -> String {
    match error {
        SourceError::Unstated { key: "unlisted_clients", .. } => {
            "the schema knows `Agent`: say whether a client that no list and no claim identifies is a \"person\", an \"agent\", \
             or refused (\"deny\")"
                .to_owned()
        }
        SourceError::Unstated { key, .. } => {
            format!("with several sources each says what it may confer: `{key} = \"all\"`, or a list")
        }
        SourceError::AliasTwice { .. } => "give each source an alias of its own".to_owned(),
        SourceError::BadAlias { .. } => "choose a short name such as `northwind`".to_owned(),
        SourceError::ActorProfileNotRead { .. } => {
            "add a rule to the profile's `actor` that reads `act`, with `issuer = { hop = \"iss\" }`".to_owned()
        }
        SourceError::AgentsNotConferred { .. } => "add `agent` to `kinds`, or treat the clients otherwise".to_owned(),
        SourceError::ClientListedTwice { .. } => "decide what the client is".to_owned(),
    }
}

fn check_scopes(source: &Source, schema: &SourceSchema<'_>, scopes: &Scopes, problems: &mut Vec<Problem>) {
    let settings = source.settings();
    let alias = source.alias();
    let conferred = match &settings.scopes {
        Some(Confers::Only(names)) => names.clone(),
        Some(Confers::All) | None => BTreeSet::new(),
    };
    for name in settings.scope_names.values().chain(&conferred).filter(|name| scopes.get(name).is_none()) {
        let help = schema.similar_scope(name).unwrap_or_else(|| "name a scope of the schema".to_owned());
        problems.push(
            Problem::new(SETTINGS, format!("source `{alias}` names `{name}`, which is no scope")).with_help(help),
        );
    }
    // A name that the source maps, and a scope that goes by that name anyway. What clashes in the schema is told there.
    let owners: BTreeMap<&str, &str> = settings.scope_names.iter().map(|(wire, name)| (&**wire, &**name)).collect();
    let mapped: BTreeSet<&str> = settings.scope_names.values().map(String::as_str).collect();
    for scope in scopes.iter().filter(|scope| !mapped.contains(scope.name().as_str())) {
        let (wire, name) = (scope.wire_name().as_str(), scope.name().as_str());
        if let Some(other) = owners.get(wire) {
            let message = format!("at source `{alias}` the scopes `{other}` and `{name}` have one wire name, `{wire}`");
            problems.push(Problem::new(SETTINGS, message).with_help("map the second one, too, in `scope_names`"));
        }
    }
}
