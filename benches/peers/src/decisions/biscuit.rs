//! Biscuit, with permissions as facts of the authorizer, and Ann's roles in a token that is verified already. An authorizer
//! is used once, so that of each request is made from a prepared one.

use std::collections::HashMap;
use std::time::Duration;

use biscuit_auth::builder::{Fact, Term};
use biscuit_auth::{AuthorizerBuilder, AuthorizerLimits, Biscuit, KeyPair};

use super::{ENOUGH_FOR_ALL, Engine, Question, others};

struct Prepared {
    token: Biscuit,
    authorizers: Vec<(Question, AuthorizerBuilder)>,
}

impl Engine for Prepared {
    fn decide(&mut self, question: Question) -> Option<bool> {
        let (_, authorizer) = self.authorizers.iter().find(|(asked, _)| *asked == question)?;
        Some(authorizer.clone().build(&self.token).unwrap().authorize().is_ok())
    }
}

pub fn load(policies: usize) -> Result<Box<dyn Engine>, &'static str> {
    let own = if policies < ENOUGH_FOR_ALL { 1 } else { 6 };
    let token = Biscuit::builder().code(TOKEN).unwrap().build(&KeyPair::new()).unwrap();
    let mut grants = AuthorizerBuilder::new().set_limits(limits());
    let viewer = [("viewer".to_owned(), "GetProject".to_owned())];
    for (role, action) in others(policies, own).chain(viewer) {
        let fact = Fact::new("grant".to_owned(), [Term::Str(role), Term::Str(action)]);
        grants = grants.fact(fact).unwrap();
    }
    let code = if own > 1 { format!("{GUARDED}{ROLE}") } else { ROLE.to_owned() };
    let grants = grants.code(code).unwrap();
    let authorizer = |question: Question| {
        let action = HashMap::from([("action".to_owned(), Term::Str(question.action().to_owned()))]);
        let authorizer = grants.clone().code_with_params("operation({action});", action, HashMap::new()).unwrap();
        (question, authorizer.code(PROJECT).unwrap())
    };
    Ok(Box::new(Prepared { token, authorizers: Question::ALL.map(authorizer).into() }))
}

/// Beyond any time and number here: the bounds that it has by itself are lower than some of the sizes.
fn limits() -> AuthorizerLimits {
    AuthorizerLimits { max_facts: u64::MAX, max_iterations: 100, max_time: Duration::from_secs(60) }
}

const TOKEN: &str = r#"
user("ann"); tenant("acme"); role("editor"); role("viewer"); acr("urn:acme:mfa");
scope("read:projects"); scope("write:projects");
"#;

const PROJECT: &str = r#"project_tenant("acme"); project_owner("ann"); archived(false);"#;

const ROLE: &str = r#"allow if operation($action), role($role), grant($role, $action);"#;

const GUARDED: &str = r#"
deny if operation("UpdateProject"), tenant($own), project_tenant($tenant), $own != $tenant;
deny if operation("UpdateProject"), archived(true);
allow if operation("UpdateProject"), scope("write:projects"), acr("urn:acme:mfa"), role("editor"), user($user),
  project_owner($user);
"#;
