//! `context.auth`: the facts of a credential that policies may read.

use cedar_policy::{EntityId, EntityUid, RestrictedExpression};

use super::Standing;
use crate::bundle::{Layer, NAMESPACE, Reads};
use crate::caller::Caller;
use crate::claims::Kind;
use crate::parties::{Parties, Party};
use crate::time::UnixTime;

/// `context.auth` as `layer` sees it: only ceilings see who acts, and no layer sees scopes. What no policy reads is left
/// out.
pub(super) fn auth(
    caller: &Caller,
    parties: &Parties,
    standing: &Standing,
    layer: Layer,
    reads: &Reads,
) -> RestrictedExpression {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let time = |time: UnixTime| RestrictedExpression::new_datetime(time.to_string());
    let word = |entity_type: &str, id: &str| vocabulary(entity_type, id);
    let subject = caller.subject();
    let mut auth: Vec<(String, RestrictedExpression)> = Vec::new();
    let mut add = |name: &str, value: &dyn Fn() -> Option<RestrictedExpression>| {
        if reads.auth(name) {
            auth.extend(value().map(|value| (name.to_owned(), value)));
        }
    };
    add("issuer", &|| Some(text(caller.issuer())));
    add("subject", &|| Some(record(vec![("kind", word("Kind", subject.kind.as_str())), ("id", text(&subject.id))])));
    add("credential", &|| Some(word("Credential", caller.credential().as_str())));
    add("expires_at", &|| Some(time(caller.expires_at().unwrap_or(UnixTime::LAST))));
    add("binding", &|| {
        let bindings = standing.bindings.iter().map(|binding| word("Binding", binding.as_str()));
        Some(RestrictedExpression::new_set(bindings))
    });
    add("client", &|| caller.client().map(text));
    add("tenant", &|| caller.tenant().map(text));
    add("ip", &|| caller.ip().map(|ip| RestrictedExpression::new_ip(ip.to_string())));
    add("acr", &|| standing.acr.as_deref().map(text));
    add("amr", &|| caller.amr().map(|amr| RestrictedExpression::new_set(amr.iter().map(|method| text(method)))));
    add("authenticated_at", &|| standing.authenticated_at.map(time));
    if subject.kind == Kind::User {
        let user = || RestrictedExpression::new_entity_uid(parties.subject.uid().clone());
        add("user", &|| Some(user()));
        add("approval", &|| {
            let approval = standing.approval.as_ref()?;
            Some(record(vec![("by", user()), ("at", time(approval.at))]))
        });
    }
    if let Some(actor) = caller.actor().filter(|_| layer == Layer::Ceilings) {
        add("actor", &|| {
            let depth = i64::try_from(actor.depth).unwrap_or(i64::MAX);
            let mut fields = vec![
                ("kind", word("Kind", actor.kind.as_str())),
                ("id", text(&actor.id)),
                ("depth", RestrictedExpression::new_long(depth)),
            ];
            // What the token says of an agent that `entities.json` names is no class.
            let listed = parties.actor.as_ref().is_some_and(Party::is_listed);
            fields.extend(actor.class.as_deref().filter(|_| !listed).map(|class| ("class", text(class))));
            Some(record(fields))
        });
    }
    RestrictedExpression::new_record(auth).unwrap_or_else(|_| RestrictedExpression::new_bool(false))
}

/// A record of distinct names. Should Cedar refuse it, a value of the wrong type takes its place, which no request with
/// this schema survives.
fn record(fields: Vec<(&str, RestrictedExpression)>) -> RestrictedExpression {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).unwrap_or_else(|_| RestrictedExpression::new_bool(false))
}

/// A word of a closed vocabulary of the prelude.
fn vocabulary(entity_type: &str, id: &str) -> RestrictedExpression {
    match format!("{NAMESPACE}::{entity_type}").parse() {
        Ok(name) => RestrictedExpression::new_entity_uid(EntityUid::from_type_name_and_id(name, EntityId::new(id))),
        Err(_) => RestrictedExpression::new_bool(false),
    }
}
