//! What guards what: a summary of a bundle for people.

use std::fmt;

use super::actions::{Action, ConsentRule};
use super::policies::LayerPolicy;
use super::{Bundle, Layer};

/// Every action with its routes, its scopes, the policies that can judge it, and when it is decided.
///
/// Services print it when they start; reviewers look in it for what nobody guards.
///
/// ```text
/// GetProject
///   routes       GET /projects/{project}
///   consent      read:projects
///   ceilings     readers
///   roles        people-see
///   guardrails   same-tenant
///   decided      before the handler
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Report<'a>(&'a Bundle);

impl Bundle {
    /// A summary of the bundle for people.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report(self)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "bundle {}: {} actions", self.0.hash(), self.0.actions.iter().count())?;
        self.0.actions.iter().try_for_each(|action| {
            writeln!(f, "{}", action.name)?;
            self.lines(action).into_iter().try_for_each(|(name, text)| writeln!(f, "  {name:<12} {text}"))
        })
    }
}

impl Report<'_> {
    fn lines(&self, action: &Action) -> Vec<(&'static str, String)> {
        let mut lines = vec![("routes", or_none(routes(action), "none: it can only be asked for by name"))];
        if action.consent == ConsentRule::Public {
            lines.push(("public", "needs no token; guardrails alone judge it".to_owned()));
        } else {
            lines.push(("consent", self.consent(action)));
            lines.push(("ceilings", or_none(self.policies(action, Layer::Ceilings), "none: no software may do it")));
            lines.push(("roles", or_none(self.policies(action, Layer::Roles), "none: nobody may do it")));
        }
        lines.push(("guardrails", or_none(self.policies(action, Layer::Guardrails), "none")));
        if let Some(item) = &action.lists {
            lines.push(("lists", format!("items, each of which must pass {item}")));
        }
        lines.push(("decided", decided(action)));
        lines
    }

    fn consent(&self, action: &Action) -> String {
        let ConsentRule::AnyOf(scopes) = &action.consent else {
            return "any caller will do".to_owned();
        };
        let names =
            |ids: &[_]| ids.iter().filter_map(|id| self.0.scopes.scope(*id)).map(scope_name).collect::<Vec<_>>();
        let required = names(&action.requires);
        let any = names(scopes).join(" or ");
        if required.is_empty() { any } else { format!("{any}, and {}", required.join(" and ")) }
    }

    fn policies(&self, action: &Action, layer: Layer) -> Vec<String> {
        let policies = match layer {
            Layer::Consent => return Vec::new(),
            Layer::Ceilings => &self.0.layers.ceilings,
            Layer::Roles => &self.0.layers.roles,
            Layer::Guardrails => &self.0.layers.guardrails,
        };
        let can_judge = |policy: &&LayerPolicy| policy.head.matches(action);
        policies.iter().filter(can_judge).map(|policy| policy.id.clone()).collect()
    }
}

fn routes(action: &Action) -> Vec<String> {
    let http = action.routes.iter().map(ToString::to_string);
    http.chain(action.via.iter().map(|route| format!("{route} (named by the handler)"))).collect()
}

fn scope_name(scope: &crate::scope::Scope) -> String {
    let condition = if scope.is_conditional() { " (under its condition)" } else { "" };
    format!("{}{condition}", scope.name())
}

fn decided(action: &Action) -> String {
    match &action.deferred {
        Some(why) => format!("in the handler: {why}"),
        None => "before the handler".to_owned(),
    }
}

fn or_none(names: Vec<String>, none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}
