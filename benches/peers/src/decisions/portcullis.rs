//! This engine. Everything counts: scopes, ceilings, roles and guardrails.

use std::fmt::Write as _;

use portcullis_core::{
    Bundle, BundleFiles, BundleSettings, Engine as Core, Layer, Parents, Profile, Request, ResourceData, Session,
    Source, SourceSettings, UnixTime, VerifiedClaims,
};
use serde_json::json;

use super::{ENOUGH_FOR_ALL, Engine, Question, other_actions, others};
use crate::tokens::claims;

struct Portcullis {
    session: Session,
    /// As a route knows it, by its id.
    bare: ResourceData,
    /// As a handler has loaded it.
    loaded: ResourceData,
    now: UnixTime,
}

impl Engine for Portcullis {
    fn decide(&mut self, question: Question) -> Option<bool> {
        // A copy, as what Cedar sees of a resource that was asked about would be kept with it.
        let loaded = (question == Question::Guarded).then(|| self.loaded.clone());
        let request = Request::new(question.action(), loaded.as_ref().unwrap_or(&self.bare), self.now);
        Some(self.session.decide(&request).is_allow())
    }
}

pub fn load(policies: usize) -> Result<Box<dyn Engine>, &'static str> {
    let own = if policies < ENOUGH_FOR_ALL { 1 } else { 5 };
    let mut schema = SCHEMA.to_owned();
    for other in 0..other_actions(policies) {
        let applies = "principal: [User], resource: [Project], context: Portcullis::Context";
        let _ = writeln!(schema, r#"action "Other{other}" in ["read:projects"] appliesTo {{ {applies} }};"#);
    }
    let mut roles = VIEWER.to_owned();
    for (role, action) in others(policies, own) {
        let _ = writeln!(
            roles,
            r#"@id("{role}") permit (principal in Role::"{role}", action == Action::"{action}", resource);"#
        );
    }
    let settings: SourceSettings = serde_json::from_value(json!({ "person_clients": ["web"] })).unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let settings = BundleSettings::new(vec![source]).with_empty_layer(Layer::Consent).with_empty_layer(Layer::Ceilings);
    let files = BundleFiles::new().with_file("schema.cedarschema", schema);
    let (files, settings) = if own == 1 {
        (files.with_file("roles/people.cedar", roles), settings.with_empty_layer(Layer::Guardrails))
    } else {
        let files = files.with_file("roles/people.cedar", roles + EDITOR).with_file(GUARDRAILS_FILE, GUARDRAILS);
        (files, settings.with_required_file(GUARDRAILS_FILE))
    };
    let bundle = Bundle::load(&files, settings.without_entities()).unwrap_or_else(|error| panic!("{error}"));
    let claims = VerifiedClaims::assume_verified("main", claims().as_object().unwrap().clone());
    let session = Core::new(bundle).session(&claims).unwrap();
    let attributes = json!({ "tenant": "acme", "owner": "ann", "archived": false });
    let loaded = ResourceData::from_json("Project", "apollo", &attributes, Parents::none()).unwrap();
    Ok(Box::new(Portcullis {
        session,
        bare: ResourceData::bare("Project", "apollo"),
        loaded,
        now: crate::tokens::now(),
    }))
}

const SCHEMA: &str = r#"
@scope @doc("See your projects")
action "read:projects";
@scope @doc("Create and change your projects")
action "write:projects";
entity Role;
entity User in [Role] { @claim("org_id") tenant?: String };
entity Project { tenant: String, owner: User, archived: Bool };
action "GetProject" in ["read:projects"]
  appliesTo { principal: [User], resource: [Project], context: Portcullis::Context };
action "UpdateProject", "DeleteProject" in ["write:projects"]
  appliesTo { principal: [User], resource: [Project], context: Portcullis::Context };
"#;

const VIEWER: &str = r#"
@id("viewer-reads") permit (principal in Role::"viewer", action == Action::"GetProject", resource);
"#;

const EDITOR: &str = r#"
@id("editor-updates")
permit (principal in Role::"editor", action == Action::"UpdateProject", resource)
when { resource.owner == principal };
"#;

const GUARDRAILS_FILE: &str = "guardrails/projects.cedar";

const GUARDRAILS: &str = r#"
@id("stay-in-your-tenant")
forbid (principal, action == Action::"UpdateProject", resource)
unless { principal has tenant && principal.tenant == resource.tenant };

@id("archived-is-read-only")
forbid (principal, action == Action::"UpdateProject", resource)
when { resource.archived };

@id("changes-need-mfa") @step_up("urn:acme:mfa")
forbid (principal, action == Action::"UpdateProject", resource)
unless { context.auth has acr && context.auth.acr == "urn:acme:mfa" };
"#;
