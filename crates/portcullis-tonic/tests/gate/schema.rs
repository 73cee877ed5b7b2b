//! The bundle of the tests.

use std::sync::Arc;

use portcullis::{Bundle, BundleFiles, BundleSettings, GateBuilder, Layer, Profile, Source, SourceSettings, Verifier};
use serde_json::json;

const SCHEMA: &str = r#"
@scope action "read:projects";
@scope action "write:projects";

entity Role;
entity User in [Role];
entity Project { owner: User, archived: Bool };
@hide entity Secret { owner: User };
entity Report { sealed: Bool };
entity Api enum ["self"];

@http("GET /projects/{project}") @grpc("acme.v1.Projects/GetProject, acme.v1.Projects/ReadProject, acme.v1.Projects/Slow")
action "GetProject" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@grpc("acme.v1.Projects/UpdateProject")
action "UpdateProject" in ["write:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@grpc("acme.v1.Projects/DeleteProject")
action "DeleteProject" in ["write:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@grpc("acme.v1.Projects/GetSecret")
action "GetSecret" in ["read:projects"] appliesTo {
  principal: [User], resource: [Secret], context: Portcullis::Context
};
@grpc("acme.v1.Projects/GetReport") @resource("Report::\"all\"")
action "GetReport" in ["read:projects"] appliesTo {
  principal: [User], resource: [Report], context: Portcullis::Context
};
@grpc("acme.v1.Projects/Watch, acme.v1.Projects/WatchLater, acme.v1.Projects/Flood")
action "Watch" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@grpc("acme.v1.Projects/Import, acme.v1.Projects/Stall, acme.v1.Projects/Shrug")
action "Import" in ["write:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@grpc("acme.v1.Projects/Chat")
action "Chat" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@grpc("acme.v1.Projects/Forget, acme.v1.Projects/ForgetStream, acme.v1.Projects/ForgetLater, acme.v1.Projects/ForgetNothing, acme.v1.Projects/Spill, acme.v1.Projects/Shortcut")
action "Forget" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@grpc("acme.v1.Projects/WhoAmI") @resource("Api::\"self\"") @no_consent("says what the token says")
action "WhoAmI" appliesTo { principal: [User], resource: [Api], context: Portcullis::Context };
@grpc("acme.v1.Projects/GetProfile") @resource("User::{@subject}")
action "GetProfile" in ["read:projects"] appliesTo {
  principal: [User], resource: [User], context: Portcullis::Context
};
@grpc("acme.v1.Projects/NotServed") @resource("Api::\"self\"") @no_consent("nobody serves it")
action "NotServed" appliesTo { principal: [User], resource: [Api], context: Portcullis::Context };
@grpc("grpc.health.v1.Health/Check") @public("load balancers have no token")
action "Health";
"#;

const ROLES: &str = r#"@id("people") permit (principal is User, action, resource);"#;

const GUARDRAILS: &str = r#"
@id("mine-only") forbid (principal, action, resource is Secret) unless { principal in Role::"keeper" };
@id("archived") @message("Ein archiviertes Projekt läßt sich nicht ändern: 100 %.")
forbid (principal, action in [Action::"UpdateProject", Action::"Forget"], resource is Project) when { resource.archived };
@id("strong") @step_up("mfa phr") forbid (principal, action == Action::"DeleteProject", resource)
unless { context.auth has acr && ["mfa", "phr"].contains(context.auth.acr) };
@id("sealed") forbid (principal, action, resource is Report) when { resource.sealed };
@id("nobody") forbid (principal == User::"eve", action == Action::"GetProfile", resource);
"#;

const ENTITIES: &str = r#"[{ "uid": {"type": "Role", "id": "keeper"}, "attrs": {}, "parents": [] }]"#;

/// Settings of the same bundle.
const SETTINGS: &str = r#"
[layers]
consent = "none"
ceilings = "none"
guardrails = ["care.cedar"]

[directory]
supplies = ["Report"]

[[issuer]]
issuer = "https://as.example.com"
preset = "rfc9068"
audience = ["https://api.example.com"]
algorithms = ["ES256"]
keys = { url = "https://as.example.com/jwks" }
unlisted_clients = "person"
"#;

fn files() -> BundleFiles {
    BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/people.cedar", ROLES)
        .with_file("guardrails/care.cedar", GUARDRAILS)
        .with_file("entities.json", ENTITIES)
}

/// A gate whose settings hold `limits`.
pub(crate) fn limited(limits: &str, verifier: Verifier) -> GateBuilder {
    let mut loaded = portcullis::load(&files().with_file("portcullis.toml", format!("{SETTINGS}{limits}"))).unwrap();
    loaded.verifier = verifier;
    loaded.gate()
}

pub(crate) fn bundle() -> Arc<Bundle> {
    let settings: SourceSettings = serde_json::from_value(json!({ "unlisted_clients": "person" })).unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let settings = BundleSettings::new(vec![source])
        .with_empty_layer(Layer::Consent)
        .with_empty_layer(Layer::Ceilings)
        .with_required_file("guardrails/care.cedar")
        .with_supplied("Report");
    Bundle::load(&files(), settings).unwrap()
}
