//! Cedarling, asked about a principal that it is given (`authorize_unsigned`), with its log off. It makes entities and context
//! from JSON for every request. Such a principal has no parents, so roles are an attribute.

use std::fmt::Write as _;

use cedarling::{
    AuthorizationConfig, AuthorizeOptions, BootstrapConfig, Cedarling as Instance, DataStoreConfig, EntityData,
    HttpClientConfig, JwtConfig, LogConfig, LogLevel, LogTypeConfig, PolicyStoreConfig, PolicyStoreSource,
    RequestUnsigned,
};
use serde_json::json;

use super::{ENOUGH_FOR_ALL, Engine, Question, other_actions, others};
use crate::measure::ready;

struct Cedarling {
    instance: Instance,
    requests: Vec<(Question, RequestUnsigned)>,
}

impl Engine for Cedarling {
    fn decide(&mut self, question: Question) -> Option<bool> {
        let (_, request) = self.requests.iter().find(|(asked, _)| *asked == question)?;
        Some(ready(self.instance.authorize_unsigned(request.clone())).unwrap().decision)
    }
}

pub fn load(policies: usize) -> Result<Box<dyn Engine>, &'static str> {
    let own = if policies < ENOUGH_FOR_ALL { 1 } else { 6 };
    let mut store = String::from(STORE);
    let mut add = |id: &str, body: &str| {
        let _ = write!(
            store,
            "      {id}:\n        description: \"\"\n        policy_content:\n          encoding: none\n          \
             content_type: cedar\n          body: |-\n            {body}\n"
        );
    };
    let permit = |role: &str, action: &str, condition: &str| {
        let head = format!(r#"principal is Jans::User, action == Jans::Action::"{action}", resource is Jans::Project"#);
        format!(r#"permit({head}) when {{ principal.roles.contains("{role}"){condition} }};"#)
    };
    add("viewer", &permit("viewer", "GetProject", ""));
    for (role, action) in others(policies, own) {
        add(&role, &permit(&role, &action, ""));
    }
    if own > 1 {
        add("editor", &permit("editor", "UpdateProject", " && resource.owner == principal.sub"));
        for (id, condition) in GUARDRAILS {
            let head = r#"principal is Jans::User, action == Jans::Action::"UpdateProject", resource is Jans::Project"#;
            add(id, &format!("forbid({head}) {condition};"));
        }
    }
    store += SCHEMA;
    for other in 0..other_actions(policies) {
        let _ = writeln!(
            store,
            r#"          action "Other{other}" appliesTo {{ principal: [User], resource: [Project], context: Asked }};"#
        );
    }
    store += "        }\n";
    let config = BootstrapConfig {
        application_name: "peers".to_owned(),
        log_config: LogConfig { log_type: LogTypeConfig::Off, log_level: LogLevel::ERROR },
        policy_store_config: PolicyStoreConfig { source: PolicyStoreSource::Yaml(store), ..Default::default() },
        jwt_config: JwtConfig::new_without_validation(),
        authorization_config: AuthorizationConfig::default(),
        lock_config: None,
        max_base64_size: None,
        max_default_entities: None,
        data_store_config: DataStoreConfig::default(),
        http_client_config: HttpClientConfig::default(),
        trace_config: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Its parser of YAML has a budget for the nodes of a document.
    let instance = runtime.block_on(Instance::new(&config)).map_err(|_| "it takes no policy store of that size")?;
    Ok(Box::new(Cedarling { instance, requests: Question::ALL.map(|question| (question, request(question))).into() }))
}

fn request(question: Question) -> RequestUnsigned {
    let entity = |value| serde_json::from_value::<EntityData>(value).unwrap();
    RequestUnsigned {
        principal: Some(entity(json!({
            "cedar_entity_mapping": { "entity_type": "Jans::User", "id": "ann" },
            "sub": "ann", "tenant": "acme", "roles": ["editor", "viewer"],
        }))),
        action: format!("Jans::Action::\"{}\"", question.action()),
        context: json!({ "acr": "urn:acme:mfa", "scopes": ["read:projects", "write:projects"] }),
        resource: entity(json!({
            "cedar_entity_mapping": { "entity_type": "Jans::Project", "id": "apollo" },
            "tenant": "acme", "owner": "ann", "archived": false,
        })),
        options: AuthorizeOptions::default(),
    }
}

const STORE: &str = "\
cedar_version: v4.0.0
policy_stores:
  peers:
    cedar_version: v4.0.0
    name: \"peers\"
    description: \"\"
    policies:
";

const GUARDRAILS: [(&str, &str); 4] = [
    ("tenant", "unless { principal.tenant == resource.tenant }"),
    ("archived", "when { resource.archived }"),
    ("mfa", r#"unless { context.acr == "urn:acme:mfa" }"#),
    ("consent", r#"unless { context.scopes.contains("write:projects") }"#),
];

const SCHEMA: &str = r#"    schema:
      encoding: none
      content_type: cedar
      body: |-
        namespace Jans {
          type Asked = { "acr": String, "scopes": Set<String> };
          entity User = { "sub": String, "tenant": String, "roles": Set<String> };
          entity Project = { "tenant": String, "owner": String, "archived": Bool };
          action "GetProject", "UpdateProject", "DeleteProject"
            appliesTo { principal: [User], resource: [Project], context: Asked };
"#;
