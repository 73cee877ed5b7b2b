//! A service with many actions on one kind of resource.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Admission, Algorithm, Answer, ApprovalKey, Approvals, Bundle, BundleFiles, BundleSettings, Clock, Gate,
    GateBuilder, Grant, Issuer, KeySet, Layer, Obligation, Profile, RequestHead, Resource, RouteMatch, Source,
    SourceSettings, Verifier,
};
use portcullis_testkit::TestIssuer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::service::NOW;

const SCHEMA: &str = r#"
@scope action "read:books";
@scope action "write:books";
entity Role;
entity User in [Role];
entity Shelf enum ["main"];
entity Book { owner: String, sealed: Bool, pages: Long };

@via("POST /rpc") @lists("GetBook") @resource("Shelf::\"main\"")
action "ListBooks" in ["read:books"] appliesTo { principal: [User], resource: [Shelf], context: Portcullis::Context };
@http("GET /shelf") @lists("GetBook") @resource("Shelf::\"main\"")
action "ShowShelf" in ["read:books"] appliesTo { principal: [User], resource: [Shelf], context: Portcullis::Context };
@via("POST /rpc")
action "GetBook" in ["read:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "EditBook" in ["write:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "BurnBook" in ["write:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "SellBook" in ["write:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "LendBook" in ["read:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "CopyBook" in ["read:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "ScanBook" in ["read:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "PrintBook" in ["read:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "CountPages" in ["read:books"] appliesTo { principal: [User], resource: [Book], context: Portcullis::Context };
@via("POST /rpc")
action "MoveBook" in ["write:books"] appliesTo {
  principal: [User], resource: [Book], context: { auth: Portcullis::Auth, now: datetime, to: String }
};
"#;

const ROLES: &str = r#"
@id("readers") permit (principal in Role::"reader", action, resource)
unless { action in [Action::"PrintBook", Action::"ScanBook"] };
@id("scan") @obligation("count:pages") permit (principal, action == Action::"ScanBook", resource);
@id("print") @obligation("nobody:does") permit (principal, action == Action::"PrintBook", resource);
"#;

const GUARDRAILS: &str = r#"
@id("sealed") forbid (principal, action, resource is Book) when { resource.sealed };
@id("burn") forbid (principal, action == Action::"BurnBook", resource);
@id("sell") @step_up("mfa") @max_age("5m") forbid (principal, action == Action::"SellBook", resource)
unless { context.auth has acr && context.auth.acr == "mfa" && context.auth has authenticated_at
         && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
@id("lend") @confirm("user") forbid (principal, action == Action::"LendBook", resource)
unless { context.auth has approval && context.auth.approval.by == principal };
@id("copy") @require_binding("dpop") forbid (principal, action == Action::"CopyBook", resource)
unless { context.auth.binding.contains(Portcullis::Binding::"dpop") };
@id("many") forbid (principal, action in [Action::"GetBook", Action::"CountPages"], resource is Book)
when { resource.pages + 9223372036854775807 < 0 };
"#;

const ENTITIES: &str = r#"[{ "uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": [] }]"#;

/// A book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Book {
    #[serde(skip)]
    pub(crate) id: &'static str,
    pub(crate) owner: &'static str,
    pub(crate) sealed: bool,
    pub(crate) pages: i64,
}

impl Book {
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, owner: "ann", sealed: false, pages: 0 }
    }
}

impl Resource for Book {
    const TYPE: &'static str = "Book";

    fn id(&self) -> Cow<'_, str> {
        self.id.into()
    }

    fn version(&self) -> Option<Cow<'_, str>> {
        Some("1".into())
    }
}

/// A service under test and its issuer.
pub(crate) struct Library {
    issuer: TestIssuer,
    gate: Gate,
}

impl Library {
    pub(crate) fn new(clock: impl Clock + 'static, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let files = BundleFiles::new()
            .with_file("schema.cedarschema", SCHEMA)
            .with_file("roles/readers.cedar", ROLES)
            .with_file("guardrails/care.cedar", GUARDRAILS)
            .with_file("entities.json", ENTITIES);
        let source = SourceSettings::deserialize(json!({ "scope_names": { "w": "write:books" } })).unwrap();
        let settings = BundleSettings::new(vec![Source::new("main", source, Profile::rfc9068()).unwrap()])
            .with_empty_layer(Layer::Consent)
            .with_empty_layer(Layer::Ceilings)
            .with_required_file("guardrails/care.cedar");
        let bundle: Arc<Bundle> = Bundle::load(&files, settings).unwrap();
        let issuer = TestIssuer::new("https://as.example.com");
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted =
            Issuer::new("main", issuer.identifier(), ["https://api.example.com"], [Algorithm::Es256], keys).unwrap();
        let gate = Gate::builder(bundle, Verifier::new([trusted]).unwrap()).clock(clock);
        let approvals = Approvals::new(ApprovalKey::random().unwrap(), ["web"]).unwrap().with_scope("read:books");
        let gate = gate.approvals(approvals).obligation("count", |_: &Obligation, _: &Grant| Ok(()));
        Self { issuer, gate: options(gate).build().unwrap() }
    }

    /// Opens `route` for a token of `ann` with the members of `more` in place of the usual ones.
    pub(crate) async fn open(&self, route: &'static str, more: &Value) -> Result<Admission, Answer> {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "scope": "read:books",
            "roles": ["reader"], "groups": [], "entitlements": [],
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let bearer = format!("Bearer {}", self.issuer.sign(&claims));
        let (method, path) = route.split_once(' ').unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer.parse().unwrap())]);
        let (method, target) = (Method::from_bytes(method.as_bytes()).unwrap(), Uri::from_static(path));
        let route = RouteMatch::new(path, [""; 0]);
        self.gate.open(&RequestHead::new(&method, &target, &headers, Some(&route))).await
    }
}
