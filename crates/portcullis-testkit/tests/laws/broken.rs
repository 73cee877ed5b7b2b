//! Engines that are broken on purpose: one for each law, to see that the law notices.

use std::collections::BTreeSet;

use portcullis_core::{Binding, Credential, DenialKind, Layer, LayerAnswer};
use portcullis_testkit::{Decider, OfferedRemedy, Product, Scenario, Verdict, laws};
use serde_json::{Value, json};

use crate::corners::corners;
use crate::counter::counter;
use crate::worlds::{Subject, assistant, projects};
use crate::{first_violation, never_violated};

/// A way to get the engine wrong. What it does not get wrong is the engine's.
struct Broken {
    product: Product,
    decide: fn(&Product, &Scenario) -> Verdict,
    decide_for_nobody: fn(&Product, &Scenario) -> Verdict,
    expand: fn(&Product, &[String]) -> BTreeSet<String>,
    denies_early: fn(&Product, &Scenario) -> bool,
}

impl Broken {
    fn new(subject: &Subject) -> Self {
        Self {
            product: Product::new(subject.bundle()),
            decide: Product::decide,
            decide_for_nobody: Product::decide_for_nobody,
            expand: Product::expand,
            denies_early: Product::denies_early,
        }
    }

    fn deciding(subject: &Subject, decide: fn(&Product, &Scenario) -> Verdict) -> Self {
        Self { decide, ..Self::new(subject) }
    }
}

impl Decider for Broken {
    fn decide(&self, scenario: &Scenario) -> Verdict {
        (self.decide)(&self.product, scenario)
    }

    fn decide_for_nobody(&self, scenario: &Scenario) -> Verdict {
        (self.decide_for_nobody)(&self.product, scenario)
    }

    fn expand(&self, scopes: &[String]) -> BTreeSet<String> {
        (self.expand)(&self.product, scopes)
    }

    fn denies_early(&self, scenario: &Scenario) -> bool {
        (self.denies_early)(&self.product, scenario)
    }
}

/// `law` finds fault with the broken engine, and none with the engine itself.
#[track_caller]
fn caught(subject: &Subject, broken: &Broken, law: laws::Law) {
    never_violated(&subject.world, |scenario| law(&broken.product, scenario));
    let violation = first_violation(&subject.world, |scenario| law(broken, scenario));
    violation.expect("the law does not notice");
}

/// The bundle with the world narrowed to `action`.
fn asking(action: &str, mut subject: Subject) -> Subject {
    subject.world.requests.retain(|asking| asking.action == action);
    subject
}

/// The verdict with `layer` changed, and the law applied anew.
fn with_layer(mut verdict: Verdict, layer: Layer, answer: LayerAnswer) -> Verdict {
    if let Some(changed) = verdict.layers.get_mut(&layer) {
        changed.answer = answer;
    }
    let allowed = Layer::ALL.iter().all(|layer| verdict.allows(*layer));
    relabel(verdict, allowed)
}

fn relabel(mut verdict: Verdict, allowed: bool) -> Verdict {
    verdict.allowed = allowed;
    if allowed {
        (verdict.kind, verdict.remedy) = (None, None);
    }
    verdict
}

#[test]
fn a_token_without_scopes_must_not_count_as_one_with_all() {
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| match scenario.scopes() {
        Some(scopes) if scopes.is_empty() => {
            product.decide(&scenario.clone().with_scopes(&["manage:projects", "manage:billing", "read:profile"]))
        }
        _ => product.decide(scenario),
    });
    caught(&subject, &broken, laws::fewer_scopes);
}

#[test]
fn consent_and_roles_must_not_be_united() {
    let union = |product: &Product, scenario: &Scenario| {
        let verdict = product.decide(scenario);
        let either = verdict.allows(Layer::Consent) || verdict.allows(Layer::Roles);
        let allowed = either && verdict.allows(Layer::Ceilings) && verdict.allows(Layer::Guardrails);
        relabel(verdict, allowed)
    };
    let subject = projects();
    let broken = Broken::deciding(&subject, union);
    caught_against_reference(&subject, &broken);
    // Scopes still help, so this law cannot tell: only the reference model does.
    never_violated(&subject.world, |scenario| laws::fewer_scopes(&broken, scenario));
}

#[test]
fn only_some_of_the_scopes_must_not_count() {
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let scopes = scenario.scopes().unwrap_or_default();
        let first = scopes.iter().take(1).collect::<Vec<_>>();
        product.decide(&scenario.clone().with_scopes(&first))
    });
    caught(&subject, &broken, laws::order_of_scopes);
}

#[test]
fn a_scope_called_like_the_action_must_not_grant_it() {
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let verdict = product.decide(scenario);
        let named = scenario.scopes().unwrap_or_default().contains(&scenario.action);
        if named { with_layer(verdict, Layer::Consent, LayerAnswer::Allow) } else { verdict }
    });
    caught(&subject, &broken, laws::unknown_scopes);
}

#[test]
fn a_conditional_child_must_not_grant_its_parent() {
    let subject = assistant();
    let expand = |product: &Product, scopes: &[String]| {
        let mut granted = product.expand(scopes);
        if granted.contains("read:calendar:next-7-days") {
            granted.insert("read:calendar".to_owned());
        }
        granted
    };
    let broken = Broken { expand, ..Broken::new(&subject) };
    caught(&subject, &broken, laws::expanding_scopes);
}

#[test]
fn a_parent_must_not_cover_through_a_conditional_child() {
    let subject = corners();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let verdict = product.decide(scenario);
        let umbrella = scenario.scopes().unwrap_or_default().contains(&"all:notes".to_owned());
        let covered = umbrella && scenario.action == "PeekNote" && !verdict.is_refused();
        if covered { with_layer(verdict, Layer::Consent, LayerAnswer::Allow) } else { verdict }
    });
    caught_against_reference(&subject, &broken);
}

#[test]
fn an_actor_must_not_lend_the_subject_its_roles() {
    // EXC-04
    let lending = |product: &Product, scenario: &Scenario| {
        let roles = if scenario.token.claims.contains_key("act") { json!(["admin"]) } else { Value::Null };
        if roles.is_null() {
            product.decide(scenario)
        } else {
            product.decide(&scenario.clone().with_claim("roles", roles))
        }
    };
    let subject = projects();
    caught(&subject, &Broken::deciding(&subject, lending), laws::acting_for_somebody);
}

#[test]
fn an_actor_must_not_bring_roles_of_its_own() {
    // EXC-04
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let acting = scenario.token.claims.get("act").is_some_and(|act| act["sub"] == "root");
        let scenario = scenario.clone();
        product.decide(&if acting { scenario.with_claim("roles", json!(["admin"])) } else { scenario })
    });
    caught(&subject, &broken, laws::adding_an_actor);
}

#[test]
fn an_unknown_login_must_not_count_as_a_strong_one() {
    let subject = asking("UpdateBilling", projects());
    let broken = Broken::deciding(&subject, |product, scenario| {
        let strong = json!("urn:acme:mfa");
        let acr = scenario.token.claims.get("acr").cloned().unwrap_or(strong);
        product.decide(&scenario.clone().with_claim("acr", acr))
    });
    caught(&subject, &broken, laws::taking_away_a_fact);
}

#[test]
fn an_unbound_token_must_not_count_as_bound() {
    let subject = asking("UpdateBilling", projects());
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut scenario = scenario.clone();
        if scenario.token.bindings.is_empty() {
            scenario.token.bindings.insert(Binding::Mtls);
        } else {
            scenario.token.claims.remove("acr");
        }
        product.decide(&scenario)
    });
    caught(&subject, &broken, laws::taking_away_a_fact);
}

#[test]
fn what_is_allowed_must_not_be_denied_early() {
    let subject = projects();
    let denies_early = |_: &Product, scenario: &Scenario| scenario.action == "GetProject";
    caught(&subject, &Broken { denies_early, ..Broken::new(&subject) }, laws::early_denials);
}

#[test]
fn an_id_must_not_stand_for_the_resource() {
    let subject = corners();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut whole = scenario.clone();
        if whole.resource.attributes.is_none() && whole.resource.entity_type == "Note" {
            // As Cedar would have it: nothing is there that could forbid.
            let owner = whole.token.claims.get("sub").cloned().unwrap_or_default();
            whole.resource.attributes = Some(json!({ "owner": owner, "open": true, "locked": null, "size": 1 }));
        }
        product.decide(&whole)
    });
    caught(&subject, &broken, laws::bare_resources);
}

#[test]
fn a_deeper_hop_must_not_count() {
    let subject = corners();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut scenario = scenario.clone();
        let inner = scenario.token.claims.get("act").and_then(|act| act.get("act")).cloned();
        if let Some(inner) = inner {
            scenario.token.claims.insert("act".to_owned(), inner);
        }
        product.decide(&scenario)
    });
    // No bundle has a ceiling for nobody-knows, so it takes an inner actor that has one.
    let hops = asking("GetNote", subject);
    caught(&hops, &broken, laws::deeper_hops);
}

#[test]
fn a_public_action_must_not_ask_who_it_is() {
    let subject = counter();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let verdict = product.decide(scenario);
        if scenario.action == "TrackParcel" && scenario.token.claims.contains_key("act") {
            return Verdict::unfit();
        }
        verdict
    });
    caught(&subject, &broken, laws::public_actions);

    let for_nobody = Broken {
        decide_for_nobody: |product, scenario| relabel(product.decide_for_nobody(scenario), true),
        ..Broken::new(&subject)
    };
    caught_against_reference(&subject, &for_nobody);
}

#[test]
fn a_key_must_not_be_asked_for_a_proof() {
    let subject = asking("MoveParcel", counter());
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut verdict = product.decide(scenario);
        let is_key = scenario.token.credential == Credential::ApiKey;
        if is_key && verdict.kind == Some(DenialKind::LiftableGuardrail) {
            let mut remedy = OfferedRemedy::default();
            remedy.bindings.insert(Binding::Mtls);
            verdict.remedy = Some(remedy);
        }
        verdict
    });
    caught(&subject, &broken, laws::remedies_work);
}

#[test]
fn a_scope_must_not_be_offered_where_roles_deny() {
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut verdict = product.decide(scenario);
        if !verdict.allows(Layer::Consent) && !verdict.is_refused() {
            let mut remedy = OfferedRemedy::default();
            remedy.scopes.insert("manage:projects".to_owned());
            verdict.remedy = Some(remedy);
        }
        verdict
    });
    caught(&subject, &broken, laws::remedies_work);
}

#[test]
fn a_remedy_must_not_ask_for_more_than_it_takes() {
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut verdict = product.decide(scenario);
        if let Some(remedy) = &mut verdict.remedy {
            remedy.scopes.insert("manage:projects".to_owned());
            remedy.needed_scopes.insert("manage:projects".to_owned());
        }
        verdict
    });
    caught(&subject, &broken, laws::remedies_are_minimal);

    let empty = Broken::deciding(&subject, |product, scenario| {
        let mut verdict = product.decide(scenario);
        verdict.remedy = verdict.allowed.then(OfferedRemedy::default);
        verdict
    });
    caught(&subject, &empty, laws::remedies_are_minimal);
}

#[test]
fn a_challenge_must_not_name_too_few_scopes() {
    let subject = corners();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut verdict = product.decide(scenario);
        if let Some(remedy) = &mut verdict.remedy {
            remedy.needed_scopes.remove("read:profile");
        }
        verdict
    });
    caught(&subject, &broken, laws::remedies_work);
}

#[test]
fn a_missing_layer_must_not_allow() {
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| {
        with_layer(product.decide(scenario), Layer::Roles, LayerAnswer::Allow)
    });
    let product = Product::new(subject.bundle());
    let violation = first_violation(&subject.world, |scenario| laws::emptying(&product, &broken, scenario));
    violation.expect("the law does not notice");
}

#[test]
fn a_forbid_that_fails_must_not_be_skipped() {
    let subject = corners();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let verdict = product.decide(scenario);
        let failed = verdict.layers.get(&Layer::Guardrails).is_some_and(|layer| layer.answer == LayerAnswer::Error);
        if failed && !verdict.is_refused() {
            return with_layer(verdict, Layer::Guardrails, LayerAnswer::Allow);
        }
        verdict
    });
    caught_against_reference(&subject, &broken);
}

#[test]
fn a_duty_must_not_be_forgotten() {
    let subject = assistant();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut verdict = product.decide(scenario);
        verdict.obligations.clear();
        verdict
    });
    caught_against_reference(&subject, &broken);
}

#[test]
fn a_stale_bundle_must_not_decide() {
    let mut old = projects();
    let lenient = old.files.get("guardrails/care.cedar").unwrap().replace("duration(\"5m\")", "duration(\"5d\")");
    old.files = old.files.with_file("guardrails/care.cedar", lenient);
    let current = projects();
    let (stale, reference) = (Product::new(old.bundle()), current.reference());
    let violation = first_violation(&current.world, |scenario| laws::equals_reference(&stale, &reference, scenario));
    violation.expect("the law does not notice");
}

#[test]
fn a_denial_must_not_be_named_after_the_wrong_layer() {
    let subject = projects();
    let broken = Broken::deciding(&subject, |product, scenario| {
        let mut verdict = product.decide(scenario);
        verdict.kind = verdict.kind.map(|kind| if kind == DenialKind::Role { DenialKind::Consent } else { kind });
        verdict
    });
    caught_against_reference(&subject, &broken);
}

#[track_caller]
fn caught_against_reference(subject: &Subject, broken: &Broken) {
    let reference = subject.reference();
    let violation = first_violation(&subject.world, |scenario| laws::equals_reference(broken, &reference, scenario));
    violation.expect("the law does not notice");
}
