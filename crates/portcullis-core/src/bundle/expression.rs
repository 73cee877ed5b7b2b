//! Walking the syntax tree of a policy, in Cedar's JSON form.

use std::collections::BTreeSet;

use serde_json::Value;

/// An entity that a policy names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Literal {
    pub(super) entity_type: String,
    pub(super) id: String,
}

/// What a policy mentions.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// Attributes that are read or tested, as paths from a variable: `context.auth.acr`.
    pub(super) paths: Vec<Vec<String>>,
    pub(super) literals: Vec<Literal>,
    /// Variables that stand for themselves in a condition, and not for one of their attributes.
    pub(super) variables: BTreeSet<String>,
    /// Whether the resource's attributes, tags or ancestors are read.
    pub(super) reads_resource: bool,
    /// Whether the resource or what the application adds to the context matters at all.
    pub(super) needs_handler: bool,
}

impl Mentions {
    /// Everything that the policy `json` mentions.
    pub(super) fn of(json: &Value) -> Self {
        let mut mentions = Self::default();
        for variable in ["principal", "action", "resource"] {
            mentions.head(json.get(variable).unwrap_or(&Value::Null), variable);
        }
        for condition in json.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            mentions.expression(condition.get("body").unwrap_or(&Value::Null), Use::Whole);
        }
        mentions
    }

    fn head(&mut self, constraint: &Value, variable: &str) {
        let inside = constraint.get("in");
        let is_in = constraint.get("op").and_then(Value::as_str) == Some("in") || inside.is_some();
        self.reads_resource |= variable == "resource" && is_in;
        let constrained = constraint.get("op").and_then(Value::as_str) != Some("All");
        self.needs_handler |= variable == "resource" && constrained;
        for holder in [Some(constraint), inside].into_iter().flatten() {
            let many = holder.get("entities").and_then(Value::as_array).into_iter().flatten();
            self.literals.extend(holder.get("entity").into_iter().chain(many).filter_map(literal));
        }
    }

    /// Walks `expression`, whose value is put to `usage`.
    fn expression(&mut self, expression: &Value, usage: Use) {
        if let Some(path) = path(expression).filter(|path| path.len() > 1) {
            return self.path(&path);
        }
        let Some((operator, operands)) = expression.as_object().and_then(|object| object.iter().next()) else {
            return;
        };
        match operator.as_str() {
            "Var" => {
                self.reads_resource |= operands == "resource" && usage == Use::Whole;
                self.needs_handler |= operands == "resource" || operands == "context";
                self.variables.extend(operands.as_str().map(str::to_owned));
            }
            "Value" => self.value(operands),
            "==" | "!=" => self.both(operands, Use::Identity, Use::Identity),
            "in" => self.both(operands, Use::Whole, Use::Identity),
            "contains" => self.both(operands, Use::Whole, Use::Identity),
            "is" => {
                let usage = if operands.get("in").is_some() { Use::Whole } else { Use::Identity };
                self.expression(operands.get("left").unwrap_or(&Value::Null), usage);
                self.expression(operands.get("in").unwrap_or(&Value::Null), Use::Identity);
            }
            "has" => {
                let left = operands.get("left").unwrap_or(&Value::Null);
                let attributes = attributes(operands.get("attr").unwrap_or(&Value::Null));
                match path(left) {
                    Some(mut path) if !attributes.is_empty() => {
                        path.extend(attributes);
                        self.path(&path);
                    }
                    _ => self.expression(left, Use::Whole),
                }
            }
            "Set" => {
                for element in operands.as_array().into_iter().flatten() {
                    self.expression(element, Use::Identity);
                }
            }
            "like" => self.expression(operands.get("left").unwrap_or(&Value::Null), Use::Whole),
            _ => self.operands(operands),
        }
    }

    fn path(&mut self, path: &[&str]) {
        let resource = path.first() == Some(&"resource");
        self.reads_resource |= resource;
        // An approval is of one request with its resource and facts.
        let approval = path.starts_with(&["context", "auth", "approval"]);
        let fact = matches!(path, ["context", name, ..] if !["auth", "now"].contains(name));
        self.needs_handler |= resource || approval || fact;
        self.paths.push(path.iter().map(|part| (*part).to_owned()).collect());
    }

    fn both(&mut self, operands: &Value, left: Use, right: Use) {
        self.expression(operands.get("left").unwrap_or(&Value::Null), left);
        self.expression(operands.get("right").unwrap_or(&Value::Null), right);
    }

    /// All operands, by name or in order; each is put to a use that is not known.
    fn operands(&mut self, operands: &Value) {
        match operands {
            Value::Array(operands) => operands.iter().for_each(|operand| self.expression(operand, Use::Whole)),
            Value::Object(operands) => {
                // Names of attributes (`attr`) are strings and no expressions.
                operands.values().filter(|operand| operand.is_object()).for_each(|o| self.expression(o, Use::Whole));
            }
            _ => {}
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(object) => match object.get("__entity").and_then(literal) {
                Some(literal) => self.literals.push(literal),
                None => object.values().for_each(|value| self.value(value)),
            },
            Value::Array(values) => values.iter().for_each(|value| self.value(value)),
            _ => {}
        }
    }
}

/// What the value of an expression is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Compared: of an entity, only its type and id matter.
    Identity,
    /// Anything: of an entity, attributes, tags and ancestors may matter.
    Whole,
}

/// `context.auth.acr` as its parts, for a chain of attributes that begins at a variable.
fn path(expression: &Value) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut at = expression;
    loop {
        if let Some(variable) = at.get("Var").and_then(Value::as_str) {
            parts.push(variable);
            parts.reverse();
            return Some(parts);
        }
        let access = at.get(".")?;
        parts.push(access.get("attr")?.as_str()?);
        at = access.get("left")?;
    }
}

/// What `has` tests: one attribute, or a chain of them (`has actor.class`).
fn attributes(tested: &Value) -> Vec<&str> {
    match tested {
        Value::Array(chain) => chain.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn literal(entity: &Value) -> Option<Literal> {
    let text = |key| entity.get(key)?.as_str().map(str::to_owned);
    Some(Literal { entity_type: text("type")?, id: text("id")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::Policy;

    fn mentions(body: &str) -> Mentions {
        let text = format!("forbid (principal, action, resource) when {{ {body} }};");
        Mentions::of(&Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    #[test]
    fn reading_a_resource_is_told_from_comparing_it() {
        for body in [
            "principal == resource",
            "[User::\"a\", User::\"b\"].contains(resource)",
            "[resource] == [principal]",
            "resource is Project",
            "principal in resource",
            "context.resource.locked",
        ] {
            assert!(!mentions(body).reads_resource, "{body}");
        }
        for body in [
            "resource.locked",
            "resource has locked",
            "resource has owner.name",
            "resource in Folder::\"a\"",
            "resource is Doc in Folder::\"a\"",
            "resource.hasTag(\"a\")",
            "(if context.a then resource else principal).locked",
            "{ r: resource }.r.locked",
            "!resource.locked",
            "resource.name like \"a*\"",
            "context.a || (context.b && [resource.locked] == [true])",
            "ip(\"1.1.1.1\").isInRange(resource.net)",
        ] {
            assert!(mentions(body).reads_resource, "{body}");
        }
    }

    #[test]
    fn a_head_reads_the_resource_where_it_asks_for_ancestors() {
        let reads = |head: &str| {
            let text = format!("forbid (principal, action, resource {head});");
            Mentions::of(&Policy::parse(None, text).unwrap().to_json().unwrap()).reads_resource
        };
        assert!(reads("in Folder::\"a\"") && reads("is Doc in Folder::\"a\""));
        assert!(!reads("") && !reads("== Doc::\"a\"") && !reads("is Doc"));
    }

    #[test]
    fn a_policy_that_needs_neither_resource_nor_facts_is_told_from_one_that_does() {
        for body in [
            "context.auth has acr",
            "context.now > context.auth.expires_at",
            "principal has tenant",
            "action == Action::\"a\"",
        ] {
            assert!(!mentions(body).needs_handler, "{body}");
        }
        for body in [
            "principal == resource",
            "resource.locked",
            "context.auth has approval",
            "context.auth has approval.by",
            "context has auth.approval.by",
            "context has amount",
            "context has payment.amount",
            "context.amount > 3",
            "context == context",
        ] {
            assert!(mentions(body).needs_handler, "{body}");
        }
    }

    #[test]
    fn paths_and_literals_are_found_wherever_they_stand() {
        let found = mentions(
            "context.auth has acr && (if true then principal.tenant else \"x\") == Role::\"a\".name && [Role::\"b\"].contains(principal)",
        );
        let joined = |mentions: &Mentions| mentions.paths.iter().map(|path| path.join(".")).collect::<Vec<_>>();
        assert_eq!(joined(&mentions("context.auth has actor.class")), ["context.auth.actor.class"]);
        let paths = joined(&found);
        for path in ["context.auth.acr", "principal.tenant"] {
            assert!(paths.contains(&path.to_owned()), "{path} in {paths:?}");
        }
        assert_eq!(found.literals.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
