//! Casbin with roles: a rule is a role, a type and an action. It stops at the first rule that matches, so Ann's stands in
//! the middle. It is not asked about scopes, and a rule cannot have conditions of its own.

use ::casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};

use super::{Engine, Question, others};

struct Casbin(Enforcer);

impl Engine for Casbin {
    fn decide(&mut self, question: Question) -> Option<bool> {
        if question == Question::Guarded {
            return None;
        }
        Some(self.0.enforce(("ann", "Project", question.action())).unwrap())
    }
}

pub fn load(policies: usize) -> Result<Box<dyn Engine>, &'static str> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let model = DefaultModel::from_str(MODEL).await.unwrap();
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.unwrap();
        let rule = |role: &str, action: &str| vec![role.to_owned(), "Project".to_owned(), action.to_owned()];
        let mut rules: Vec<Vec<String>> = others(policies, 1).map(|(role, action)| rule(&role, &action)).collect();
        rules.insert(rules.len() / 2, rule("viewer", "GetProject"));
        enforcer.add_policies(rules).await.unwrap();
        let roles = ["editor", "viewer"].map(|role| vec!["ann".to_owned(), role.to_owned()]);
        enforcer.add_grouping_policies(roles.into()).await.unwrap();
        Ok(Box::new(Casbin(enforcer)) as Box<dyn Engine>)
    })
}

const MODEL: &str = "
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && r.obj == p.obj && g(r.sub, p.sub)
";
