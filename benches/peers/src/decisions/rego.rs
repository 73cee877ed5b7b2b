//! Rego, compiled for the virtual machine of `regorus`, which is the faster of its two ways. Once with a rule for each
//! permission, and once with the permissions as data, which is how one writes Rego that stays fast.

use std::fmt::Write as _;
use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine as Interpreter, Value};
use serde_json::json;

use super::{ENOUGH_FOR_ALL, Engine, Question, others};

struct Rego {
    machine: RegoVM,
    inputs: Vec<(Question, Value)>,
}

impl Engine for Rego {
    fn decide(&mut self, question: Question) -> Option<bool> {
        let (_, input) = self.inputs.iter().find(|(asked, _)| *asked == question)?;
        self.machine.set_input(input.clone());
        Some(self.machine.execute().unwrap() == Value::from(true))
    }
}

pub fn load_rules(policies: usize) -> Result<Box<dyn Engine>, &'static str> {
    let own = own(policies);
    let rules: Vec<(String, String)> = others(policies, own).collect();
    let mut text = String::from(HEAD);
    let mut add = |role: &str, action: &str| {
        let _ = writeln!(text, r#"permit if {{ input.action == "{action}"; "{role}" in input.roles }}"#);
    };
    let (before, after) = rules.split_at(rules.len() / 2);
    before.iter().for_each(|(role, action)| add(role, action));
    add("viewer", "GetProject");
    after.iter().for_each(|(role, action)| add(role, action));
    load(text, own, None)
}

pub fn load_data(policies: usize) -> Result<Box<dyn Engine>, &'static str> {
    let own = own(policies);
    let mut grants = serde_json::Map::new();
    let viewer = [("viewer".to_owned(), "GetProject".to_owned())];
    for (role, action) in others(policies, own).chain(viewer) {
        let actions = grants.entry(role).or_insert_with(|| json!({}));
        actions.as_object_mut().unwrap().insert(action, json!(true));
    }
    let text = format!("{HEAD}permit if {{ some role in input.roles; data.grants[role][input.action] }}\n");
    load(text, own, Some(json!({ "grants": grants })))
}

fn own(policies: usize) -> usize {
    if policies < ENOUGH_FOR_ALL { 1 } else { 6 }
}

fn load(mut text: String, own: usize, data: Option<serde_json::Value>) -> Result<Box<dyn Engine>, &'static str> {
    text += if own > 1 { GUARDED } else { "deny if false\n" };
    let mut interpreter = Interpreter::new();
    interpreter.clear_policy_length_config();
    interpreter.add_policy("peers.rego".to_owned(), text).unwrap();
    let entry: Arc<str> = ENTRY.into();
    let data = Value::from(data.unwrap_or_else(|| json!({})));
    interpreter.add_data(data.clone()).unwrap();
    let policy = interpreter.compile_with_entrypoint(&entry).unwrap();
    // A program has at most 65,535 instructions.
    let program = Compiler::compile_from_policy(&policy, &[ENTRY])
        .map_err(|_| "its virtual machine takes no program of that size")?;
    let mut machine = RegoVM::new();
    machine.load_program(program);
    machine.set_max_instructions(usize::MAX);
    machine.set_data(data).unwrap();
    Ok(Box::new(Rego { machine, inputs: Question::ALL.map(|question| (question, input(question))).into() }))
}

fn input(question: Question) -> Value {
    Value::from(json!({
        "user": "ann", "tenant": "acme", "roles": ["editor", "viewer"], "acr": "urn:acme:mfa",
        "scopes": ["read:projects", "write:projects"], "action": question.action(),
        "resource": { "tenant": "acme", "owner": "ann", "archived": false },
    }))
}

const ENTRY: &str = "data.authz.allow";

const HEAD: &str = "
package authz
default allow := false
allow if { permit; not deny }
";

const GUARDED: &str = r#"
permit if { input.action == "UpdateProject"; "editor" in input.roles; input.resource.owner == input.user }
deny if { input.action == "UpdateProject"; input.resource.tenant != input.tenant }
deny if { input.action == "UpdateProject"; input.resource.archived }
deny if { input.action == "UpdateProject"; input.acr != "urn:acme:mfa" }
deny if { input.action == "UpdateProject"; not "write:projects" in input.scopes }
"#;
