//! May this caller do this?

use std::net::IpAddr;

use clap::Args;
use portcullis_core::{
    Approval, Binding, Explanation, Facts, Parents, PrincipalFacts, Problem, Request, ResourceData, UnixTime,
    VerifiedClaims,
};
use portcullis_testkit::cases::Cases;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{BundleArgs, Opened, json, now, parse_time};
use crate::command::token;
use crate::failure::Failure;
use crate::output::Shell;

/// A question to a bundle.
#[derive(Debug, Args)]
pub(crate) struct QuestionArgs {
    #[command(flatten)]
    bundle: BundleArgs,
    #[command(flatten)]
    who: WhoArgs,
    /// What is done
    #[arg(long, value_name = "NAME")]
    action: String,
    /// On what: a fixture of the cases, `Type::id`, or `{"type": …, "id": …, "attributes": {…}, "parents": [[…, …]]}`
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// What the application adds to the context, as JSON or the name of a file
    #[arg(long, value_name = "JSON")]
    facts: Option<String>,
    /// When: seconds since 1970 or `2026-01-01T12:00:00Z` [default: now; with `--as`, noon of 2026-01-01, as in cases]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<UnixTime>,
    /// The user who approved the request, at this time
    #[arg(long, value_name = "USER")]
    approved_by: Option<String>,
}

/// Who asks.
#[derive(Debug, Args)]
struct WhoArgs {
    /// The fixture `[claims.NAME]` of the cases
    #[arg(long = "as", value_name = "NAME", group = "who")]
    persona: Option<String>,
    /// The claims of a token, taken for verified: JSON, the name of a file, or `-`
    #[arg(long, value_name = "JSON", group = "who")]
    claims: Option<String>,
    /// A token, which is verified: the name of a file, or `-`
    #[arg(long, value_name = "FILE", group = "who")]
    token: Option<String>,
    /// Adds a claim, or puts it in place of another, such as `scope=read:projects`; the value may be JSON
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    with: Vec<(String, Value)>,
    /// Takes a claim away
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// A proof of possession that came with the token
    #[arg(long, value_name = "KIND", value_parser = binding)]
    binding: Vec<Binding>,
    /// The address of the peer
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// The source of the claims, if there are several
    #[arg(long, value_name = "ALIAS")]
    source: Option<String>,
    /// What the application knows of the subject: `Role::editor`
    #[arg(long, value_name = "TYPE::ID", value_parser = reference)]
    member: Vec<(String, String)>,
}

/// A question with its answer.
#[derive(Debug)]
pub(crate) enum Asked {
    /// With the scopes of which one must cover the action.
    Explained(Box<Explanation>, Vec<String>),
    /// There is no caller: why not.
    NoCaller(String),
}

impl QuestionArgs {
    /// Asks the bundle.
    pub(crate) fn ask(&self, shell: &Shell) -> Result<Asked, Failure> {
        let opened = self.bundle.open(shell)?;
        let engine = opened.engine();
        let fixtures = self.needs_fixtures().then(|| opened.cases()).transpose()?;
        if opened.loaded.bundle.action(&self.action).is_none() {
            return Err(Failure::no_action(&self.action, &opened.loaded.bundle));
        }
        let resource = self.resource(fixtures.as_ref())?;
        let now = self.now.unwrap_or_else(|| if self.who.persona.is_some() { Cases::now() } else { now() });
        let facts = self.facts.as_ref().map(|facts| json::value("--facts", facts)).transpose()?;
        let facts = facts.map_or_else(|| Ok(Facts::none()), |facts| Facts::from_json(&facts));
        let facts = facts.map_err(|error| Failure::usage("--facts", error.to_string()))?;
        let mut request = Request::new(&self.action, &resource, now).with_facts(facts);
        if let Some(user) = &self.approved_by {
            request = request.with_approval(Approval::assume_verified(user, now));
        }
        let claims = match self.who.claims(&opened, fixtures.as_ref(), now)? {
            Some(Ok(claims)) => claims,
            Some(Err(refused)) => return Ok(Asked::NoCaller(refused)),
            None => return Ok(Asked::Explained(Box::new(engine.diagnose(None, &request)), Vec::new())),
        };
        let known = self.who.member.iter().fold(PrincipalFacts::new(), |known, (entity_type, id)| {
            known.with_membership(entity_type.clone(), id.clone())
        });
        let session = engine.caller(claims).map_err(Into::into).and_then(|caller| engine.session_with(caller, &known));
        Ok(match session {
            Ok(session) => {
                let explanation = engine.diagnose(Some(&session), &request);
                Asked::Explained(Box::new(explanation), covering(&opened, &self.action))
            }
            Err(error) => Asked::NoCaller(error.to_string()),
        })
    }

    fn needs_fixtures(&self) -> bool {
        let named = |resource: &String| ResourceRef::of(resource) == ResourceRef::Fixture;
        self.who.persona.is_some() || self.resource.as_ref().is_some_and(named)
    }

    fn resource(&self, fixtures: Option<&Cases>) -> Result<ResourceData, Failure> {
        let Some(text) = &self.resource else { return Ok(ResourceData::bare("", "")) };
        match ResourceRef::of(text) {
            ResourceRef::Fixture => fixtures.and_then(|fixtures| fixtures.resource(text)).cloned().ok_or_else(|| {
                let problem = Problem::new("--resource", format!("there is no `[resources.{text}]` in the cases"));
                let names = fixtures.into_iter().flat_map(Cases::resources).map(|(name, _)| name);
                let help = "name a fixture, `Type::id`, or write JSON with its attributes";
                Failure::Usage(problem.with_suggestion(text, names, help))
            }),
            ResourceRef::Id => {
                let (entity_type, id) = reference(text).map_err(|error| Failure::usage("--resource", error))?;
                Ok(ResourceData::bare(entity_type, id))
            }
            ResourceRef::Json => {
                let spec: ResourceSpec = serde_json::from_str(text)
                    .map_err(|error| Failure::usage("--resource", format!("cannot be read: {error}")))?;
                spec.resolve().map_err(|error| Failure::usage("--resource", error))
            }
        }
    }
}

/// The scopes that cover `action`.
fn covering(opened: &Opened, action: &str) -> Vec<String> {
    let bundle = &opened.loaded.bundle;
    let scopes = bundle.action(action).into_iter().flat_map(|action| bundle.scopes_covering(action));
    scopes.map(|scope| scope.name().to_string()).collect()
}

/// How a resource is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResourceRef {
    Fixture,
    Id,
    Json,
}

impl ResourceRef {
    fn of(text: &str) -> Self {
        match text {
            json if json.trim_start().starts_with('{') => Self::Json,
            id if id.contains("::") => Self::Id,
            _ => Self::Fixture,
        }
    }
}

impl WhoArgs {
    /// The claims, or why the token is refused. `None`: nobody, for public actions.
    fn claims(
        &self,
        opened: &Opened,
        fixtures: Option<&Cases>,
        now: UnixTime,
    ) -> Result<Option<Result<VerifiedClaims, String>>, Failure> {
        let stated = match (&self.persona, &self.claims, &self.token) {
            (Some(name), _, _) => {
                // With `--as`, the cases were read.
                let fixtures = fixtures.ok_or_else(|| Failure::usage("--as", "needs cases"))?;
                fixtures.persona(name).cloned().ok_or_else(|| Failure::no_persona(name, fixtures))?
            }
            (None, Some(claims), _) => match json::value("--claims", claims)? {
                Value::Object(claims) => claims,
                _ => return Err(Failure::usage("--claims", "are no JSON object")),
            },
            (None, None, Some(file)) => {
                if !self.with.is_empty() || !self.without.is_empty() {
                    return Err(Failure::usage("--token", "is signed: `--with` and `--without` would change it"));
                }
                let verified = token::verify(&opened.loaded, &json::secret(file)?, now)?;
                return Ok(Some(verified.map(|claims| self.proven(claims)).map_err(|error| error.to_string())));
            }
            (None, None, None) if self.with.is_empty() && self.without.is_empty() => return Ok(None),
            (None, None, None) => return Err(Failure::usage("--with", "there are no claims to change: add `--as`")),
        };
        let claims = self.changed(stated)?;
        let source = self.source(opened)?;
        Ok(Some(Ok(self.proven(VerifiedClaims::assume_verified(source, claims)))))
    }

    fn changed(&self, mut claims: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
        claims.extend(self.with.iter().cloned());
        for name in &self.without {
            let missing = || Failure::usage("--without", format!("there is no claim `{name}` to take away"));
            claims.remove(name).ok_or_else(missing)?;
        }
        Ok(claims)
    }

    fn proven(&self, claims: VerifiedClaims) -> VerifiedClaims {
        let claims = self.binding.iter().fold(claims, |claims, binding| claims.with_binding(*binding));
        match self.ip {
            Some(ip) => claims.with_ip(ip),
            None => claims,
        }
    }

    fn source(&self, opened: &Opened) -> Result<String, Failure> {
        let aliases: Vec<&str> = opened.loaded.bundle.sources().aliases().collect();
        match (&self.source, aliases.as_slice()) {
            (Some(alias), aliases) if aliases.contains(&alias.as_str()) => Ok(alias.clone()),
            (None, [only]) => Ok((*only).to_owned()),
            (Some(alias), aliases) => {
                let problem = Problem::new("--source", format!("there is no source `{alias}`"));
                let all = format!("there are {}", aliases.join(", "));
                Err(Failure::Usage(problem.with_suggestion(alias, aliases.iter().copied(), all)))
            }
            (None, aliases) => {
                Err(Failure::usage("--source", format!("say which one the claims are of: {}", aliases.join(", "))))
            }
        }
    }
}

/// A resource as JSON, with the keys that it has in cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceSpec {
    #[serde(rename = "type")]
    entity_type: String,
    id: String,
    parents: Option<Vec<(String, String)>>,
    attributes: Option<Value>,
}

impl ResourceSpec {
    fn resolve(self) -> Result<ResourceData, String> {
        let Some(attributes) = self.attributes else {
            return Ok(ResourceData::bare(self.entity_type, self.id));
        };
        let parents = self.parents.map_or_else(Parents::unstated, Parents::from_iter);
        ResourceData::from_json(self.entity_type, self.id, &attributes, parents).map_err(|error| error.to_string())
    }
}

/// `name=value`, where the value may be JSON.
pub(crate) fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write `name=value`")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

fn binding(text: &str) -> Result<Binding, String> {
    Binding::ALL.into_iter().find(|binding| binding.as_str() == text).ok_or_else(|| "write `dpop` or `mtls`".to_owned())
}

/// `Type::id` or `Type::"id"`.
fn reference(text: &str) -> Result<(String, String), String> {
    if let Some((entity_type, id)) = text.strip_suffix('"').and_then(|text| text.split_once("::\"")) {
        return Ok((entity_type.to_owned(), id.to_owned()));
    }
    let (entity_type, id) = text.rsplit_once("::").ok_or("write `Type::id`")?;
    Ok((entity_type.to_owned(), id.to_owned()))
}
