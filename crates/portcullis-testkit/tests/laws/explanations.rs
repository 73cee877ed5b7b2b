//! The laws about explanations hold for the engine, and each is seen to fail where somebody says too much or the wrong thing.

use std::collections::BTreeSet;
use std::rc::Rc;

use portcullis_core::{ConditionAnswer, Layer, LayerAnswer, PolicyAnswer};
use portcullis_testkit::{AskedResource, Decider, Explained, Explainer, Product, Readings, Scenario, laws};
use serde_json::json;

use crate::corners::corners;
use crate::worlds::{Subject, projects};
use crate::{CASES, first_violation, for_each, samples, worlds};

/// A way to explain wrongly. What it does not get wrong is the engine's.
struct Broken {
    product: Product,
    change: fn(&Scenario, &mut Explained),
}

impl Broken {
    fn new(subject: &Subject, change: fn(&Scenario, &mut Explained)) -> Self {
        Self { product: Product::new(subject.bundle()), change }
    }
}

impl Explainer for Broken {
    fn explained(&self, scenario: &Scenario) -> Option<Explained> {
        let mut explained = self.product.explained(scenario)?;
        (self.change)(scenario, &mut explained);
        Some(explained)
    }

    fn diagnosed(&self, scenario: &Scenario) -> Option<Explained> {
        let mut explained = self.product.diagnosed(scenario)?;
        (self.change)(scenario, &mut explained);
        Some(explained)
    }

    fn absent(&self) -> Readings {
        self.product.absent()
    }
}

type OneLaw = fn(&dyn Explainer, &Scenario) -> Result<(), laws::Violation>;

/// `law` finds fault with who explains wrongly, and none with the engine.
#[track_caller]
fn caught(subject: &Subject, law: OneLaw, change: fn(&Scenario, &mut Explained)) {
    let broken = Broken::new(subject, change);
    let sound = samples(&subject.world).take(150).find_map(|scenario| law(&broken.product, &scenario).err());
    assert!(sound.is_none(), "{}", sound.unwrap());
    let violation = first_violation(&subject.world, |scenario| law(&broken, scenario));
    violation.expect("the law does not notice");
}

/// The same question about a resource that differs in everything but its type.
fn elsewhere(scenario: &Scenario) -> Option<Scenario> {
    let attributes = scenario.resource.attributes.clone()?;
    let mut changed = attributes.as_object()?.clone();
    for (name, value) in &mut changed {
        *value = match (name.as_str(), &*value) {
            ("tenant", _) => json!("umbrella"),
            (_, value) if value.is_boolean() => json!(!value.as_bool()?),
            (_, value) if value.is_string() => json!("somebody-else"),
            (_, value) => value.clone(),
        };
    }
    let mut other = scenario.clone();
    other.resource =
        AskedResource::bare(scenario.resource.entity_type.clone(), "elsewhere").with_attributes(changed.into());
    Some(other)
}

fn compared(explainer: &dyn Explainer, scenario: &Scenario) -> Result<(), laws::Violation> {
    elsewhere(scenario).map_or(Ok(()), |other| laws::denials_look_alike(explainer, scenario, &other))
}

#[test]
fn the_laws_about_explanations_hold() {
    for subject in worlds::all() {
        let product = Product::new(subject.bundle());
        let alone: [OneLaw; 4] =
            [laws::explanations_agree, laws::agents_read_what_clients_read, laws::hidden_looks_absent, compared];
        for_each(&subject.world, CASES, |scenario| alone.iter().try_for_each(|law| law(&product, scenario)));
    }
}

/// A law about neighbours that never differ proves nothing.
#[test]
fn what_is_compared_differs_in_what_the_caller_may_not_know() {
    let subject = projects();
    let product = Product::new(subject.bundle());
    let mut differing = 0;
    for scenario in samples(&subject.world) {
        let Some(other) = elsewhere(&scenario) else { continue };
        let (Some(one), Some(two)) = (product.explained(&scenario), product.explained(&other)) else { continue };
        let denied = !one.verdict.allowed && !two.verdict.allowed;
        differing += usize::from(denied && one.verdict.layers != two.verdict.layers && one.readings == two.readings);
    }
    assert!(differing > 50, "{differing} pairs of denials with different reasons read the same");
}

#[test]
fn an_explanation_must_not_say_another_verdict_layer_remedy_or_duty() {
    let subject = projects();
    caught(&subject, laws::explanations_agree, |_, explained| explained.stated.allowed = true);
    caught(&subject, laws::explanations_agree, |_, explained| {
        explained.stated.denying.remove(&Layer::Ceilings);
    });
    caught(&subject, laws::explanations_agree, |_, explained| explained.stated.remedy = None);
    caught(&subject, laws::explanations_agree, |_, explained| {
        explained.stated.kind = explained.stated.kind.take().map(|_| "consent".to_owned());
    });
    caught(&corners(), laws::explanations_agree, |_, explained| explained.stated.obligations.clear());
}

#[test]
fn a_policy_that_decides_must_not_be_said_to_lack_something() {
    let subject = projects();
    caught(&subject, laws::explanations_agree, |_, explained| {
        explained.why.values_mut().flatten().for_each(|policy| policy.answer = PolicyAnswer::NearlyPermits);
    });
    caught(&subject, laws::explanations_agree, |_, explained| {
        let near = explained.why.values_mut().flatten().filter(|policy| policy.answer == PolicyAnswer::NearlyPermits);
        near.for_each(|policy| policy.conditions.clear());
    });
    caught(&subject, laws::explanations_agree, |_, explained| {
        explained
            .why
            .values_mut()
            .for_each(|policies| policies.retain(|policy| policy.answer != PolicyAnswer::Forbids));
    });
    caught(&corners(), laws::explanations_agree, |_, explained| {
        let conditions = explained.why.values_mut().flatten().flat_map(|policy| &mut policy.conditions);
        conditions.for_each(|condition| condition.answer = ConditionAnswer::True);
    });
}

#[test]
fn a_policy_must_not_be_named_that_decides_nothing() {
    let subject = projects();
    let lenient: fn(&Scenario, &mut Explained) = |_, explained| {
        for (layer, named) in &mut explained.named {
            let answer = explained.verdict.layers.get(layer).map(|verdict| verdict.answer);
            if answer == Some(LayerAnswer::Allow) && !named.is_empty() {
                *named = BTreeSet::from(["somebody-else".to_owned()]);
            }
        }
    };
    // Without a policy that does not exist, the bundle is what it was.
    let product = Rc::new(Product::new(subject.bundle()));
    let unchanged = || Some(Rc::clone(&product) as Rc<dyn Decider>);
    let law = |explainer: &dyn Explainer, scenario: &Scenario| {
        laws::named_policies_decide(explainer, &|_| unchanged(), scenario)
    };
    let broken = Broken::new(&subject, lenient);
    first_violation(&subject.world, |scenario| law(&broken, scenario)).expect("the law does not notice");
}

#[test]
fn what_people_agents_and_clients_read_must_not_depend_on_what_they_may_not_know() {
    let subject = projects();
    // Which layers deny.
    caught(&subject, compared, |_, explained| {
        explained.readings.user["layers"] = json!(explained.decided.denying.len());
    });
    // Which policies do.
    caught(&subject, compared, |_, explained| {
        explained.readings.agent["policies"] = json!(explained.decided.forbidding);
    });
    // What is said of the resource to whoever may not see it.
    caught(&subject, compared, |_, explained| {
        let archived = explained.decided.forbidding.contains("archived-stays-as-it-is");
        explained.readings.wire["body"]["detail"] = json!(archived);
    });
    // A value.
    caught(&subject, compared, |scenario, explained| {
        explained.readings.user["id"] = json!(scenario.resource.id);
    });
}

#[test]
fn what_is_hidden_must_not_read_otherwise_than_what_is_not_there() {
    // `Project` is marked `@hide`.
    let subject = projects();
    caught(&subject, laws::hidden_looks_absent, |_, explained| explained.readings.agent["code"] = json!("denied"));
    caught(&subject, laws::hidden_looks_absent, |_, explained| explained.readings.wire["status"] = json!(403));
}

#[test]
fn agents_must_not_be_told_otherwise_than_clients() {
    let subject = projects();
    caught(&subject, laws::agents_read_what_clients_read, |_, explained| {
        explained.readings.agent["code"] = json!("denied");
    });
    caught(&subject, laws::agents_read_what_clients_read, |_, explained| {
        if let Some(scopes) = explained.readings.agent.pointer_mut("/needs/scope") {
            *scopes = json!(["admin:everything"]);
        }
    });
}

#[test]
fn names_of_policies_must_not_show() {
    let subject = projects();
    let mut renamed = projects();
    let paths: Vec<(String, String)> =
        renamed.files.iter().map(|(path, text)| (path.to_owned(), text.replace("@id(\"", "@id(\"x-"))).collect();
    for (path, text) in paths {
        renamed.files = renamed.files.with_file(path, text);
    }
    let (product, renamed) = (Product::new(subject.bundle()), Product::new(renamed.bundle()));
    let sound = samples(&subject.world)
        .take(150)
        .find_map(|scenario| laws::names_mean_nothing(&product, &renamed, &scenario).err());
    assert!(sound.is_none(), "{}", sound.unwrap());
    let names: fn(&Scenario, &mut Explained) = |_, explained| {
        explained.readings.user["policies"] = json!(explained.decided.forbidding);
    };
    let broken = Broken::new(&subject, names);
    let violation = first_violation(&subject.world, |scenario| laws::names_mean_nothing(&broken, &renamed, scenario));
    violation.expect("the law does not notice");
}
