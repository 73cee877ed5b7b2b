//! What operators, people and agents are told of a decision.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use portcullis_core::{
    AgentExplanation, Bundle, BundleFiles, BundleSettings, ConditionAnswer, Engine, Explanation, Facts, Layer, Parents,
    PolicyAnswer, PolicyExplanation, Profile, Request, ResourceData, Session, Source, SourceSettings, UnixTime,
    UserExplanation, VerifiedClaims,
};
use serde_json::{Value, json};

const SCHEMA: &str = r#"
@scope @doc("See your files") action "read:files";
@scope @conditional action "read:files:open" in ["read:files"];
@scope @doc("Change your files") action "write:files";
action "viewing";

entity Role in [Role];
entity AgentClass;
entity User in [Role] { @claim("org_id") tenant?: String, @claim("pin") @secret pin?: String };
entity Agent in [AgentClass];
entity Folder;
entity File in [Folder] { owner: User, tenant: String, open: Bool, @secret pin: String, size: Long, tags: Set<String>,
  place: { shelf: String, @secret safe: String } };
@hide entity Diary { owner: User, locked: Bool };

@http("GET /files/{file}") @deferred("decided on the file")
action "GetFile" in ["read:files", "read:files:open", "viewing"] appliesTo {
  principal: [User, Agent], resource: [File], context: Portcullis::Context
};
@http("PUT /files/{file}") @deferred("decided on the file")
action "PutFile" in ["write:files"] appliesTo {
  principal: [User, Agent], resource: [File],
  context: { auth: Portcullis::Auth, now: datetime, weight: Long, @secret code: String }
};
@http("DELETE /files/{file}") @deferred("decided on the file")
action "DeleteFile" in ["write:files"] appliesTo {
  principal: [User], resource: [File], context: Portcullis::Context
};
@http("GET /diaries/{diary}") @deferred("decided on the diary")
action "GetDiary" in ["read:files"] appliesTo {
  principal: [User, Agent], resource: [Diary], context: Portcullis::Context
};
@http("GET /news") @resource("Folder::\"news\"") @public("anybody reads")
action "GetNews" appliesTo { principal: [Portcullis::Anonymous], resource: [Folder], context: { now: datetime } };
"#;

const CONSENT: &str = r#"
@id("open-ones") permit (principal, action in Action::"read:files:open", resource is File) when { resource.open };
"#;

const ROLES: &str = r#"
@id("editors") permit (principal in Role::"editor", action == Action::"PutFile", resource);
@id("viewers") permit (principal in Role::"viewer", action in Action::"viewing", resource);
@id("owners") @doc("Whoever owns a file reads it.")
permit (principal is User, action in [Action::"GetFile", Action::"DeleteFile"], resource is File)
when { principal has tenant && principal.tenant == resource.tenant }
when { resource.owner == principal }
unless { resource.size > 1000 };
@id("large-ones") permit (principal is User, action == Action::"DeleteFile", resource is File)
when { resource.size + 1 > 9223372036854775807 };
@id("knowing-the-pin") permit (principal is User, action == Action::"PutFile", resource is File)
when { context.code == resource.pin && context.weight < 10 };
@id("other-tenants-editors") permit (principal in Role::"guest-editor", action == Action::"PutFile", resource is File)
when { context.weight < 10 };
@id("agents-read") permit (principal is Agent, action, resource);
@id("diarists") permit (principal is User, action == Action::"GetDiary", resource) when { resource.owner == principal };
"#;

const CEILINGS: &str = r#"
@id("librarians") permit (principal in AgentClass::"librarian", action == Action::"GetFile", resource)
when { resource.open };
@id("no-large-ones") forbid (principal, action == Action::"PutFile", resource) when { resource.size > 50 };
"#;

const GUARDRAILS: &str = r#"
@id("stay-in-your-tenant") @doc("Nobody looks over the fence.") @message("This is another tenant's.")
forbid (principal, action == Action::"GetFile", resource is File)
unless { principal has tenant && principal.tenant == resource.tenant };
@id("strong-login") @step_up("mfa") @max_age("5m") @message("Please log in again.")
forbid (principal, action == Action::"DeleteFile", resource)
unless { context.auth has acr && context.auth.acr == "mfa" && context.auth has authenticated_at
  && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
@id("locked-diary") forbid (principal, action == Action::"GetDiary", resource is Diary) when { resource.locked };
@id("no-news-yet") forbid (principal, action == Action::"GetNews", resource) when { context.now < datetime("2030-01-01") };
"#;

fn engine() -> Engine {
    engine_with("")
}

/// With `roles` besides.
fn engine_with(roles: &str) -> Engine {
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("consent/files.cedar", CONSENT)
        .with_file("roles/people.cedar", format!("{ROLES}{roles}"))
        .with_file("ceilings/agents.cedar", CEILINGS)
        .with_file("guardrails/care.cedar", GUARDRAILS);
    let settings: SourceSettings = serde_json::from_value(
        json!({ "person_clients": ["web"], "unlisted_clients": "agent", "absent_lists": "empty" }),
    )
    .unwrap();
    let settings = BundleSettings::new(vec![Source::new("main", settings, Profile::rfc9068()).unwrap()])
        .with_required_file("ceilings/agents.cedar")
        .with_required_file("guardrails/care.cedar")
        .without_entities();
    Engine::new(Bundle::load(&files, settings).unwrap_or_else(|error| panic!("{error}")))
}

fn session(engine: &Engine, more: &Value) -> Session {
    let mut claims = json!({
        "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "exp": NOW + 600, "iat": NOW - 60,
        "scope": "read:files write:files", "org_id": "acme", "auth_time": NOW - 400,
    });
    let members = claims.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    let claims = VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone());
    engine.session(&claims).unwrap()
}

fn file(more: &Value) -> ResourceData {
    let mut file = json!({
        "owner": "ann", "tenant": "acme", "open": false, "pin": "12345", "size": 1, "tags": [],
        "place": { "shelf": "a", "safe": "54321" },
    });
    file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ResourceData::from_json("File", "f1", &file, Parents::from([("Folder", "inbox")])).unwrap()
}

fn diary(owner: &str, locked: bool) -> ResourceData {
    ResourceData::from_json("Diary", "d1", &json!({ "owner": owner, "locked": locked }), Parents::none()).unwrap()
}

fn diagnose(claims: &Value, action: &str, resource: &ResourceData) -> Explanation {
    let engine = engine();
    let session = session(&engine, claims);
    let facts = || Facts::from_json(&json!({ "weight": 3, "code": "guess" })).unwrap();
    let request = Request::new(action, resource, UnixTime::from_secs(NOW).unwrap());
    engine.diagnose(Some(&session), &if action == "PutFile" { request.with_facts(facts()) } else { request })
}

/// What is said of `policy` in `layer`.
#[track_caller]
fn of<'a>(explanation: &'a Explanation, layer: Layer, policy: &str) -> &'a PolicyExplanation {
    let layer = explanation.layers().iter().find(|told| told.layer == layer).unwrap();
    let found = layer.why.iter().find(|told| told.policy == policy);
    found.unwrap_or_else(|| panic!("nothing is said of {policy}:\n{explanation}"))
}

#[track_caller]
fn lines(explanation: &Explanation, layer: Layer, policy: &str) -> Vec<String> {
    of(explanation, layer, policy).lines().collect()
}

fn why(explanation: &Explanation, layer: Layer) -> Vec<&str> {
    let layers = explanation.layers().iter().filter(|told| told.layer == layer);
    layers.flat_map(|told| &told.why).map(|policy| policy.policy.as_str()).collect()
}

#[test]
fn a_permit_that_nearly_counts_says_which_condition_is_not_met_with_the_values_that_it_read() {
    let explanation = diagnose(&json!({}), "GetFile", &file(&json!({ "owner": "bob" })));
    assert_eq!(
        lines(&explanation, Layer::Roles, "owners"),
        [
            "owners would permit",
            "  “Whoever owns a file reads it.”",
            "  when   principal has tenant: true",
            "  when   principal.tenant == resource.tenant: true, principal.tenant = \"acme\", resource.tenant = \"acme\"",
            "  when   resource.owner == principal: false, resource.owner = User::\"bob\", principal = User::\"ann\"",
            "  unless resource.size > 1000: not reached",
        ]
    );
}

#[test]
fn what_stands_behind_a_guard_is_not_reached_without_it() {
    let engine = engine();
    let session = session(&engine, &json!({ "org_id": null }));
    let resource = file(&json!({}));
    let request = Request::new("GetFile", &resource, UnixTime::from_secs(NOW).unwrap());
    let explanation = engine.diagnose(Some(&session), &request);
    let owners = of(&explanation, Layer::Roles, "owners");
    let answers: Vec<ConditionAnswer> = owners.conditions.iter().map(|condition| condition.answer).collect();
    let later = ConditionAnswer::NotReached;
    assert_eq!(answers, [ConditionAnswer::False, later, later, later]);
    assert!(owners.conditions.iter().all(|condition| condition.values.is_empty()), "{owners:?}");
}

#[test]
fn a_head_of_which_one_part_does_not_match_is_named_if_the_conditions_hold() {
    let explanation = diagnose(&json!({}), "PutFile", &file(&json!({ "owner": "bob" })));
    assert_eq!(
        lines(&explanation, Layer::Roles, "editors"),
        ["editors would permit, but not: principal in Role::\"editor\""]
    );
    assert_eq!(why(&explanation, Layer::Roles), ["knowing-the-pin", "editors", "other-tenants-editors"]);
    let heavy = Facts::from_json(&json!({ "weight": 30, "code": "guess" })).unwrap();
    let (engine, resource) = (engine(), file(&json!({})));
    let request = Request::new("PutFile", &resource, UnixTime::from_secs(NOW).unwrap()).with_facts(heavy);
    let explanation = engine.diagnose(Some(&session(&engine, &json!({}))), &request);
    assert_eq!(why(&explanation, Layer::Roles), ["knowing-the-pin", "editors"], "its condition is not met besides");
    // A role that has other actions says so; what is for everybody else, or another kind of principal, does not.
    let viewer = diagnose(&json!({ "roles": ["viewer"] }), "DeleteFile", &file(&json!({ "owner": "bob" })));
    assert_eq!(
        lines(&viewer, Layer::Roles, "viewers"),
        ["viewers would permit, but not: action in [Action::\"viewing\"]"]
    );
    assert!(!why(&viewer, Layer::Roles).contains(&"agents-read"));
}

#[test]
fn a_forbid_that_applies_says_which_conditions_made_it() {
    let explanation = diagnose(&json!({}), "GetFile", &file(&json!({ "tenant": "umbrella" })));
    assert_eq!(
        lines(&explanation, Layer::Guardrails, "stay-in-your-tenant"),
        [
            "stay-in-your-tenant forbids",
            "  “Nobody looks over the fence.”",
            "  unless principal has tenant: true",
            "  unless principal.tenant == resource.tenant: false, principal.tenant = \"acme\", resource.tenant = \"umbrella\"",
        ]
    );
    assert_eq!(why(&explanation, Layer::Guardrails), ["stay-in-your-tenant"]);
}

#[test]
fn a_policy_that_fails_to_evaluate_says_where() {
    let explanation = diagnose(&json!({}), "DeleteFile", &file(&json!({ "owner": "bob", "size": i64::MAX })));
    let large = of(&explanation, Layer::Roles, "large-ones");
    assert_eq!((large.answer, large.conditions.len()), (PolicyAnswer::Fails, 1));
    let condition = &large.conditions[0];
    assert_eq!(condition.answer, ConditionAnswer::Fails);
    assert!(condition.error.as_deref().unwrap().contains("overflow"), "{condition:?}");
    assert!(why(&explanation, Layer::Roles).contains(&"owners"), "permits that nearly count are told besides");
}

#[test]
fn ceilings_say_about_whom_and_conditions_of_scopes_are_told_of_granted_ones() {
    let agent = json!({ "act": { "sub": "bot", "sub_profile": "ai_agent", "agent_type": "librarian" } });
    let explanation = diagnose(&agent, "GetFile", &file(&json!({ "open": true })));
    assert_eq!(
        lines(&explanation, Layer::Ceilings, "librarians"),
        ["librarians would permit Agent::\"bot\", but not: principal in AgentClass::\"librarian\""],
        "{explanation}"
    );
    let explanation = diagnose(&json!({ "scope": "read:files:open" }), "GetFile", &file(&json!({})));
    assert_eq!(
        lines(&explanation, Layer::Consent, "open-ones"),
        ["open-ones would permit", "  when   resource.open: false, resource.open = false"]
    );
    let explanation = diagnose(&json!({ "scope": "openid" }), "GetFile", &file(&json!({})));
    assert_eq!(why(&explanation, Layer::Consent), [""; 0], "what was not granted lacks the scope");
}

#[test]
fn secrets_are_never_shown_to_anybody() {
    let explanation = diagnose(&json!({ "pin": "67890" }), "PutFile", &file(&json!({ "owner": "bob" })));
    assert_eq!(
        lines(&explanation, Layer::Roles, "knowing-the-pin")[1],
        "  when   context.code == resource.pin: false, context.code is [secret], resource.pin is [secret]"
    );
    let all = format!("{explanation} {}", serde_json::to_string(&explanation).unwrap());
    assert!(!all.contains("12345") && !all.contains("guess"), "{all}");
}

#[test]
fn no_bundle_and_no_resource_makes_an_explanation_long() {
    let many: String = (0..200)
        .map(|number| {
            let parts: Vec<String> = (0..40).map(|part| format!("resource.tags != [\"{part}\"]")).collect();
            let condition = format!("{} && resource.size > {}", parts.join(" && "), 1_000 + number);
            format!(
                "@id(\"many-{number}\") permit (principal, action == Action::\"GetFile\", resource) when {{ {condition} }};
                 @id(\"role-{number}\") permit (principal in Role::\"r{number}\", action == Action::\"GetFile\", resource);"
            )
        })
        .collect();
    let engine = engine_with(&many);
    let tags: Vec<String> = (0..1_000).map(|tag| format!("{tag}{}", "x".repeat(1_000))).collect();
    let resource = file(&json!({ "owner": "bob", "tags": tags }));
    let request = Request::new("GetFile", &resource, UnixTime::from_secs(NOW).unwrap());
    let explanation = engine.diagnose(Some(&session(&engine, &json!({}))), &request);
    let roles = explanation.layers().iter().find(|layer| layer.layer == Layer::Roles).unwrap();
    assert_eq!(roles.why.len(), 8, "{explanation}");
    let policies = roles.why.iter().map(|policy| policy.conditions.len());
    assert_eq!(policies.max(), Some(16));
    let decisive =
        |policy: &PolicyExplanation| policy.conditions.iter().any(|told| told.answer == ConditionAnswer::False);
    assert!(roles.why.iter().all(|policy| policy.head.is_some() || decisive(policy)), "{explanation}");
    let longest = explanation.to_string().lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest < 800, "{longest} characters in a line");
}

#[test]
fn an_allow_names_its_permits_with_their_documentation_and_no_values() {
    let explanation = diagnose(&json!({}), "GetFile", &file(&json!({})));
    assert!(explanation.decision().is_allow());
    let owners = of(&explanation, Layer::Roles, "owners");
    assert_eq!((owners.answer, owners.doc.as_deref()), (PolicyAnswer::Permits, Some("Whoever owns a file reads it.")));
    assert!(owners.conditions.is_empty());
}

#[test]
fn a_public_action_is_diagnosed_without_anybody() {
    let engine = engine();
    let news = ResourceData::bare("Folder", "news");
    let explanation = engine.diagnose(None, &Request::new("GetNews", &news, UnixTime::from_secs(NOW).unwrap()));
    assert_eq!(of(&explanation, Layer::Guardrails, "no-news-yet").answer, PolicyAnswer::Forbids);
}

#[test]
fn an_explanation_that_nobody_asked_to_look_closely_does_not() {
    let (engine, resource) = (engine(), file(&json!({ "owner": "bob" })));
    let request = Request::new("GetFile", &resource, UnixTime::from_secs(NOW).unwrap());
    let explanation = engine.explain(Some(&session(&engine, &json!({}))), &request);
    assert!(explanation.layers().iter().all(|layer| layer.why.is_empty()));
}

#[test]
fn what_is_known_early_is_told_early() {
    let engine = engine();
    let session = session(&engine, &json!({ "scope": "openid", "acr": "pwd" }));
    let explanation = session.diagnose_early("DeleteFile", UnixTime::from_secs(NOW).unwrap()).unwrap();
    let strong = of(&explanation, Layer::Guardrails, "strong-login");
    assert_eq!(strong.conditions[1].values, [("context.auth.acr".to_owned(), "\"pwd\"".to_owned())]);
    assert_eq!(why(&explanation, Layer::Roles), [""; 0], "no permit can be judged yet");
}

#[test]
fn people_are_told_what_policies_say_to_them_and_what_they_can_do_in_plain_words() {
    let user = |claims: Value, action: &str, resource: &ResourceData| {
        diagnose(&claims, action, resource).for_user().to_string()
    };
    assert_eq!(
        user(json!({ "scope": "openid" }), "DeleteFile", &file(&json!({}))),
        "You may not do this yet.\n\
         Allow the application you are using: Change your files.\n\
         Log in again in a stronger way, such as with a second factor. Your login must not be older than 5 minutes."
    );
    assert_eq!(
        user(json!({}), "DeleteFile", &file(&json!({}))),
        "Please log in again.\n\
         Log in again in a stronger way, such as with a second factor. Your login must not be older than 5 minutes."
    );
    assert_eq!(user(json!({}), "GetFile", &file(&json!({}))), "You may do this.");
    // The role denies besides: nobody is told what is special about the file, and operators see that.
    let others = json!({ "tenant": "umbrella", "owner": "bob" });
    let operator = |resource: &ResourceData, action: &str| diagnose(&json!({}), action, resource).to_string();
    assert!(!operator(&file(&others), "GetFile").contains("tells the caller"));
    assert!(operator(&file(&json!({})), "DeleteFile").ends_with("  tells the caller: Please log in again.\n"));
    assert_eq!(user(json!({}), "GetFile", &file(&others)), "You may not do this.");
    let broken = file(&json!({ "owner": "bob", "size": i64::MAX }));
    assert!(user(json!({}), "DeleteFile", &broken).starts_with("Something is wrong on our side"));
}

#[test]
fn agents_are_told_a_code_and_what_can_be_obtained_and_to_look_for_no_way_around() {
    let agent = |claims: Value, action: &str, resource: &ResourceData| {
        serde_json::to_value(diagnose(&claims, action, resource).for_agent()).unwrap()
    };
    let denied = agent(json!({ "scope": "openid" }), "GetFile", &file(&json!({})));
    assert_eq!(
        (&denied["code"], &denied["needs"]),
        (&json!("insufficient-scope"), &json!({ "scope": ["read:files"] }))
    );
    let step_up = agent(json!({}), "DeleteFile", &file(&json!({})));
    assert_eq!(step_up["code"], "stronger-login-required");
    assert_eq!(step_up["needs"], json!({ "acr_values": ["mfa"], "max_age": 300 }));
    let never = agent(json!({}), "GetFile", &file(&json!({ "owner": "bob" })));
    assert_eq!((&never["code"], never.get("needs")), (&json!("denied"), None));
    for told in [&denied, &step_up, &never] {
        let policy = told["policy"].as_str().unwrap();
        assert!(
            policy.contains("decision of policy") && policy.contains("Do not look for a way around it"),
            "{policy}"
        );
    }
    assert_eq!(agent(json!({}), "GetFile", &file(&json!({}))), json!({ "answer": "allow" }));
    let text = diagnose(&json!({ "scope": "openid" }), "GetFile", &file(&json!({}))).for_agent().to_string();
    assert!(text.starts_with("insufficient-scope. ") && text.ends_with("with the scopes: read:files"), "{text}");
}

#[test]
fn what_is_hidden_reads_as_what_is_not_there() {
    // OWA-01
    for (claims, resource) in [
        (json!({}), diary("bob", false)),
        (json!({}), diary("bob", true)),
        // Nor is the owner told that it is locked.
        (json!({}), diary("ann", true)),
        (json!({ "act": { "sub": "bot", "sub_profile": "ai_agent" } }), diary("ann", false)),
    ] {
        let explanation = diagnose(&claims, "GetDiary", &resource);
        assert!(!explanation.decision().is_allow());
        assert_eq!(explanation.for_user(), UserExplanation::not_found());
        assert_eq!(explanation.for_agent(), AgentExplanation::not_found());
    }
    // Whoever was granted it in the application is told what the token lacks.
    let explanation = diagnose(&json!({ "scope": "openid" }), "GetDiary", &diary("ann", false));
    assert_eq!(explanation.for_agent().code(), Some("insufficient-scope"));
    assert_eq!(explanation.for_user().steps(), ["Allow the application you are using: See your files."]);
}

#[test]
fn neither_people_nor_agents_are_told_ids_attributes_or_values() {
    let everything =
        json!({ "tenant": "canary-tenant", "owner": "canary-owner", "tags": ["canary-tag"], "size": 2000 });
    for action in ["GetFile", "PutFile", "DeleteFile"] {
        for claims in
            [json!({}), json!({ "scope": "openid" }), json!({ "act": { "sub": "bot", "sub_profile": "ai_agent" } })]
        {
            let explanation = diagnose(&claims, action, &file(&everything));
            let told = [
                explanation.for_user().to_string(),
                explanation.for_agent().to_string(),
                serde_json::to_string(&explanation.for_user()).unwrap(),
                serde_json::to_string(&explanation.for_agent()).unwrap(),
            ]
            .join("\n");
            for never in
                ["canary", "owners", "editors", "stay-in", "librarians", "resource.", "principal", "Role::", "f1"]
            {
                assert!(!told.contains(never), "{never} in {told}");
            }
        }
    }
}

const NOW: i64 = 1_767_226_000;
