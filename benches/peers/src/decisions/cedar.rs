//! Cedar as it comes: one set of policies, and everything else prepared once. Entities and context are not validated.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};

use super::{ENOUGH_FOR_ALL, Engine, Question, others};

struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<(Question, Request)>,
}

impl Engine for Cedar {
    fn decide(&mut self, question: Question) -> Option<bool> {
        let (_, request) = self.requests.iter().find(|(asked, _)| *asked == question)?;
        let answer = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        Some(answer.decision() == Decision::Allow)
    }
}

pub fn load(policies: usize) -> Result<Box<dyn Engine>, &'static str> {
    let own = if policies < ENOUGH_FOR_ALL { 1 } else { 6 };
    let mut text = VIEWER.to_owned();
    for (role, action) in others(policies, own) {
        let _ = writeln!(text, r#"permit (principal in Role::"{role}", action == Action::"{action}", resource);"#);
    }
    if own > 1 {
        text += GUARDED;
    }
    let string = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let roles: HashSet<EntityUid> = ["editor", "viewer"].map(|role| uid("Role", role)).into();
    let ann = HashMap::from([("tenant".to_owned(), string("acme"))]);
    let project = HashMap::from([
        ("tenant".to_owned(), string("acme")),
        ("owner".to_owned(), RestrictedExpression::new_entity_uid(uid("User", "ann"))),
        ("archived".to_owned(), RestrictedExpression::new_bool(false)),
    ]);
    let entities = [
        Entity::new(uid("User", "ann"), ann, roles.clone()).unwrap(),
        Entity::new(uid("Project", "apollo"), project, HashSet::new()).unwrap(),
    ];
    let roles = roles.into_iter().map(|role| Entity::new(role, HashMap::new(), HashSet::new()).unwrap());
    let scopes = RestrictedExpression::new_set(["read:projects", "write:projects"].map(string));
    let context =
        Context::from_pairs([("acr".to_owned(), string("urn:acme:mfa")), ("scopes".to_owned(), scopes)]).unwrap();
    let request = |question: Question| {
        let action = uid("Action", question.action());
        Request::new(uid("User", "ann"), action, uid("Project", "apollo"), context.clone(), None).unwrap()
    };
    Ok(Box::new(Cedar {
        authorizer: Authorizer::new(),
        policies: text.parse().unwrap(),
        entities: Entities::from_entities(entities.into_iter().chain(roles), None).unwrap(),
        requests: Question::ALL.map(|question| (question, request(question))).into(),
    }))
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().unwrap();
    EntityUid::from_type_name_and_id(kind, cedar_policy::EntityId::new(id))
}

const VIEWER: &str = r#"
permit (principal in Role::"viewer", action == Action::"GetProject", resource);
"#;

const GUARDED: &str = r#"
permit (principal in Role::"editor", action == Action::"UpdateProject", resource)
when { resource.owner == principal };

forbid (principal, action == Action::"UpdateProject", resource)
unless { principal has tenant && principal.tenant == resource.tenant };

forbid (principal, action == Action::"UpdateProject", resource)
when { resource.archived };

forbid (principal, action == Action::"UpdateProject", resource)
unless { context has acr && context.acr == "urn:acme:mfa" };

forbid (principal, action == Action::"UpdateProject", resource)
unless { context.scopes.contains("write:projects") };
"#;
