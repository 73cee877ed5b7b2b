//! What holds in every bundle. Each law asks a [`Decider`] about a [`Scenario`] and its neighbours, and says where the
//! answers contradict each other. A law that has nothing to say about a scenario holds.

mod explanations;
mod oracle;
mod pairs;
mod remedies;

use std::fmt;

use portcullis_core::{Binding, Layer};
use serde_json::{Value, json};

use crate::decider::{Decider, Verdict};
use crate::scenario::Scenario;
pub use explanations::{Without, explanations_agree, named_policies_decide};
pub use oracle::{agents_read_what_clients_read, denials_look_alike, hidden_looks_absent, names_mean_nothing};
pub use pairs::{emptying, equals_reference, reloading};
use remedies::{alternatives, apply, without_parts};

/// A law that does not hold.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// The law.
    pub law: &'static str,
    /// How it is broken.
    pub message: String,
    /// The scenario.
    pub scenario: Box<Scenario>,
    /// What was asked besides, where it is another scenario.
    pub neighbour: Option<Box<Scenario>>,
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.law, self.message, self.scenario)?;
        self.neighbour.iter().try_for_each(|neighbour| write!(f, "\nnext to\n{neighbour}"))
    }
}

/// A law about one decider.
pub type Law = fn(&dyn Decider, &Scenario) -> Result<(), Violation>;

/// Every law that needs one decider only, by name.
pub const LAWS: &[(&str, Law)] = &[
    ("fewer scopes never allow more", fewer_scopes),
    ("order and repetition of scopes mean nothing", order_of_scopes),
    ("unknown scopes mean nothing", unknown_scopes),
    ("expanding scopes twice is expanding them once", expanding_scopes),
    ("software never does what its subject could not do alone", acting_for_somebody),
    ("adding an actor never allows more", adding_an_actor),
    ("deeper hops of a chain mean nothing", deeper_hops),
    (TAKING_AWAY, taking_away_a_fact),
    ("an early denial is final", early_denials),
    ("a bare resource is never allowed more", bare_resources),
    ("what nobody in particular may, everybody may", public_actions),
    ("an offered remedy works", remedies_work),
    ("no part of a remedy is superfluous", remedies_are_minimal),
];

/// Checks every law in [`LAWS`].
///
/// # Errors
/// The first law that is broken.
pub fn all(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    LAWS.iter().try_for_each(|(_, law)| law(decider, scenario))
}

/// Fewer scopes never allow more.
///
/// # Errors
///
/// If the token without one of its scopes is allowed what it is not allowed with it.
pub fn fewer_scopes(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let fewer = without_one_scope(scenario);
    never_more(decider, scenario, "fewer scopes never allow more", fewer)
}

/// The scenario without each of its scopes.
fn without_one_scope(scenario: &Scenario) -> Vec<Scenario> {
    let scopes = scenario.scopes().unwrap_or_default();
    let without = |left_out: &String| {
        let others: Vec<&String> = scopes.iter().filter(|scope| *scope != left_out).collect();
        scenario.clone().with_scopes(&others)
    };
    scopes.iter().map(without).collect()
}

/// Order and repetition of scopes mean nothing.
///
/// # Errors
///
/// If the answer differs for the same scopes in reverse, or twice.
pub fn order_of_scopes(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let Some(scopes) = scenario.scopes() else { return Ok(()) };
    let reversed: Vec<&String> = scopes.iter().rev().collect();
    let twice: Vec<&String> = scopes.iter().chain(&scopes).collect();
    let same = [scenario.clone().with_scopes(&reversed), scenario.clone().with_scopes(&twice)];
    all_the_same(decider, scenario, "order and repetition of scopes mean nothing", same)
}

/// Unknown scopes mean nothing, and neither does one that is called like the action.
///
/// # Errors
///
/// If the answer differs for a token that carries more names that are no scopes.
pub fn unknown_scopes(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let Some(scopes) = scenario.scopes() else { return Ok(()) };
    let more = ["openid", "*", "admin:*", scenario.action.as_str()].map(|unknown| {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).chain([unknown]).collect();
        scenario.clone().with_scopes(&scopes)
    });
    all_the_same(decider, scenario, "unknown scopes mean nothing", more)
}

/// Expanding scopes twice is expanding them once, and a token with all of them written out is the same token.
///
/// # Errors
///
/// If a second expansion adds or loses something, or the answer differs for the expanded token.
pub fn expanding_scopes(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let law = "expanding scopes twice is expanding them once";
    let Some(scopes) = scenario.scopes() else { return Ok(()) };
    let once = decider.expand(&scopes);
    let twice = decider.expand(&once.iter().cloned().collect::<Vec<_>>());
    if once != twice {
        return Err(violation(law, format!("once: {once:?}, twice: {twice:?}"), scenario, None));
    }
    let expanded: Vec<&String> = once.iter().chain(&scopes).collect();
    all_the_same(decider, scenario, law, [scenario.clone().with_scopes(&expanded)])
}

/// Software acting for a subject never does what the subject could not do alone with the same token.
///
/// # Errors
///
/// If the request is allowed with its actor and not without.
pub fn acting_for_somebody(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let Some(token) = scenario.alone.clone() else { return Ok(()) };
    let alone = Scenario { token, alone: None, ..scenario.clone() };
    let law = "software never does what its subject could not do alone";
    never_more(decider, &alone, law, [scenario.clone()])
}

/// Adding an actor never allows more, whatever the actor is.
///
/// # Errors
///
/// If the request is denied as it is, and allowed when somebody acts for the subject.
pub fn adding_an_actor(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    if scenario.alone.is_some() {
        return Ok(());
    }
    let subject = scenario.token.claims.get("sub").cloned().unwrap_or_default();
    let actors = [
        json!({ "sub": "nobody-knows" }),
        json!({ "sub": "nobody-knows", "sub_profile": "ai_agent" }),
        json!({ "sub": "nobody-knows", "sub_profile": "service" }),
        json!({ "sub": "root", "sub_profile": "user" }),
        json!({ "sub": subject }),
    ];
    let with = actors.map(|actor| scenario.clone().with_claim("act", actor));
    never_more(decider, scenario, "adding an actor never allows more", with)
}

/// Of a chain of actors, only the outermost and the length of the chain count (RFC 8693 §4.1).
///
/// # Errors
///
/// If the answer depends on who the actor itself acts for the subject through.
pub fn deeper_hops(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let law = "deeper hops of a chain mean nothing";
    let Some(outermost) = scenario.token.claims.get("act").and_then(Value::as_object) else { return Ok(()) };
    let through = |inner: Value| {
        let mut outermost = outermost.clone();
        outermost.insert("act".to_owned(), inner);
        scenario.clone().with_claim("act", outermost.into())
    };
    let subject = scenario.token.claims.get("sub").cloned().unwrap_or_default();
    let actor = outermost.get("sub").cloned().unwrap_or_default();
    let others = [
        json!({ "sub": "nobody-knows", "sub_profile": "ai_agent" }),
        json!({ "sub": "nobody-knows", "sub_profile": "service" }),
        json!({ "sub": actor }),
        json!({ "sub": subject, "sub_profile": "user" }),
    ];
    all_the_same(decider, &through(json!({ "sub": "nobody-knows" })), law, others.map(through))
}

/// Taking away a fact never allows more: a claim about the login, the tenant or a grant, an approval, a binding. A bundle may
/// waive this for a policy (`[waived]` in `invariants/*.toml`).
///
/// # Errors
///
/// If the request is denied as it is, and allowed without the fact. What makes the token or the approval as a whole unusable is
/// no fact.
pub fn taking_away_a_fact(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let law = TAKING_AWAY;
    if decider.decide(scenario).is_refused() {
        return Ok(());
    }
    let facts = FACTS.into_iter().chain(scenario.tenant_claim.as_deref());
    let less = facts.map(|claim| scenario.clone().with_claim(claim, Value::Null));
    let bindings = Binding::ALL.iter().map(|binding| {
        let mut less = scenario.clone();
        less.token.bindings.remove(binding);
        less
    });
    let unapproved = Scenario { approval: None, ..scenario.clone() };
    let fewer = LISTS.iter().flat_map(|claim| without_members(scenario, claim));
    never_more(decider, scenario, law, less.chain(bindings).chain([unapproved]).chain(fewer))
}

/// What is denied before the handler is denied in it.
///
/// # Errors
///
/// If the request is denied early and allowed when everything is known.
pub fn early_denials(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    if decider.denies_early(scenario) && decider.decide(scenario).allowed {
        return Err(violation("an early denial is final", "denied early, allowed later".to_owned(), scenario, None));
    }
    Ok(())
}

/// An id alone is never allowed what the whole resource is not.
///
/// # Errors
///
/// If the request is denied on the resource and allowed on its id. A resource that does not fit the schema is none.
pub fn bare_resources(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    if decider.decide(scenario).is_refused() {
        return Ok(());
    }
    let mut bare = scenario.clone();
    bare.resource.attributes = None;
    bare.resource.parents.clear();
    never_more(decider, scenario, "a bare resource is never allowed more", [bare])
}

/// A public action is decided without looking at who asks, once the token is a token.
///
/// # Errors
///
/// If nobody in particular is allowed, and the caller gets another answer.
pub fn public_actions(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let nobody = decider.decide_for_nobody(scenario);
    let caller = decider.decide(scenario);
    if nobody.allowed && caller != nobody && caller != Verdict::refused() {
        let message = format!("without a token: {nobody:#?}\nwith this one: {caller:#?}");
        return Err(violation("what nobody in particular may, everybody may", message, scenario, None));
    }
    Ok(())
}

/// An offered remedy works, whichever alternative is taken, and so does a token with just the scopes that it names.
///
/// # Errors
///
/// If the request is still denied when the remedy is applied, or one that lacks a scope of it.
pub fn remedies_work(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    // By chance, requests rarely lack one of several scopes and nothing else.
    let poorer = if decider.decide(scenario).allowed { without_one_scope(scenario) } else { Vec::new() };
    std::iter::once(scenario).chain(&poorer).try_for_each(|scenario| remedy_works(decider, scenario))
}

fn remedy_works(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let Some(remedy) = decider.decide(scenario).remedy else { return Ok(()) };
    for chosen in alternatives(&remedy) {
        let cured = apply(scenario, &chosen);
        let just_enough = (!remedy.needed_scopes.is_empty())
            .then(|| cured.clone().with_scopes(&remedy.needed_scopes.iter().collect::<Vec<_>>()));
        for cured in [Some(cured), just_enough].into_iter().flatten() {
            if !decider.decide(&cured).allowed {
                let message = format!("{remedy:?} does not help");
                return Err(violation("an offered remedy works", message, scenario, Some(cured)));
            }
        }
    }
    Ok(())
}

/// No part of an offered remedy is superfluous, and no empty one is offered.
///
/// # Errors
///
/// If the remedy works without one of its parts.
pub fn remedies_are_minimal(decider: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let Some(remedy) = decider.decide(scenario).remedy else { return Ok(()) };
    for chosen in alternatives(&remedy) {
        for (part, less) in without_parts(&chosen) {
            let cured = apply(scenario, &less);
            if decider.decide(&cured).allowed {
                let message = format!("{remedy:?} helps without {part}");
                return Err(violation("no part of a remedy is superfluous", message, scenario, Some(cured)));
            }
        }
    }
    Ok(())
}

/// None of `poorer` is allowed what `scenario` is not.
fn never_more(
    decider: &dyn Decider,
    scenario: &Scenario,
    law: &'static str,
    poorer: impl IntoIterator<Item = Scenario>,
) -> Result<(), Violation> {
    if decider.decide(scenario).allowed {
        return Ok(());
    }
    for poorer in poorer {
        if decider.decide(&poorer).allowed {
            return Err(violation(law, "denied as it is, allowed with less".to_owned(), scenario, Some(poorer)));
        }
    }
    Ok(())
}

fn all_the_same(
    decider: &dyn Decider,
    scenario: &Scenario,
    law: &'static str,
    others: impl IntoIterator<Item = Scenario>,
) -> Result<(), Violation> {
    let expected = decider.decide(scenario);
    for other in others {
        let found = decider.decide(&other);
        if found != expected {
            let message = format!("{expected:#?}\ndiffers from\n{found:#?}");
            return Err(violation(law, message, scenario, Some(other)));
        }
    }
    Ok(())
}

/// The scenario with each member of the list `claim` left out in turn, and with none.
fn without_members(scenario: &Scenario, claim: &str) -> Vec<Scenario> {
    let Some(members) = scenario.token.claims.get(claim).and_then(Value::as_array) else { return Vec::new() };
    let without = |left_out: &Value| members.iter().filter(|member| *member != left_out).cloned().collect::<Vec<_>>();
    let fewer = members.iter().map(without).chain([Vec::new()]);
    fewer.map(|fewer| scenario.clone().with_claim(claim, fewer.into())).collect()
}

fn violation(law: &'static str, message: String, scenario: &Scenario, neighbour: Option<Scenario>) -> Violation {
    Violation { law, message, scenario: Box::new(scenario.clone()), neighbour: neighbour.map(Box::new) }
}

/// Whether every layer but `layer` allows: then `layer` alone decides.
#[must_use]
pub fn only_denied_by(verdict: &Verdict, layer: Layer) -> bool {
    !verdict.layers.is_empty() && Layer::ALL.iter().all(|other| verdict.allows(*other) == (*other != layer))
}

/// The law that a bundle may waive.
pub(crate) const TAKING_AWAY: &str = "taking away a fact never allows more";

/// Claims that say something about the login.
const FACTS: [&str; 3] = ["acr", "amr", "auth_time"];

/// Claims that list grants.
const LISTS: [&str; 4] = ["roles", "groups", "entitlements", "permissions"];
