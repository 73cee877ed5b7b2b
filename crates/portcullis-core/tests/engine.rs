//! The law and its corners, on one small bundle: notes in folders.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

use portcullis_core::{
    Approval, Bundle, BundleFiles, BundleSettings, Decision, Denial, DenialKind, Engine, Facts, Grant, Layer,
    Obligation, ObligationError, Parents, PrincipalFacts, Profile, Request, ResourceData, Session, SessionError,
    Source, SourceSettings, UnixTime, VerifiedClaims,
};
use serde_json::{Value, json};

const SCHEMA: &str = r#"
@scope action "all:notes";
@scope action "read:notes" in ["all:notes"];
@scope @conditional action "read:notes:open" in ["read:notes"];
@scope action "write:notes" in ["all:notes"];
@scope @hidden action "purge:notes" in ["all:notes"];
@scope action "read:profile";
action "careful";

entity Role in [Role];
entity AgentClass;
entity User in [Role] {
  @claim("org_id") tenant?: String,
  @claim("/profile/level") level?: Long,
};
entity Service in [Role];
entity Agent in [AgentClass, Role];
entity Folder;
entity Note in [Folder] { owner: User, open: Bool, locked?: Bool, size: Long };
entity Api enum ["self"];

@http("GET /notes/{note}") @deferred("decided on the note")
action "GetNote" in ["read:notes", "read:notes:open"] appliesTo {
  principal: [User, Service, Agent], resource: [Note], context: Portcullis::Context
};
@http("GET /open/{note}") @deferred("decided on the note")
action "PeekNote" in ["read:notes:open"] appliesTo {
  principal: [User], resource: [Note], context: Portcullis::Context
};
@http("PUT /notes/{note}") @deferred("decided on the note") @requires("read:profile")
action "SignNote" in ["write:notes", "careful"] appliesTo {
  principal: [User, Agent], resource: [Note], context: { auth: Portcullis::Auth, now: datetime, weight: Long }
};
@http("DELETE /notes/{note}") @deferred("decided on the note")
action "PurgeNote" in ["purge:notes", "careful"] appliesTo {
  principal: [User], resource: [Note], context: Portcullis::Context
};
@http("POST /notes/{note}/mail") @deferred("decided on the note")
action "MailNote" in ["write:notes"] appliesTo {
  principal: [User, Agent], resource: [Note], context: Portcullis::Context
};
@http("GET /me") @resource("Api::\"self\"") @no_consent("says what the token says")
action "WhoAmI" appliesTo { principal: [User, Service, Agent], resource: [Api], context: Portcullis::Context };
@http("GET /health") @public("load balancers have no token")
action "Health";
"#;

const CONSENT: &str = r#"
@id("open-ones") permit (principal, action in Action::"read:notes:open", resource is Note) when { resource.open };
"#;

const ROLES: &str = r#"
@id("readers") @obligation("redact:owner")
permit (principal in Role::"reader", action == Action::"GetNote", resource);
@id("owners")
permit (principal is User, action, resource is Note) when { resource.owner == principal };
@id("weighty") permit (principal in Role::"writer", action == Action::"SignNote", resource)
when { context.weight + 9223372036854775807 > 0 };
@id("robots") permit (principal is Service, action == Action::"GetNote", resource);
@id("agents") permit (principal is Agent, action == Action::"GetNote", resource);
@id("peekers") permit (principal in Role::"reader", action == Action::"PeekNote", resource);
@id("seniors") permit (principal is User, action == Action::"PeekNote", resource)
when { principal has level && principal.level + 1 > 100 };
@id("anybody") permit (principal, action == Action::"WhoAmI", resource is Api);
"#;

const CEILINGS: &str = r#"
@id("trusted-agents") permit (principal in AgentClass::"trusted", action, resource);
@id("indexer") permit (principal == Service::"indexer", action == Action::"GetNote", resource);
@id("near-agents-only") forbid (principal is Agent, action == Action::"SignNote", resource)
when { context.auth has actor && context.auth.actor.depth > 1 };
"#;

const GUARDRAILS: &str = r#"
@id("locked") @message("This note is locked.")
forbid (principal, action in Action::"careful", resource is Note) when { resource has locked && resource.locked };
@id("secret-folder") forbid (principal, action, resource in Folder::"secret");
@id("no-overflow") forbid (principal, action == Action::"GetNote", resource is Note) when { resource.size + 1 < 0 };
@id("fresh") @max_age("5m") forbid (principal, action == Action::"PurgeNote", resource)
unless { context.auth has authenticated_at && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
@id("strong") @step_up("mfa phr") forbid (principal, action == Action::"PurgeNote", resource)
unless { context.auth has acr && ["mfa", "phr"].contains(context.auth.acr) };
@id("ask-first") @confirm("user") forbid (principal, action == Action::"MailNote", resource)
unless { context.auth has approval && context.auth.approval.by == principal };
"#;

const ENTITIES: &str = r#"[
  { "uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Role", "id": "writer"}, "attrs": {}, "parents": [{"type": "Role", "id": "reader"}] },
  { "uid": {"type": "AgentClass", "id": "trusted"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Agent", "id": "scribe"}, "attrs": {}, "parents": [{"type": "AgentClass", "id": "trusted"}] }
]"#;

fn files() -> BundleFiles {
    BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("consent/notes.cedar", CONSENT)
        .with_file("roles/people.cedar", ROLES)
        .with_file("ceilings/software.cedar", CEILINGS)
        .with_file("guardrails/care.cedar", GUARDRAILS)
        .with_file("entities.json", ENTITIES)
}

fn engine_with(settings: Value) -> Engine {
    let settings: SourceSettings = serde_json::from_value(settings).unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let settings = BundleSettings::new(vec![source])
        .with_required_file("ceilings/software.cedar")
        .with_required_file("guardrails/care.cedar");
    Engine::new(Bundle::load(&files(), settings).unwrap())
}

fn engine() -> Engine {
    engine_with(json!({ "unlisted_clients": "person" }))
}

fn verified(claims: &Value) -> VerifiedClaims {
    VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone())
}

/// A token of the user `ann` with the members of `more` added or, where they are `null`, left out.
fn claims(more: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "exp": NOW + 600, "iat": NOW - 60,
        "scope": "read:notes", "roles": [], "groups": [], "entitlements": [], "auth_time": NOW - 60,
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

#[track_caller]
fn session(more: &Value) -> Session {
    engine().session(&verified(&claims(more))).unwrap()
}

fn note(attributes: &Value, folder: &str) -> ResourceData {
    let mut all = json!({ "owner": "ann", "open": false, "locked": null, "size": 1 });
    all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    ResourceData::from_json("Note", "n1", &all, Parents::from([("Folder", folder)])).unwrap()
}

fn plain() -> ResourceData {
    note(&json!({}), "inbox")
}

fn now() -> UnixTime {
    UnixTime::from_secs(NOW).unwrap()
}

#[track_caller]
fn allowed(session: &Session, request: &Request<'_>) -> Grant {
    match session.decide(request) {
        Decision::Allow(grant) => grant,
        Decision::Deny(denial) => panic!("denied: {denial:?}\n{}", session.explain(request)),
    }
}

#[track_caller]
fn denied(session: &Session, request: &Request<'_>) -> Denial {
    match session.decide(request) {
        Decision::Allow(grant) => panic!("allowed: {grant:?}\n{}", session.explain(request)),
        Decision::Deny(denial) => denial,
    }
}

fn remedy(denial: &Denial) -> String {
    denial.remedy().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn all_four_layers_must_allow() {
    let _ = allowed(&session(&json!({})), &Request::new("GetNote", &plain(), now()));
    let cases = [
        (json!({ "scope": "write:notes" }), plain(), vec![Layer::Consent], DenialKind::Consent),
        (
            json!({ "act": { "sub": "a", "sub_profile": "ai_agent" } }),
            plain(),
            vec![Layer::Ceilings],
            DenialKind::Ceiling,
        ),
        (json!({ "sub": "bob" }), plain(), vec![Layer::Roles], DenialKind::Role),
        (json!({}), note(&json!({}), "secret"), vec![Layer::Guardrails], DenialKind::Guardrail),
    ];
    for (more, resource, layers, kind) in cases {
        let denial = denied(&session(&more), &Request::new("GetNote", &resource, now()));
        assert_eq!((denial.layers(), denial.kind()), (layers.as_slice(), kind), "{more}");
    }
}

#[test]
fn a_denial_names_every_layer_and_is_named_after_the_first_kind() {
    let session = session(&json!({ "sub": "bob", "scope": "", "act": { "sub": "a", "sub_profile": "ai_agent" } }));
    let denial = denied(&session, &Request::new("GetNote", &note(&json!({}), "secret"), now()));
    assert_eq!(denial.layers(), Layer::ALL);
    assert_eq!(denial.kind(), DenialKind::Ceiling);
    assert_eq!(denial.policies(), ["secret-folder"]);
    assert_eq!(denial.remedy(), None);
}

#[test]
fn a_forbid_that_fails_to_evaluate_denies() {
    // Plain Cedar would skip `no-overflow` and allow.
    let resource = note(&json!({ "size": i64::MAX }), "inbox");
    let denial = denied(&session(&json!({})), &Request::new("GetNote", &resource, now()));
    assert_eq!((denial.kind(), denial.layers()), (DenialKind::Error, [Layer::Guardrails].as_slice()));
    assert!(denial.errors()[0].starts_with("no-overflow: "), "{:?}", denial.errors());
    assert_eq!(denial.remedy(), None);
}

#[test]
fn a_permit_that_fails_to_evaluate_does_not_count() {
    let facts = || Facts::from_json(&json!({ "weight": 1 })).unwrap();
    let (mine, others) = (plain(), note(&json!({ "owner": "eve" }), "inbox"));
    let session = session(&json!({ "scope": "write:notes read:profile", "roles": ["writer"] }));
    // Another permit is satisfied: the broken one is not missed.
    let _ = allowed(&session, &Request::new("SignNote", &mine, now()).with_facts(facts()));
    let denial = denied(&session, &Request::new("SignNote", &others, now()).with_facts(facts()));
    assert_eq!((denial.kind(), denial.layers()), (DenialKind::Error, [Layer::Roles].as_slice()));
}

#[test]
fn input_that_does_not_fit_the_schema_is_denied_as_an_error() {
    let session = session(&json!({ "scope": "all:notes read:profile" }));
    let (note, api) = (plain(), ResourceData::bare("Api", "self"));
    let (bare, folder) = (ResourceData::bare("Note", "n1"), ResourceData::bare("Folder", "f"));
    let facts = |value: Value| Facts::from_json(&value).unwrap();
    let requests = [
        Request::new("Nothing", &note, now()),
        Request::new("read:notes", &note, now()), // a group is never the action of a request
        Request::new("careful", &note, now()),
        Request::new("GetNote", &api, now()),
        Request::new("GetNote", &folder, now()),
        Request::new("GetNote", &bare, now()), // policies read the note
        Request::new("SignNote", &note, now()),
        Request::new("SignNote", &note, now()).with_facts(facts(json!({ "weight": "1" }))),
        Request::new("SignNote", &note, now()).with_facts(facts(json!({ "weight": 1, "more": 1 }))),
        Request::new("GetNote", &note, now()).with_approval(Approval::assume_verified("bob", now())),
    ];
    for request in requests {
        let denial = denied(&session, &request);
        assert_eq!((denial.kind(), denial.remedy()), (DenialKind::Error, None), "{request:?}");
    }
}

#[test]
fn the_subject_of_a_service_token_needs_a_ceiling_too() {
    let service = |more: Value| {
        let mut all = json!({ "sub": "indexer", "client_id": "indexer" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        session(&all)
    };
    let request = |note| Request::new("GetNote", note, now());
    let note = plain();
    let _ = allowed(&service(json!({})), &request(&note));
    // A service that no ceiling names may do nothing.
    let other = service(json!({ "sub": "other", "client_id": "other" }));
    assert_eq!(denied(&other, &request(&note)).layers(), [Layer::Ceilings]);
    // Acting through an agent, both need one: neither lends its own to the other.
    let with = |agent: &str, service_id: &str| {
        service(
            json!({ "sub": service_id, "client_id": service_id, "act": { "sub": agent, "sub_profile": "ai_agent" } }),
        )
    };
    let _ = allowed(&with("scribe", "indexer"), &request(&note));
    assert_eq!(denied(&with("scribe", "other"), &request(&note)).layers(), [Layer::Ceilings]);
    assert_eq!(denied(&with("stranger", "indexer"), &request(&note)).layers(), [Layer::Ceilings]);
}

#[test]
fn only_the_outermost_actor_decides() {
    // EXC-02, AGT-02
    let chain = |outer: &str, inner: &str| {
        let hop = |sub: &str| json!({ "sub": sub, "sub_profile": "ai_agent" });
        let mut act = hop(outer);
        act["act"] = hop(inner);
        session(&json!({ "act": act }))
    };
    let note = plain();
    let _ = allowed(&chain("scribe", "stranger"), &Request::new("GetNote", &note, now()));
    assert_eq!(
        denied(&chain("stranger", "scribe"), &Request::new("GetNote", &note, now())).layers(),
        [Layer::Ceilings]
    );
    // Policies see how long the chain is, and nothing else of it.
    let facts = Facts::from_json(&json!({ "weight": 1 })).unwrap();
    let direct =
        session(&json!({ "scope": "all:notes read:profile", "act": { "sub": "scribe", "sub_profile": "ai_agent" } }));
    let _ = allowed(&direct, &Request::new("SignNote", &note, now()).with_facts(facts.clone()));
    let act = json!({ "sub": "scribe", "sub_profile": "ai_agent", "act": { "sub": "x" } });
    let far = session(&json!({ "scope": "all:notes read:profile", "act": act }));
    assert_eq!(
        denied(&far, &Request::new("SignNote", &note, now()).with_facts(facts)).policies(),
        ["near-agents-only"]
    );
}

#[test]
fn the_class_that_a_token_gives_its_client_admits_it_to_no_more_than_its_user_has() {
    // AGT-01, EXC-04
    let engine = engine_with(json!({ "unlisted_clients": "deny", "claims": { "agent_type": "agent_type" } }));
    let session = |more: Value| engine.session(&verified(&claims(&more))).unwrap();
    let (of_ann, of_bob) = (plain(), note(&json!({ "owner": "bob" }), "inbox"));
    let request = |note| Request::new("GetNote", note, now());
    let _ = allowed(&session(json!({ "agent_type": "trusted" })), &request(&of_ann));
    assert_eq!(denied(&session(json!({ "agent_type": "trusted" })), &request(&of_bob)).layers(), [Layer::Roles]);
    assert_eq!(denied(&session(json!({ "agent_type": "other" })), &request(&of_ann)).layers(), [Layer::Ceilings]);
    // The same agent on its own behalf.
    let alone = |class: &str| session(json!({ "sub": "bot", "client_id": "bot", "agent_type": class }));
    let _ = allowed(&alone("trusted"), &request(&of_bob));
    assert_eq!(denied(&alone("other"), &request(&of_bob)).layers(), [Layer::Ceilings]);
}

#[test]
fn an_action_is_not_for_every_kind_of_principal() {
    // EXC-07, M2M-02
    let facts = Facts::from_json(&json!({ "weight": 1 })).unwrap();
    let note = plain();
    let service = session(&json!({ "sub": "indexer", "client_id": "indexer", "scope": "all:notes read:profile" }));
    let denial = denied(&service, &Request::new("SignNote", &note, now()).with_facts(facts));
    assert_eq!((denial.kind(), denial.layers()), (DenialKind::NotApplicable, Layer::ALL.as_slice()));
    // An actor of the wrong kind stops at the ceiling.
    let agent =
        session(&json!({ "scope": "all:notes", "acr": "mfa", "act": { "sub": "scribe", "sub_profile": "ai_agent" } }));
    let denial = denied(&agent, &Request::new("PurgeNote", &note, now()));
    assert_eq!((denial.kind(), denial.layers()), (DenialKind::NotApplicable, [Layer::Ceilings].as_slice()));
}

#[test]
fn a_parent_never_covers_through_a_conditional_child() {
    let open = note(&json!({ "owner": "bob", "open": true }), "inbox");
    let shut = note(&json!({ "owner": "bob" }), "inbox");
    for scope in ["read:notes:open", "read:notes", "all:notes"] {
        let reader = session(&json!({ "scope": scope, "roles": ["reader"] }));
        let _ = allowed(&reader, &Request::new("PeekNote", &open, now()));
        assert_eq!(denied(&reader, &Request::new("PeekNote", &shut, now())).layers(), [Layer::Consent], "{scope}");
    }
    // The broad scope covers what its own action names it for, whatever the condition.
    let broad = session(&json!({ "roles": ["reader"] }));
    let _ = allowed(&broad, &Request::new("GetNote", &shut, now()));
    let narrow = session(&json!({ "scope": "read:notes:open", "roles": ["reader"] }));
    let denial = denied(&narrow, &Request::new("GetNote", &shut, now()));
    assert_eq!(remedy(&denial), "scope read:notes");
}

#[test]
fn a_challenge_names_a_scope_as_the_issuer_does_if_it_can_confer_it() {
    let own = |more: Value| {
        let mut settings = json!({ "unlisted_clients": "person" });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let session = engine_with(settings).session(&verified(&claims(&json!({})))).unwrap();
        session.wire_name_of(&"read:notes".parse().unwrap()).map(str::to_owned)
    };
    assert_eq!(own(json!({})).as_deref(), Some("read:notes"));
    assert_eq!(own(json!({ "scope_names": { "n.r": "read:notes" } })).as_deref(), Some("n.r"));
    // Two scopes that swap their names.
    let swapped = json!({ "scope_names": { "read:notes": "write:notes", "write:notes": "read:notes" } });
    assert_eq!(own(swapped).as_deref(), Some("write:notes"));
    // Not to be had at this issuer.
    assert_eq!(own(json!({ "scopes": ["write:notes"] })), None);
    assert_eq!(own(json!({ "scopes": ["read:notes"] })).as_deref(), Some("read:notes"));
}

#[test]
fn a_challenge_names_everything_that_the_operation_needs() {
    let facts = || Facts::from_json(&json!({ "weight": 1 })).unwrap();
    let note = plain();
    let ask = |scope: &str| {
        let session = session(&json!({ "scope": scope }));
        let denial = denied(&session, &Request::new("SignNote", &note, now()).with_facts(facts()));
        let remedy = denial.remedy().expect("scopes help").clone();
        let names =
            |names: &[portcullis_core::ScopeName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        (names(remedy.scopes()), names(remedy.needed_scopes()))
    };
    let both = "read:profile write:notes".to_owned();
    assert_eq!(ask(""), (both.clone(), both.clone()));
    assert_eq!(ask("write:notes"), ("read:profile".to_owned(), both.clone()));
    assert_eq!(ask("read:profile"), ("write:notes".to_owned(), both));
}

#[test]
fn a_hidden_scope_is_offered_as_its_nearest_visible_ancestor() {
    let caller = session(&json!({ "scope": "read:notes", "acr": "mfa" }));
    let denial = denied(&caller, &Request::new("PurgeNote", &plain(), now()));
    assert_eq!(remedy(&denial), "scope all:notes");
    // It can be granted all the same.
    let _ = allowed(
        &session(&json!({ "scope": "purge:notes", "acr": "mfa" })),
        &Request::new("PurgeNote", &plain(), now()),
    );
}

#[test]
fn a_remedy_joins_what_is_missing_and_nothing_else() {
    let ask = |more: Value| remedy(&denied(&session(&more), &Request::new("PurgeNote", &plain(), now())));
    let old = NOW - 3_600;
    assert_eq!(ask(json!({ "scope": "purge:notes", "acr": "mfa", "auth_time": old })), "a login at most 300 s old");
    assert_eq!(ask(json!({ "scope": "purge:notes" })), "acr mfa or phr");
    assert_eq!(
        ask(json!({ "scope": "", "auth_time": old })),
        "scope all:notes, acr mfa or phr, a login at most 300 s old"
    );
    // A plain forbid stands in the way: nothing helps, so nothing is named.
    let locked = note(&json!({ "locked": true }), "inbox");
    let denial = denied(&session(&json!({ "scope": "" })), &Request::new("PurgeNote", &locked, now()));
    assert_eq!((denial.kind(), remedy(&denial)), (DenialKind::Guardrail, String::new()));
    assert_eq!(denial.messages(), ["This note is locked."]);
}

#[test]
fn a_person_confirms_for_an_agent_and_for_nobody_else() {
    let note = plain();
    let agent = session(&json!({ "scope": "write:notes", "act": { "sub": "scribe", "sub_profile": "ai_agent" } }));
    let request = || Request::new("MailNote", &note, now());
    assert_eq!(remedy(&denied(&agent, &request())), "the user's confirmation");
    let _ = allowed(&agent, &request().with_approval(Approval::assume_verified("ann", now())));
    for somebody_else in ["scribe", "bob", ""] {
        let denial = denied(&agent, &request().with_approval(Approval::assume_verified(somebody_else, now())));
        assert_eq!(denial.kind(), DenialKind::Error, "{somebody_else}");
    }
}

#[test]
fn a_login_in_the_future_is_not_believed() {
    // STP-04
    let ask = |auth_time: i64| {
        let session = session(&json!({ "scope": "purge:notes", "acr": "mfa", "auth_time": auth_time }));
        session.decide(&Request::new("PurgeNote", &plain(), now())).is_allow()
    };
    assert!(ask(NOW) && ask(NOW - 300) && ask(NOW + 60), "within the tolerance for clocks");
    assert!(!ask(NOW - 301) && !ask(NOW + 61) && !ask(NOW + 1_000_000));
}

#[test]
fn of_satisfied_permits_the_one_with_the_fewest_obligations_counts() {
    let redact = |grant: &Grant| {
        grant.obligations().iter().map(|o| (o.name().to_owned(), o.arguments().to_owned())).collect::<Vec<_>>()
    };
    let reader = session(&json!({ "sub": "bob", "roles": ["reader"] }));
    assert_eq!(
        redact(&allowed(&reader, &Request::new("GetNote", &plain(), now()))),
        [("redact".into(), "owner".into())]
    );
    // A further grant never adds a duty.
    let owner = session(&json!({ "roles": ["reader"] }));
    assert_eq!(redact(&allowed(&owner, &Request::new("GetNote", &plain(), now()))), []);
}

#[test]
fn a_grant_becomes_a_permit_only_when_every_obligation_is_discharged() {
    let reader = session(&json!({ "sub": "bob", "roles": ["reader"] }));
    let grant = || allowed(&reader, &Request::new("GetNote", &plain(), now()));
    let done = |_: &Obligation, _: &Grant| Ok(());
    let permit = grant().discharge(&done).unwrap();
    assert_eq!((permit.action(), permit.resource()), ("GetNote", ("Note", "n1")));
    assert_eq!(permit.subject().unwrap().id, "bob");
    assert_eq!(permit.deadline().as_secs(), NOW + 600);
    let unknown = |obligation: &Obligation, _: &Grant| Err(ObligationError::new(obligation, "no handler"));
    assert_eq!(grant().discharge(&unknown).unwrap_err().len(), 1);
}

#[test]
fn before_the_handler_only_the_hopeless_are_denied() {
    let early = |more: Value, action: &str| session(&more).deny_early(action, now());
    let layers = |denial: Option<Denial>| denial.map(|denial| denial.layers().to_vec()).unwrap_or_default();
    // Whatever the note is, these end here.
    let denial = early(json!({ "scope": "openid" }), "GetNote").expect("no scope");
    assert_eq!((denial.layers(), remedy(&denial)), ([Layer::Consent].as_slice(), "scope read:notes:open".to_owned()));
    assert_eq!(layers(early(json!({ "act": { "sub": "x" } }), "GetNote")), [Layer::Ceilings]);
    assert_eq!(remedy(&early(json!({ "scope": "purge:notes" }), "PurgeNote").expect("weak login")), "acr mfa or phr");
    let service = json!({ "sub": "indexer", "client_id": "indexer" });
    assert_eq!(early(service, "PurgeNote").unwrap().kind(), DenialKind::NotApplicable);
    // These depend on the note.
    assert_eq!(early(json!({}), "GetNote"), None);
    assert_eq!(early(json!({ "scope": "read:notes:open" }), "GetNote"), None);
    assert_eq!(early(json!({ "sub": "bob" }), "GetNote"), None, "bob may own it");
    let overflowing = json!({ "scope": "read:notes:open", "profile": { "level": i64::MAX } });
    assert_eq!(early(overflowing, "PeekNote"), None, "a permit that fails leaves the others");
    assert_eq!(early(json!({ "scope": "write:notes" }), "MailNote"), None, "an approval comes with the request");
}

#[test]
fn a_public_action_needs_nobody_and_no_other_action_is_public() {
    let engine = engine();
    let nothing = ResourceData::bare("Api", "self");
    assert!(engine.decide_public(&Request::new("Health", &nothing, now())).is_allow());
    assert!(!engine.decide_public(&Request::new("WhoAmI", &nothing, now())).is_allow());
    assert!(!engine.decide_public(&Request::new("Nothing", &nothing, now())).is_allow());
}

#[test]
fn no_consent_needs_a_caller_but_no_scope() {
    let api = ResourceData::bare("Api", "self");
    let _ = allowed(&session(&json!({ "scope": null })), &Request::new("WhoAmI", &api, now()));
    let stranger = session(&json!({ "act": { "sub": "stranger" } }));
    assert_eq!(denied(&stranger, &Request::new("WhoAmI", &api, now())).layers(), [Layer::Ceilings]);
}

#[test]
fn a_session_without_scopes_is_exempt_only_where_the_source_says_so() {
    let engine = engine_with(json!({ "unlisted_clients": "person", "consent": { "user": ["web"] } }));
    let ask = |more: Value| {
        let session = engine.session(&verified(&claims(&more))).unwrap();
        session.decide(&Request::new("GetNote", &plain(), now())).is_allow()
    };
    assert!(ask(json!({ "scope": null })));
    assert!(!ask(json!({ "scope": "" })), "an empty scope claim is a statement");
    assert!(!ask(json!({ "scope": null, "client_id": "other" })));
    assert!(!ask(json!({ "scope": null, "act": { "sub": "scribe", "sub_profile": "ai_agent" } })));
}

#[test]
fn scopes_that_the_bundle_does_not_know_grant_nothing() {
    // ATJ-14
    let caller = session(&json!({ "scope": "openid GetNote careful Read:Notes read:notes2 * admin" }));
    assert_eq!(denied(&caller, &Request::new("GetNote", &plain(), now())).layers(), [Layer::Consent]);
    assert_eq!(caller.unknown_scopes(), ["openid", "GetNote", "careful", "Read:Notes", "read:notes2", "*", "admin"]);
}

#[test]
fn a_claim_of_the_wrong_type_makes_the_token_invalid() {
    for more in [json!({ "org_id": 7 }), json!({ "org_id": ["a"] }), json!({ "profile": { "level": "3" } })] {
        let error = engine().session(&verified(&claims(&more))).unwrap_err();
        assert!(matches!(error, SessionError::Claim { .. }), "{error}");
    }
    let mut claims = claims(&json!({}));
    claims["org_id"] = Value::Null;
    assert!(engine().session(&verified(&claims)).is_err(), "null is not absent");
}

#[test]
fn a_role_list_that_is_unknown_is_not_an_empty_one() {
    let engine = engine();
    let caller = engine.caller(verified(&claims(&json!({ "roles": null })))).unwrap();
    let unknown = engine.session_with(caller.clone(), &PrincipalFacts::new()).unwrap_err();
    assert_eq!(unknown, SessionError::UnknownMemberships { entity_type: "Role".to_owned() });
    let supplied = engine.session_with(caller, &PrincipalFacts::new().with_membership("Role", "reader")).unwrap();
    let _ = allowed(&supplied, &Request::new("GetNote", &note(&json!({ "owner": "bob" }), "inbox"), now()));
}

#[test]
fn static_entities_win_for_identities_that_they_name() {
    // `scribe` is in `entities.json`: the role that its token claims is not believed.
    let scribe = json!({ "sub": "scribe", "client_id": "scribe", "sub_profile": "ai_agent", "roles": ["writer"], "scope": "all:notes read:profile" });
    let facts = Facts::from_json(&json!({ "weight": 1 })).unwrap();
    let denial = denied(&session(&scribe), &Request::new("SignNote", &plain(), now()).with_facts(facts));
    assert_eq!(denial.layers(), [Layer::Roles]);
}

#[test]
fn an_explanation_is_text_and_json_and_agrees_with_the_decision() {
    let session = session(&json!({ "scope": "" }));
    let explanation = session.explain(&Request::new("GetNote", &plain(), now()));
    assert_eq!(
        explanation.to_string(),
        "deny (consent): GetNote on Note::\"n1\"\n\
         \x20 consent    denies\n\
         \x20 ceilings   allows\n\
         \x20 roles      allows  policy: owners\n\
         \x20 guardrails allows\n\
         \x20 would help: scope read:notes\n"
    );
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(
        (&json["answer"], &json["kind"], &json["layers"][0]["answer"]),
        (&json!("deny"), &json!("consent"), &json!("deny"))
    );
    assert!(!explanation.decision().is_allow());
}

const NOW: i64 = 1_767_226_000;
