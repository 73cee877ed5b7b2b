//! Which policies look at a resource, and not only at which one it is.

use cedar_policy::{ActionConstraint, Policy, PrincipalConstraint, ResourceConstraint};
use portcullis_core::Layer;
use serde_json::Value;

use super::Reference;

impl Reference {
    /// Whether some policy that can apply to `action` reads attributes or parents of the resource.
    pub(super) fn reads_resource(&self, action: &str) -> bool {
        let policies = Layer::ALL.iter().filter_map(|layer| self.layers.get(layer)).flat_map(|layer| &layer.policies);
        policies.filter(|policy| self.can_apply(policy, action)).any(reads_resource)
    }

    fn can_apply(&self, policy: &Policy, action: &str) -> bool {
        let above = |name: &str| name == action || self.declared.is_below(action, name);
        let named = match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => above(uid.id().unescaped()),
            ActionConstraint::In(uids) => uids.iter().any(|uid| above(uid.id().unescaped())),
        };
        let applies = |key: &str, name: String| {
            self.declared.applies_to(action, key).is_some_and(|types| types.contains(name.as_str()))
        };
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
            PrincipalConstraint::Eq(uid) => applies("principalTypes", uid.type_name().to_string()),
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => {
                applies("principalTypes", name.to_string())
            }
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::In(_) => true,
            ResourceConstraint::Eq(uid) => applies("resourceTypes", uid.type_name().to_string()),
            ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => {
                applies("resourceTypes", name.to_string())
            }
        };
        named && principal && resource
    }
}

fn reads_resource(policy: &Policy) -> bool {
    let in_head = matches!(policy.resource_constraint(), ResourceConstraint::In(_) | ResourceConstraint::IsIn(..));
    in_head || policy.to_json().is_ok_and(|json| json.get("conditions").is_some_and(|body| reads(body, false)))
}

/// Whether `json` asks more of the resource than which one it is, which is what `compared` is about.
fn reads(json: &Value, compared: bool) -> bool {
    let members = match json {
        Value::Array(elements) => return elements.iter().any(|element| reads(element, false)),
        Value::Object(members) => members,
        _ => return false,
    };
    members.iter().any(|(operator, operands)| {
        let at = |key: &str, compared| operands.get(key).is_some_and(|operand| reads(operand, compared));
        match operator.as_str() {
            "Var" => operands == "resource" && !compared,
            "Value" => false,
            "==" | "!=" => at("left", true) || at("right", true),
            "in" | "contains" => at("left", false) || at("right", true),
            "is" => at("left", operands.get("in").is_none()) || at("in", true),
            "Set" => operands.as_array().into_iter().flatten().any(|element| reads(element, true)),
            _ => reads(operands, false),
        }
    })
}
