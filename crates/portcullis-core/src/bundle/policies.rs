//! Reading policy files: statements, ids, and the duties that annotations put on a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{Effect, Policy, PolicyId};
use serde_json::Value;

use super::Layer;
use super::annotations::{self, Target};
use super::body::Body;
use super::expression::Mentions;
use super::files::BundleFiles;
use super::head::Head;
use super::problem::{Problem, did_you_mean};
use super::text::PolicyText;
use crate::claims::Binding;
use crate::duration::parse_duration;

/// A policy of a bundle: what Cedar evaluates, and what its annotations say.
#[derive(Debug, Clone)]
pub(crate) struct LayerPolicy {
    pub(crate) id: String,
    pub(crate) effect: Effect,
    pub(crate) head: Head,
    /// `None` if the head alone decides.
    pub(crate) body: Option<Body>,
    pub(crate) message: Option<String>,
    pub(crate) lift: Lift,
    pub(crate) obligations: Vec<Obligation>,
    /// Whether it can be evaluated before the handler has loaded the resource and named the facts.
    pub(crate) early: bool,
    pub(crate) text: PolicyText,
}

/// What would lift a guardrail, or satisfy a permit that waits for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lift {
    /// Authentication context classes, most preferred first; one of them suffices.
    pub(crate) acr_values: Vec<String>,
    pub(crate) max_age: Option<Duration>,
    /// One of these suffices.
    pub(crate) bindings: BTreeSet<Binding>,
    pub(crate) confirm: bool,
}

impl Lift {
    pub(crate) fn is_possible(&self) -> bool {
        *self != Self::default()
    }
}

/// A duty that comes with an allow: it must be discharged before the allow counts.
///
/// Written `@obligation("redact:notes")` on a permit: the name, and after a colon its arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Obligation {
    name: String,
    arguments: String,
}

impl Obligation {
    /// What to do: `redact`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// With what: `notes`; empty if nothing stands after the name.
    #[must_use]
    pub fn arguments(&self) -> &str {
        &self.arguments
    }
}

/// As the annotation of the permit has it: `redact:notes`.
impl std::fmt::Display for Obligation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.arguments.as_str() {
            "" => f.write_str(&self.name),
            arguments => write!(f, "{}:{arguments}", self.name),
        }
    }
}

/// A policy as read, with its place and Cedar's JSON form for the checks that follow.
pub(super) struct ReadPolicy<'a> {
    pub(super) policy: LayerPolicy,
    pub(super) layer: Layer,
    pub(super) json: Value,
    pub(super) mentions: Mentions,
    pub(super) file: &'a str,
    text: &'a str,
    pub(super) statement: Statement<'a>,
}

impl ReadPolicy<'_> {
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(self.file, message).at(self.text, self.statement.offset)
    }

    /// Whether one of `problems` is about this policy as a whole.
    pub(super) fn is_among(&self, problems: &[Problem]) -> bool {
        // Most bundles have none, and to find a line means to read the file up to it.
        if problems.is_empty() {
            return false;
        }
        let mine = self.problem("");
        problems.iter().any(|problem| problem.file == mine.file && problem.place == mine.place)
    }

    /// A message of Cedar about this policy.
    pub(super) fn cedar_problem(&self, diagnostic: &dyn miette::Diagnostic) -> Problem {
        Problem::from_cedar(self.file, self.text, self.statement.offset, diagnostic)
    }
}

/// The policies of all layers in `files`.
pub(super) fn read<'a>(files: &'a BundleFiles, problems: &mut Vec<Problem>) -> Vec<ReadPolicy<'a>> {
    let mut policies: Vec<ReadPolicy<'a>> = Vec::new();
    let mut homes: BTreeMap<String, usize> = BTreeMap::new();
    for layer in Layer::ALL {
        for (file, text) in files.below(layer.folder()) {
            let shared: Arc<str> = text.into();
            for statement in statements(text) {
                match read_one(layer, file, text, &shared, statement) {
                    Ok(policy) => {
                        let other = homes.get(&policy.policy.id).and_then(|other| policies.get(*other));
                        if let Some(other) = other {
                            let home = other.problem("").to_string();
                            let other = home.trim_end_matches(": ");
                            let message = format!("policy id `{}` is taken", policy.policy.id);
                            problems.push(policy.problem(message).with_help(format!("{other} has it: choose another")));
                        }
                        homes.entry(policy.policy.id.clone()).or_insert(policies.len());
                        policies.push(policy);
                    }
                    Err(found) => problems.extend(found),
                }
            }
        }
    }
    policies
}

fn read_one<'a>(
    layer: Layer,
    file: &'a str,
    text: &'a str,
    shared: &Arc<str>,
    statement: Statement<'a>,
) -> Result<ReadPolicy<'a>, Vec<Problem>> {
    let at = |message: String| Problem::new(file, message).at(text, statement.offset);
    let parsed = Policy::parse(None, statement.text).map_err(|error| {
        let problem = Problem::from_cedar(file, text, statement.offset, &error);
        vec![if problem.message.contains("got a template") { problem.with_help(NO_TEMPLATES) } else { problem }]
    })?;
    let annotations: annotations::Annotations =
        parsed.annotations().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut problems: Vec<Problem> =
        annotations::check(&annotations, Target::Policy, |_, message| at(message)).collect();
    let id = annotations.get("id").filter(|id| !id.is_empty());
    if id.is_none() {
        problems.push(at("policy without `@id`".to_owned()).with_help("name it: the audit log will"));
    }
    let wrong_effect = match (layer, parsed.effect()) {
        (Layer::Consent, Effect::Forbid) => Some("consent holds only permits: put the forbid into `guardrails/`"),
        (Layer::Guardrails, Effect::Permit) => Some("guardrails hold only forbids: put the permit into `roles/`"),
        _ => None,
    };
    if let Some(help) = wrong_effect {
        problems.push(at(format!("`{}` in `{}/`", parsed.effect(), layer.folder())).with_help(help));
    }
    let reader = DutyReader { layer, effect: parsed.effect(), annotations: &annotations, at: &at };
    let (lift, obligations) = reader.read(&mut problems);
    let json = parsed.to_json().map_err(|error| vec![Problem::from_cedar(file, text, statement.offset, &error)])?;
    let id = id.cloned().unwrap_or_default();
    // Through JSON, which carries no locations.
    let policy = Policy::from_json(Some(PolicyId::new(&id)), json.clone())
        .map_err(|error| vec![Problem::from_cedar(file, text, statement.offset, &error)])?;
    let body = Body::of(&policy).map_err(|message| vec![at(format!("the policy cannot be prepared: {message}"))])?;
    if !problems.is_empty() {
        return Err(problems);
    }
    let head = Head::of(&policy);
    let message = annotations.get("message").cloned();
    let mentions = Mentions::of(&json);
    let early = !mentions.needs_handler;
    let text_of = PolicyText::new(Arc::clone(shared), statement.offset..statement.offset + statement.text.len());
    let policy =
        LayerPolicy { id, effect: policy.effect(), head, body, message, lift, obligations, early, text: text_of };
    Ok(ReadPolicy { policy, layer, json, mentions, file, text, statement })
}

/// Reads the annotations that lift a policy or come with its permit.
struct DutyReader<'a, F: Fn(String) -> Problem> {
    layer: Layer,
    effect: Effect,
    annotations: &'a annotations::Annotations,
    at: &'a F,
}

impl<F: Fn(String) -> Problem> DutyReader<'_, F> {
    fn read(&self, problems: &mut Vec<Problem>) -> (Lift, Vec<Obligation>) {
        let guardrail = self.layer == Layer::Guardrails;
        let confirmable = guardrail || (self.effect == Effect::Permit && self.layer != Layer::Roles);
        let permit = self.effect == Effect::Permit;
        let lift = Lift {
            acr_values: self.value("step_up", guardrail, "guardrails", acr_values, problems).unwrap_or_default(),
            max_age: self.value("max_age", guardrail, "guardrails", max_age, problems),
            bindings: self.value("require_binding", guardrail, "guardrails", bindings, problems).unwrap_or_default(),
            confirm: self
                .value("confirm", confirmable, "guardrails, and permits in consent and ceilings", confirm, problems)
                .is_some(),
        };
        let obligations = self.value("obligation", permit, "permits", obligations, problems).unwrap_or_default();
        (lift, obligations)
    }

    /// The value of the annotation `name`, if it stands here and may.
    fn value<T>(
        &self,
        name: &str,
        allowed: bool,
        home: &str,
        parse: fn(&str) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let text = self.annotations.get(name)?;
        if !allowed {
            let message = format!("annotation `@{name}` has no meaning here");
            problems.push((self.at)(message).with_help(format!("it belongs on {home}")));
            return None;
        }
        match parse(text) {
            Ok(value) => Some(value),
            Err(help) => {
                problems.push((self.at)(format!("`@{name}(\"{text}\")` cannot be read")).with_help(help));
                None
            }
        }
    }
}

fn acr_values(text: &str) -> Result<Vec<String>, String> {
    let values: Vec<String> = text.split(' ').map(str::to_owned).collect();
    // They are written into a quoted string of the challenge (RFC 9470 §3).
    let valid = |value: &String| {
        !value.is_empty() && value.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
    };
    if values.iter().all(valid) {
        Ok(values)
    } else {
        Err("list acr values, most preferred first, with one space between: `@step_up(\"urn:acme:mfa\")`".to_owned())
    }
}

fn max_age(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a whole number and a unit: `@max_age(\"5m\")`".to_owned())
}

fn bindings(text: &str) -> Result<BTreeSet<Binding>, String> {
    let known = || Binding::ALL.iter().map(|binding| binding.as_str());
    let parse = |name: &str| {
        let found = Binding::ALL.into_iter().find(|binding| binding.as_str() == name);
        found.ok_or_else(|| {
            did_you_mean(name, known())
                .unwrap_or_else(|| "bindings are `dpop` and `mtls`, with commas between".to_owned())
        })
    };
    text.split(',').map(str::trim).map(parse).collect()
}

fn confirm(text: &str) -> Result<(), String> {
    if text == "user" { Ok(()) } else { Err("the person who can confirm is the user: `@confirm(\"user\")`".to_owned()) }
}

fn obligations(text: &str) -> Result<Vec<Obligation>, String> {
    let parse = |text: &str| {
        let (name, arguments) = text.split_once(':').unwrap_or((text, ""));
        let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let obligation = Obligation { name: name.to_owned(), arguments: arguments.to_owned() };
        valid
            .then_some(obligation)
            .ok_or_else(|| "write a name and arguments: `@obligation(\"redact:notes\")`".to_owned())
    };
    text.split(',').map(str::trim).map(parse).collect()
}

/// One policy in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// Where it begins, in bytes.
    pub(super) offset: usize,
    pub(super) text: &'a str,
}

/// Splits a file at the semicolons that end policies, so that each policy has a place and every one is reported.
fn statements(text: &str) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut start = None;
    let mut bytes = text.bytes().enumerate().peekable();
    let (mut in_string, mut in_comment) = (false, false);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\n' => in_comment = false,
            _ if in_comment => {}
            b'\\' if in_string => drop(bytes.next()),
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'/' if bytes.peek().is_some_and(|(_, next)| *next == b'/') => in_comment = true,
            b';' => {
                let offset = start.take().unwrap_or(at);
                statements.extend(text.get(offset..=at).map(|text| Statement { offset, text }));
            }
            _ => {}
        }
        if !in_comment && !byte.is_ascii_whitespace() && byte != b';' {
            start.get_or_insert(at);
        }
    }
    statements.extend(start.and_then(|offset| Some(Statement { offset, text: text.get(offset..)? })));
    statements
}

const NO_TEMPLATES: &str = "templates are not supported: write the policy out, or name a group of entities";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_split_at_the_semicolons_that_end_policies() {
        let text = "// a; comment\n@id(\"a;\\\"b\") permit (principal, action, resource);\n\n// end\nforbid (x, // ;\n y);  \n// done;";
        let found: Vec<_> = statements(text).iter().map(|statement| statement.text).collect();
        assert_eq!(found, ["@id(\"a;\\\"b\") permit (principal, action, resource);", "forbid (x, // ;\n y);"]);
        assert_eq!(statements("permit (a").len(), 1, "an unfinished policy is not lost");
        assert_eq!(statements("  // nothing\n"), []);
    }
}
