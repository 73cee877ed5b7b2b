//! What claims become, and above all what they do not become.

use serde_json::{Value, json};

use super::*;
use crate::claims::{Credential, Kind, VerifiedClaims};

/// Claims live for a minute unless they say otherwise.
fn verified(alias: &str, claims: &Value) -> VerifiedClaims {
    let mut all = json!({ "iat": 0, "exp": 60 });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    VerifiedClaims::assume_verified(alias, all.as_object().unwrap().clone())
}

#[track_caller]
fn settings(text: &Value) -> SourceSettings {
    serde_json::from_value(text.clone()).unwrap()
}

#[track_caller]
fn source(alias: &str, text: &Value) -> Source {
    Source::new(alias, settings(text), Profile::rfc9068()).unwrap()
}

/// One source, of which people are the users unless `settings` says otherwise.
#[track_caller]
fn read_with(text: &Value, claims: &Value) -> Result<Caller, ClaimsError> {
    let mut with_default = json!({ "unlisted_clients": "person" });
    with_default.as_object_mut().unwrap().extend(text.as_object().unwrap().clone());
    let sources = Sources::new([source("main", &with_default)], AgentType::Declared).unwrap();
    sources.read(verified("main", claims))
}

#[track_caller]
fn read(claims: &Value) -> Result<Caller, ClaimsError> {
    read_with(&json!({}), claims)
}

/// `claims` on top of a user's token.
fn user_with(claims: &Value) -> Value {
    let mut all = json!({ "iss": "https://as", "sub": "ann", "client_id": "web" });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    all
}

fn kind_and_id(caller: &Caller) -> (Kind, &str) {
    (caller.subject().kind, &caller.subject().id)
}

// GEN-07
#[test]
fn subject_actor_and_client_stay_apart() {
    let caller = read(&user_with(&json!({
        "client_id": "client-1", "scope": "b a b", "roles": ["r", { "value": "s" }, "r"],
        "act": { "sub": "agent-7", "sub_profile": "ai_agent", "act": { "sub": "agent-1" } },
        "acr": "mfa", "amr": ["pwd", "otp"], "auth_time": 100, "iat": 200.9, "exp": 300, "jti": "j",
    })))
    .unwrap();
    assert_eq!(kind_and_id(&caller), (Kind::User, "ann"));
    assert_eq!(caller.client(), Some("client-1"));
    let actor = caller.actor().unwrap();
    assert_eq!((actor.kind, actor.id.as_str(), &actor.class, actor.depth), (Kind::Agent, "agent-7", &None, 2));
    assert_eq!(caller.chain().iter().map(|hop| hop.id.as_str()).collect::<Vec<_>>(), ["agent-7", "agent-1"]);
    assert_eq!(caller.scopes().unwrap(), ["b", "a"]);
    assert_eq!(*caller.roles(), Listing::Known(vec!["r".into(), "s".into()]));
    assert_eq!(*caller.groups(), Listing::Unknown);
    assert_eq!((caller.acr(), caller.jti(), caller.issuer()), (Some("mfa"), Some("j"), "https://as"));
    assert_eq!(caller.amr().unwrap(), ["pwd", "otp"]);
    let times = [caller.authenticated_at(), caller.issued_at(), caller.expires_at()];
    assert_eq!(times.map(|time| time.unwrap().as_secs()), [100, 200, 300]);
    assert_eq!(caller.credential(), Credential::AccessToken);
}

// AGT-04, AGT-05, AGT-06, AGT-07
#[test]
fn the_most_restrictive_known_profile_value_decides_the_kind_of_the_subject() {
    for (sub_profile, client, kind) in [
        (Some("user"), "ann", Kind::User), // the explicit value wins over `sub == client_id`
        (Some("user service"), "web", Kind::Service),
        (Some("Service AI_Agent user"), "web", Kind::Agent),
        (Some("browser_app"), "web", Kind::Service),
        (Some("acme_bot"), "web", Kind::User), // unknown values say nothing
        (Some("acme_bot"), "ann", Kind::Service),
        (None, "web", Kind::User),
        (None, "ann", Kind::Service),
    ] {
        let mut claims = user_with(&json!({ "client_id": client }));
        if let Some(value) = sub_profile {
            claims["sub_profile"] = json!(value);
        }
        assert_eq!(read(&claims).unwrap().subject().kind, kind, "{sub_profile:?} {client}");
    }
    assert_eq!(problem(read(&user_with(&json!({ "sub_profile": "a!b" })))), ClaimProblem::Malformed);
}

#[track_caller]
fn problem(result: Result<Caller, ClaimsError>) -> ClaimProblem {
    match result.unwrap_err() {
        ClaimsError::Claim { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

// JWT-13, ATJ-09, ATJ-13, EXC-01
#[test]
fn a_claim_of_the_wrong_type_is_never_taken_for_absent() {
    for (claim, values) in [
        ("iss", vec![json!(1), json!(null)]),
        ("sub", vec![json!(1), json!(null), json!(["ann"])]),
        ("client_id", vec![json!(1), json!(null), json!(["web"])]),
        ("scope", vec![json!(["a"]), json!(null), json!(true)]),
        ("roles", vec![json!("a"), json!({ "a": 1 }), json!({ "value": "a" }), json!([1]), json!([{ "v": "a" }])]),
        ("groups", vec![json!(null), json!([["a"]])]),
        ("entitlements", vec![json!("a"), json!([{ "value": 1 }])]),
        ("sub_profile", vec![json!(["user"]), json!(null)]),
        ("act", vec![json!(null), json!("x"), json!([]), json!(true)]),
        ("acr", vec![json!(1), json!(null)]),
        ("amr", vec![json!("pwd"), json!([1])]),
        ("auth_time", vec![json!("100"), json!(null)]),
        ("exp", vec![json!("100")]),
        ("iat", vec![json!({})]),
        ("jti", vec![json!(7)]),
    ] {
        for value in values {
            assert_eq!(
                problem(read(&user_with(&json!({ claim: value })))),
                ClaimProblem::WrongType,
                "{claim}: {value}"
            );
        }
    }
    for time in [json!(-1), json!(253_402_300_800_i64), json!(1e300), json!(u64::MAX)] {
        assert_eq!(problem(read(&user_with(&json!({ "exp": time })))), ClaimProblem::Malformed, "{time}");
    }
}

#[test]
fn a_subject_without_id_is_nobody() {
    assert_eq!(problem(read(&json!({ "client_id": "web" }))), ClaimProblem::Missing);
    assert_eq!(problem(read(&user_with(&json!({ "sub": "" })))), ClaimProblem::Missing);
    // Both absent is not both the same.
    assert_eq!(problem(read(&json!({ "scope": "a" }))), ClaimProblem::Missing);
}

// EXC-01
#[test]
fn an_actor_that_cannot_be_read_is_not_nobody() {
    for act in [
        json!({}),
        json!({ "iss": "https://as" }),
        json!({ "sub": "" }),
        json!({ "sub": "a", "act": {} }),
        json!({ "sub": "a", "act": null }),
        json!({ "sub": "a", "iss": 1 }),
        json!({ "sub": "a", "sub_profile": ["ai_agent"] }),
    ] {
        let error = read(&user_with(&json!({ "act": act }))).unwrap_err();
        assert!(matches!(error, ClaimsError::Claim { purpose: Purpose::Actor, .. }), "{act}: {error:?}");
    }
}

#[test]
fn an_act_claim_that_the_profile_does_not_read_refuses_the_token() {
    let profile = json!({ "classify": [{ "kind": "user", "id": "sub" }] });
    let settings = json!({ "profile": profile });
    assert!(read_with(&settings, &json!({ "sub": "ann" })).is_ok());
    let error = read_with(&settings, &json!({ "sub": "ann", "act": { "sub": "x" } })).unwrap_err();
    assert_eq!(error, ClaimsError::ActorNotRead);
}

// EXC-08
#[test]
fn a_chain_of_more_than_eight_hops_is_refused() {
    let chain = |hops: usize| {
        (0..hops).fold(json!(null), |inner, hop| {
            let mut act = json!({ "sub": format!("hop-{hop}") });
            if !inner.is_null() {
                act["act"] = inner;
            }
            act
        })
    };
    let caller = read(&user_with(&json!({ "act": chain(8) }))).unwrap();
    assert_eq!((caller.actor().unwrap().depth, caller.actor().unwrap().id.as_str()), (8, "hop-7"));
    for hops in [9, 100] {
        let error = read(&user_with(&json!({ "act": chain(hops) }))).unwrap_err();
        assert_eq!(error, ClaimsError::ChainTooLong { limit: 8 });
    }
}

// EXC-02, EXC-03, EXC-06, AGT-04
#[test]
fn only_what_identifies_the_outermost_hop_matters() {
    let act = json!({ "sub": "a", "exp": 1, "nbf": "x", "aud": 7, "client_profile": "ai_agent",
        "act": { "sub": "b", "sub_profile": "user" } });
    let caller = read(&user_with(&json!({ "act": act, "may_act": { "sub": "c" } }))).unwrap();
    let actor = caller.actor().unwrap();
    assert_eq!((actor.kind, actor.id.as_str()), (Kind::Agent, "a"));
    assert_eq!(actor.class.as_deref(), Some(Actor::UNCLASSIFIED));
    assert!(read(&user_with(&json!({ "may_act": { "sub": "c" } }))).unwrap().actor().is_none());
}

#[test]
fn the_kind_of_the_actor_comes_from_its_own_hop() {
    for (profile, kind, class) in [
        ("ai_agent", Kind::Agent, None),
        ("user AI_Agent", Kind::Agent, None),
        ("native_app", Kind::Service, None),
        ("user", Kind::User, None),
        ("Todo Assistant", Kind::Agent, Some(Actor::UNCLASSIFIED)),
    ] {
        let claims = user_with(&json!({ "sub_profile": "user", "act": { "sub": "a", "sub_profile": profile } }));
        let caller = read(&claims).unwrap();
        let actor = caller.actor().unwrap();
        assert_eq!((actor.kind, actor.class.as_deref()), (kind, class), "{profile}");
    }
}

// EXC-09, JWT-11
#[test]
fn the_same_name_at_another_issuer_is_another_actor() {
    let id = |act: Value| read(&user_with(&json!({ "act": act }))).unwrap().actor().unwrap().id.clone();
    assert_eq!(id(json!({ "sub": "a" })), id(json!({ "sub": "a", "iss": "https://as" })));
    assert_eq!(id(json!({ "sub": "a", "iss": "https://b" })), "|https://b|a");
    assert_eq!(id(json!({ "sub": "|https://b|a" })), "||https://b|a");
}

// EXC-10
#[test]
fn an_actor_that_is_the_subject_is_nobody_else() {
    for act in [json!({ "sub": "ann" }), json!({ "sub": "ann", "iss": "https://as", "sub_profile": "user" })] {
        let caller = read(&user_with(&json!({ "act": act }))).unwrap();
        assert!(caller.actor().is_none(), "{act}");
        assert_eq!(caller.chain().len(), 1);
    }
    let contradiction = read(&user_with(&json!({ "act": { "sub": "ann", "sub_profile": "ai_agent" } }))).unwrap_err();
    assert_eq!(contradiction, ClaimsError::ActorContradictsSubject { actor: Kind::Agent, subject: Kind::User });
    // The same name elsewhere is somebody else.
    let other = read(&user_with(&json!({ "act": { "sub": "ann", "iss": "https://b" } }))).unwrap();
    assert!(other.actor().is_some());
    // Acting for oneself does not hide the client.
    let settings = json!({ "unlisted_clients": "agent" });
    let caller = read_with(&settings, &user_with(&json!({ "act": { "sub": "ann" } }))).unwrap();
    assert_eq!(caller.actor().unwrap().class.as_deref(), Some(Actor::UNLISTED));
}

// AGT-09
#[test]
fn where_the_actor_profile_is_required_a_token_names_who_acts_and_who_says_so() {
    let text = json!({ "actor_profile_required": true, "unlisted_clients": "agent", "agent_clients": ["bot"] });
    let read = |claims: Value| read_with(&text, &user_with(&claims));
    let act = |more: Value| {
        let mut act = json!({ "iss": "https://as", "sub": "a", "sub_profile": "ai_agent" });
        act.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(json!({ "act": act }))
    };
    assert_eq!(act(json!({})).unwrap().actor().unwrap().id, "a");
    assert_eq!(act(json!({ "iss": "https://b" })).unwrap().actor().unwrap().id, "|https://b|a");
    // What stands further inside is history.
    assert!(act(json!({ "act": { "sub": "older" } })).is_ok());

    let missing = |claim: &str, result: Result<Caller, ClaimsError>| match result.unwrap_err() {
        ClaimsError::Claim { claim: missing, problem: ClaimProblem::Missing, purpose: Purpose::Actor } => {
            assert_eq!(missing, claim);
        }
        other => panic!("{other:?}"),
    };
    missing("act", read(json!({})));
    // A client is not taken for the actor, whatever the lists say of it, and neither is software that acts for itself.
    missing("act", read(json!({ "client_id": "bot" })));
    missing("act", read(json!({ "sub": "bot", "client_id": "bot", "sub_profile": "ai_agent" })));
    missing("act.iss", read(json!({ "act": { "sub": "a", "sub_profile": "ai_agent" } })));
    missing("act.iss", act(json!({ "iss": "" })));
    for iss in [json!(null), json!(1), json!(["https://as"])] {
        assert_eq!(problem(act(json!({ "iss": iss }))), ClaimProblem::WrongType);
    }
    // Who acts for oneself, acts for nobody.
    let alone = json!({ "act": { "iss": "https://as", "sub": "ann", "sub_profile": "user" } });
    assert_eq!(read(alone).unwrap_err(), ClaimsError::NotDelegated);
    // An actor that is not trusted is none.
    let distrusting = json!({
        "actor_profile_required": true,
        "profile": {
            "classify": [{ "kind": "user", "id": "sub" }],
            "actor": [{ "nested": "act", "id": { "hop": "sub" }, "issuer": { "hop": "iss" } }],
            "trust": [{ "when": { "present": "self_signed" }, "ignore": ["actor"] }],
        },
    });
    let claims = json!({ "act": { "iss": "https://as", "sub": "a" }, "self_signed": true });
    assert_eq!(read_with(&distrusting, &user_with(&claims)).unwrap_err(), ClaimsError::NotDelegated);
}

#[test]
fn an_unlisted_client_is_what_the_settings_say() {
    let lists =
        |unlisted: &str| json!({ "unlisted_clients": unlisted, "person_clients": ["web"], "agent_clients": ["bot"] });
    let actor = |unlisted: &str, client: Option<&str>| {
        let mut claims = json!({ "sub": "ann" });
        if let Some(client) = client {
            claims["client_id"] = json!(client);
        }
        let caller = read_with(&lists(unlisted), &claims)?;
        Ok(caller.actor().map(|actor| (actor.kind, actor.id.clone(), actor.class.clone())))
    };
    let agent = |id: &str, class: Option<&str>| Ok(Some((Kind::Agent, id.to_owned(), class.map(str::to_owned))));
    for unlisted in ["person", "agent", "deny"] {
        assert_eq!(actor(unlisted, Some("web")), Ok(None), "{unlisted}");
        assert_eq!(actor(unlisted, Some("bot")), agent("bot", None), "{unlisted}");
    }
    assert_eq!(actor("person", Some("other")), Ok(None));
    assert_eq!(actor("agent", Some("other")), agent("other", Some("unlisted")));
    assert_eq!(actor("deny", Some("other")), Err(ClaimsError::UnlistedClient));
    // A token that does not name its client is not a person's.
    assert_eq!(actor("agent", None), agent("|", Some("unlisted")));
    assert_eq!(actor("deny", None), Err(ClaimsError::UnlistedClient));
}

#[test]
fn clients_are_not_looked_at_where_they_decide_nothing() {
    let text = json!({ "unlisted_clients": "deny" });
    for claims in [
        json!({ "sub": "svc", "client_id": "svc" }),
        json!({ "sub": "agt", "client_id": "c", "sub_profile": "ai_agent" }),
    ] {
        assert!(read_with(&text, &claims).unwrap().actor().is_none(), "{claims}");
    }
    // The token names its actor already.
    let caller = read_with(&text, &user_with(&json!({ "act": { "sub": "svc", "sub_profile": "service" } }))).unwrap();
    assert_eq!(caller.actor().unwrap().kind, Kind::Service);
    // The schema has no agents.
    let sources = Sources::new([source("main", &text)], AgentType::Undeclared).unwrap();
    assert!(sources.read(verified("main", &user_with(&json!({})))).unwrap().actor().is_none());
}

#[test]
fn a_source_confers_only_the_kinds_that_it_may() {
    let text = json!({ "kinds": ["user", "service"] });
    assert!(read_with(&text, &user_with(&json!({}))).is_ok());
    for claims in [json!({ "sub_profile": "ai_agent" }), json!({ "act": { "sub": "a" } })] {
        let error = read_with(&text, &user_with(&claims)).unwrap_err();
        assert!(matches!(error, ClaimsError::KindNotConferred { kind: Kind::Agent, .. }), "{claims}: {error:?}");
    }
}

#[test]
fn scopes_and_grants_that_a_source_may_not_confer_go_to_the_log_only() {
    let text =
        json!({ "scopes": ["read"], "scope_names": { "api/read": "read", "read": "admin" }, "roles": ["viewer"] });
    let claims = json!({
        "scope": "api/read read write", "roles": ["viewer", "admin"], "groups": ["admin"], "entitlements": ["viewer"],
    });
    let caller = read_with(&text, &user_with(&claims)).unwrap();
    // `read` on the wire means `admin` at this source.
    assert_eq!(caller.scopes().unwrap(), ["api/read"]);
    assert_eq!(caller.scope_name("api/read"), Some("read"));
    assert_eq!(*caller.roles(), Listing::Known(vec!["viewer".into()]));
    assert_eq!(*caller.groups(), Listing::Known(vec![]));
    let ignored: Vec<_> = caller.ignored().iter().map(|ignored| (ignored.fact, ignored.value.as_str())).collect();
    let expected = [(Fact::Scopes, "read"), (Fact::Scopes, "write"), (Fact::Roles, "admin"), (Fact::Groups, "admin")];
    assert_eq!(ignored, expected);
}

#[test]
fn a_list_whose_claim_is_absent_is_what_the_settings_say() {
    let lists = |settings: &Value, claims: &Value| {
        let caller = read_with(settings, &user_with(claims)).unwrap();
        (caller.roles().clone(), caller.permissions().clone())
    };
    let empty = json!({ "absent_lists": "empty" });
    let none = || Listing::Known(Vec::new());
    assert_eq!(lists(&json!({}), &json!({})), (Listing::Unknown, Listing::Unknown));
    // The profile reads no claim of permissions, so nobody knows that there is none.
    assert_eq!(lists(&empty, &json!({})), (none(), Listing::Unknown));
    assert_eq!(lists(&empty, &json!({ "roles": ["r"] })).0, Listing::Known(vec!["r".into()]));

    let profile = json!({
        "roles": { "claim": "roles", "as": "array" },
        "absent": { "roles": "empty", "permissions": "empty" },
        "unknown_when": { "roles": { "present": "more" } },
        "classify": [{ "kind": "user", "id": "sub" }],
    });
    let with = |absent: &str| json!({ "profile": profile, "absent_lists": absent });
    assert_eq!(lists(&json!({ "profile": profile }), &json!({})), (none(), none()));
    assert_eq!(lists(&with("unknown"), &json!({})), (Listing::Unknown, none()), "the settings override the profile");
    assert_eq!(
        lists(&with("empty"), &json!({ "more": true })).0,
        Listing::Unknown,
        "the token says that it is incomplete"
    );
}

#[test]
fn several_sources_give_different_ids_to_the_same_name() {
    let all = json!({ "scopes": "all", "roles": "all", "kinds": "all" });
    let sources = Sources::new([source("a", &all), source("b", &all)], AgentType::Undeclared).unwrap();
    let claims = json!({ "iss": "https://as", "sub": "x|y", "act": { "sub": "bot", "iss": "https://c" } });
    let [a, b] = ["a", "b"].map(|alias| sources.read(verified(alias, &claims)).unwrap());
    assert_eq!((a.subject().id.as_str(), b.subject().id.as_str()), ("a|x%7Cy", "b|x%7Cy"));
    assert_eq!(a.actor().unwrap().id, "a|https://c|bot");
    assert!(matches!(sources.read(verified("c", &claims)), Err(ClaimsError::UnknownSource { .. })));
}

#[test]
fn consent_is_waived_only_for_tokens_that_have_no_scopes_by_design() {
    let text = json!({ "consent": { "user": ["web"], "service": true }, "agent_clients": ["bot"] });
    let service = json!({ "sub": "web", "client_id": "web" });
    let service_with = |scope: &str| json!({ "sub": "web", "client_id": "web", "scope": scope });
    for (claims, exempt) in [
        (user_with(&json!({})), true),
        (service, true),
        (user_with(&json!({ "client_id": "other" })), false),
        (json!({ "sub": "ann" }), false),            // no client
        (user_with(&json!({ "scope": "" })), false), // an empty claim is a claim
        (user_with(&json!({ "scope": "read" })), false),
        (service_with(""), false),
        (user_with(&json!({ "act": { "sub": "a" } })), false),
        (user_with(&json!({ "act": { "sub": "a", "sub_profile": "user" } })), false),
        (user_with(&json!({ "client_id": "bot" })), false),
        (user_with(&json!({ "sub_profile": "ai_agent" })), false), // never for agents
    ] {
        assert_eq!(read_with(&text, &claims).unwrap().is_consent_exempt(), exempt, "{claims}");
    }
    assert!(!read(&user_with(&json!({}))).unwrap().is_consent_exempt());
    // What a source may not confer does not turn into "no claim".
    let text = json!({ "consent": { "user": ["web"] }, "scopes": [] });
    let caller = read_with(&text, &user_with(&json!({ "scope": "read" }))).unwrap();
    assert_eq!((caller.scopes().unwrap().len(), caller.is_consent_exempt()), (0, false));
}

#[test]
fn application_permissions_stand_for_scopes_only_where_there_is_no_user() {
    let text = json!({ "application_permissions": { "claim": "roles", "as": "array" } });
    let scopes = |claims: Value| read_with(&text, &claims).unwrap().scopes().map(<[String]>::to_vec);
    let service = |more: Value| {
        let mut all = json!({ "sub": "svc", "client_id": "svc" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    assert_eq!(scopes(service(json!({ "roles": ["p"] }))), Some(vec!["p".into()]));
    assert_eq!(scopes(service(json!({ "roles": ["p"], "scope": "" }))), Some(vec!["p".into()]));
    assert_eq!(scopes(service(json!({ "roles": ["p"], "scope": "s" }))), Some(vec!["s".into()]), "never merged");
    assert_eq!(scopes(service(json!({}))), None);
    assert_eq!(scopes(user_with(&json!({ "roles": ["p"] }))), None);
    assert_eq!(scopes(service(json!({ "roles": ["p"], "act": { "sub": "other" } }))), None);
}

#[test]
fn everything_is_bounded() {
    let many = |count: usize| (0..count).map(|n| format!("v{n}")).collect::<Vec<_>>();
    assert!(read(&user_with(&json!({ "roles": many(256) }))).is_ok());
    let long = "x".repeat(2_049);
    for claims in [json!({ "roles": many(257) }), json!({ "scope": many(257).join(" ") }), json!({ "amr": many(257) })]
    {
        assert_eq!(problem(read(&user_with(&claims))), ClaimProblem::TooMany { limit: 256 });
    }
    for claim in ["sub", "client_id", "scope", "iss", "acr", "jti", "sub_profile"] {
        let claims = user_with(&json!({ claim: long }));
        assert_eq!(problem(read(&claims)), ClaimProblem::TooLong { limit: 2_048 }, "{claim}");
    }
    assert_eq!(problem(read(&user_with(&json!({ "groups": [long] })))), ClaimProblem::TooLong { limit: 2_048 });
    assert!(read(&user_with(&json!({ "act": { "sub": long } }))).is_err());
}

// GEN-04, GEN-08
#[test]
fn errors_hold_no_values() {
    let claims = json!({ "sub": ["canary"], "scope": 7, "iss": "https://canary" });
    let error = read(&claims).unwrap_err();
    assert_eq!(error.to_string(), "claim `sub` has the wrong type, so the subject cannot be told");
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn settings_with_a_mistake_are_refused() {
    type Case = (&'static str, fn(&SourceError) -> bool);
    let flat = r#""profile": { "classify": [{ "kind": "user", "id": "sub" }], "actor": [{ "when": { "present": "bot" }, "id": "bot" }] }"#;
    let no_issuer = r#""claims": { "actor": [{ "nested": "act", "id": { "hop": "sub" } }] }"#;
    for profile in [flat.to_owned(), format!("{flat}, {no_issuer}")] {
        let settings = serde_json::from_str(&format!("{{ \"actor_profile_required\": true, {profile} }}")).unwrap();
        let error = Source::new("main", settings, Profile::rfc9068()).unwrap_err();
        assert_eq!(error, SourceError::ActorProfileNotRead { alias: "main".to_owned() }, "{profile}");
    }
    let cases: [Case; 5] = [
        (r#"{ "agent_clients": ["a"], "person_clients": ["a"] }"#, |e| {
            matches!(e, SourceError::ClientListedTwice { .. })
        }),
        (r#"{ "agent_clients": ["a"], "consent": { "user": ["a"] } }"#, |e| {
            matches!(e, SourceError::ClientListedTwice { .. })
        }),
        (r#"{ "agent_clients": ["a"], "kinds": ["user"] }"#, |e| matches!(e, SourceError::AgentsNotConferred { .. })),
        (r#"{ "unlisted_clients": "agent", "kinds": ["user"] }"#, |e| {
            matches!(e, SourceError::AgentsNotConferred { .. })
        }),
        (r#"{ "unlisted_clients": "agent", "kinds": [] }"#, |e| matches!(e, SourceError::AgentsNotConferred { .. })),
    ];
    for (text, expected) in cases {
        let settings = serde_json::from_str(text).unwrap();
        let error = Source::new("main", settings, Profile::rfc9068()).unwrap_err();
        assert!(expected(&error), "{text}: {error:?}");
    }
    for alias in ["", "a|b", "a%b", "ä"] {
        let error = Source::new(alias, SourceSettings::default(), Profile::rfc9068()).unwrap_err();
        assert!(matches!(error, SourceError::BadAlias { .. }), "{alias}");
    }
    for text in [
        r#"{ "unlisted_client": "agent" }"#,
        r#"{ "unlisted_clients": "agents" }"#,
        r#"{ "consent": { "agent": true } }"#,
        r#"{ "kinds": ["robot"] }"#,
        r#"{ "scopes": "everything" }"#,
        r#"{ "profile": {} }"#,
        r#"{ "application_permissions": { "hop": "roles" } }"#,
    ] {
        assert!(serde_json::from_str::<SourceSettings>(text).is_err(), "{text}");
    }
}

#[test]
fn what_has_no_default_must_be_stated() {
    let bare = |alias: &str| source(alias, &json!({}));
    let key = |sources: Vec<Source>, agents| match Sources::new(sources, agents).unwrap_err() {
        SourceError::Unstated { key, .. } => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(key(vec![bare("a")], AgentType::Declared), "unlisted_clients");
    assert!(Sources::new([bare("a")], AgentType::Undeclared).is_ok());
    assert!(Sources::new([source("keys", &json!({ "kinds": ["service"] }))], AgentType::Declared).is_ok());
    let mut stated = json!({});
    for expected in ["scopes", "roles", "kinds"] {
        let sources = vec![source("a", &stated), source("b", &stated)];
        assert_eq!(key(sources, AgentType::Undeclared), expected);
        stated[expected] = json!("all");
    }
    assert!(Sources::new([source("a", &stated), source("b", &stated)], AgentType::Undeclared).is_ok());
    let twice = Sources::new([source("a", &stated), source("a", &stated)], AgentType::Undeclared).unwrap_err();
    assert_eq!(twice, SourceError::AliasTwice { alias: "a".into() });
}

#[test]
fn the_list_of_keys_is_complete() {
    let error = serde_json::from_str::<SourceSettings>(r#"{ "?": 1 }"#).unwrap_err().to_string();
    let listed: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert_eq!(listed, SourceSettings::KEYS);
}

/// A profile like that of an issuer whose services sign their own tokens, on top of lists that can be incomplete.
fn read_with_profile(profile: &Value, claims: &Value) -> Caller {
    let mut all = json!({ "classify": [{ "kind": "user", "id": "sub" }] });
    all.as_object_mut().unwrap().extend(profile.as_object().unwrap().clone());
    read_with(&json!({ "profile": all }), claims).unwrap()
}

#[test]
fn a_list_that_may_be_incomplete_is_unknown() {
    let groups = json!({ "claim": "groups", "as": "array" });
    let known = |names: &[&str]| Listing::Known(names.iter().map(|&name| name.to_owned()).collect());
    let empty = json!({ "groups": "empty" });
    let overage = json!({ "groups": { "present": "overage" } });
    for (profile, claims, expected) in [
        (json!({}), json!({ "sub": "ann", "groups": ["a"] }), Listing::Unknown), // the profile does not read groups
        (json!({ "groups": groups }), json!({ "sub": "ann", "groups": ["a"] }), known(&["a"])),
        (json!({ "groups": groups }), json!({ "sub": "ann", "groups": [] }), known(&[])),
        (json!({ "groups": groups }), json!({ "sub": "ann" }), Listing::Unknown),
        (json!({ "groups": groups, "absent": empty }), json!({ "sub": "ann" }), known(&[])),
        // What the token does say is not all there is.
        (
            json!({ "groups": groups, "absent": empty, "unknown_when": overage }),
            json!({ "sub": "ann", "groups": ["a"], "overage": true }),
            Listing::Unknown,
        ),
        (
            json!({ "groups": groups, "absent": empty, "unknown_when": overage }),
            json!({ "sub": "ann", "groups": ["a"] }),
            known(&["a"]),
        ),
    ] {
        assert_eq!(*read_with_profile(&profile, &claims).groups(), expected, "{profile} {claims}");
    }
}

#[test]
fn facts_that_a_profile_does_not_trust_are_not_taken() {
    let profile = json!({
        "scopes": { "claim": "scope", "as": "space-separated" }, "roles": { "claim": "roles", "as": "array" },
        "absent": { "roles": "empty" }, "tenant": "org",
        "trust": [{
            "when": { "present": "self_signed" },
            "ignore": ["scopes", "roles", "tenant", "actor", "authentication", "attributes"],
        }],
    });
    let mut claims =
        json!({ "sub": "ann", "scope": "read", "roles": ["admin"], "org": "acme", "acr": "mfa", "auth_time": 1 });
    let caller = read_with_profile(&profile, &claims);
    assert_eq!((caller.tenant(), caller.acr(), caller.claims().len()), (Some("acme"), Some("mfa"), 8));

    claims["self_signed"] = json!(true);
    claims["act"] = json!({ "sub": "bot" });
    let caller = read_with_profile(&profile, &claims);
    // Still a claim of scopes, so no consent is waived; an untrusted list is not an empty one.
    assert_eq!(caller.scopes(), Some(&[][..]));
    assert_eq!(*caller.roles(), Listing::Unknown);
    assert_eq!((caller.tenant(), caller.acr(), caller.authenticated_at()), (None, None, None));
    assert!(caller.actor().is_none() && caller.claims().is_empty());
    let ignored: Vec<_> = caller.ignored().iter().map(|ignored| ignored.value.as_str()).collect();
    assert_eq!(ignored, ["read", "admin"]);
}

#[test]
fn the_class_of_an_agent_may_come_from_its_hop() {
    let kinds = json!([{ "when": { "present": { "hop": "class" } }, "kind": "agent" }]);
    let actor =
        json!([{ "nested": ["ext", "act"], "id": { "hop": "sub" }, "class": { "hop": "class" }, "kinds": kinds }]);
    let hop = json!({ "sub": "bot", "class": "travel", "act": { "sub": "older" } });
    let caller = read_with_profile(&json!({ "actor": actor }), &json!({ "sub": "ann", "ext": { "act": hop } }));
    let actor = caller.actor().unwrap();
    assert_eq!((actor.class.as_deref(), actor.depth), (Some("travel"), 2));
}

#[test]
fn a_claim_may_say_which_agent_the_client_is() {
    // AGT-01, AGT-02, AGT-07: a convention of one's own, beside those of the standards
    let text = json!({
        "unlisted_clients": "person", "person_clients": ["web"], "claims": { "agent_type": "agent_type" },
        "consent": { "user": ["web"], "service": true },
    });
    let read = |claims: &Value| read_with(&text, claims);
    let caller = read(&user_with(&json!({ "agent_type": "calendar" }))).unwrap();
    let actor = caller.actor().unwrap();
    // What the token says of its client counts more than the list of people's clients.
    assert_eq!((actor.kind, actor.id.as_str(), actor.class.as_deref()), (Kind::Agent, "web", Some("calendar")));
    assert_eq!((kind_and_id(&caller), caller.is_consent_exempt()), ((Kind::User, "ann"), false));

    // Without a user, the client is the subject.
    let caller = read(&user_with(&json!({ "sub": "bot", "client_id": "bot", "agent_type": "calendar" }))).unwrap();
    assert_eq!(kind_and_id(&caller), (Kind::Agent, "bot"));
    assert_eq!((caller.subject().class.as_deref(), caller.actor()), (Some("calendar"), None));
    assert!(!caller.is_consent_exempt(), "there is no exemption for agents");

    // The class is the client's, not that of another actor.
    let act = json!({ "sub": "other", "sub_profile": "ai_agent" });
    let caller = read(&user_with(&json!({ "agent_type": "calendar", "act": act }))).unwrap();
    let actor = caller.actor().unwrap();
    assert_eq!((actor.id.as_str(), actor.class.as_deref()), ("other", None));

    assert!(read(&user_with(&json!({}))).unwrap().actor().is_none());
    assert!(read(&user_with(&json!({ "agent_type": "" }))).unwrap().actor().is_none());
    for value in [json!(["calendar"]), json!(null), json!(7)] {
        assert_eq!(problem(read(&user_with(&json!({ "agent_type": value })))), ClaimProblem::WrongType, "{value}");
    }
    // Nobody reads it unless the profile says so.
    assert!(read_with(&json!({}), &user_with(&json!({ "agent_type": "calendar" }))).unwrap().actor().is_none());
    let profile = json!({
        "agent_type": "agent_type", "trust": [{ "when": { "present": "sub" }, "ignore": ["actor"] }],
    });
    assert!(read_with_profile(&profile, &json!({ "sub": "ann", "agent_type": "calendar" })).actor().is_none());
}

#[test]
fn an_installation_may_keep_single_claims_elsewhere_than_its_product() {
    let text = json!({ "claims": {
        "roles": { "claim": "https://example.com/roles", "as": "array" },
        "tenant": { "claim": ["ext", "tenant"] },
        "absent": { "groups": "empty" },
        "actor": [{ "when": { "present": "bot" }, "id": "bot", "kinds": [{ "kind": "agent" }] }],
    } });
    let claims = json!({
        "https://example.com/roles": ["r"], "roles": ["ignored"], "ext": { "tenant": "acme" }, "scope": "read", "bot": "b",
    });
    let caller = read_with(&text, &user_with(&claims)).unwrap();
    assert_eq!(*caller.roles(), Listing::Known(vec!["r".into()]));
    assert_eq!((caller.tenant(), caller.scopes().unwrap().len()), (Some("acme"), 1));
    assert_eq!((caller.groups(), caller.entitlements()), (&Listing::Known(vec![]), &Listing::Unknown));
    assert_eq!(caller.actor().unwrap().id, "b");
    // The profile's own sources come after it, and an `act` that is there is always read.
    let act = |more: Value| read_with(&text, &user_with(&more));
    assert_eq!(act(json!({ "act": { "sub": "a" } })).unwrap().actor().unwrap().id, "a");
    assert_eq!(act(json!({ "act": { "sub": "a" }, "bot": "b" })).unwrap_err(), ClaimsError::ActorNotRead);
    for key in ["gate", "classify", "trust"] {
        let when = json!({ "present": "sub" });
        let rule = match key {
            "gate" => when,
            "classify" => json!({ "kind": "user", "id": "sub" }),
            _ => json!({ "when": when, "ignore": ["roles"] }),
        };
        let error = serde_json::from_value::<ProfileChanges>(json!({ key: [rule] })).unwrap_err().to_string();
        assert!(error.contains(&format!("`{key}`: cannot be changed alone")), "{error}");
    }
}

#[test]
fn users_without_a_client_come_without_scopes_only_where_the_settings_say_so() {
    for (text, claims, exempt) in [
        (json!({ "user_without_client": true }), json!({ "sub": "ann" }), true),
        (json!({}), json!({ "sub": "ann" }), false),
        (json!({ "user_without_client": true }), json!({ "sub": "ann", "scope": "" }), false),
        (json!({ "user_without_client": true }), json!({ "sub": "ann", "client_id": "web" }), false),
        (json!({ "user_without_client": true }), json!({ "sub": "ann", "act": { "sub": "a" } }), false),
    ] {
        let caller = read_with(&json!({ "consent": text }), &claims).unwrap();
        assert_eq!(caller.is_consent_exempt(), exempt, "{text} {claims}");
    }
}

#[test]
fn claims_that_the_profile_misses_are_noted() {
    let absent = |claims: Value| {
        let caller = read(&user_with(&claims)).unwrap();
        caller.absent().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let lists = ["roles in `roles`", "groups in `groups`", "entitlements in `entitlements`"];
    assert_eq!(absent(json!({ "scope": "" })), lists);
    assert_eq!(absent(json!({ "scp": ["a"] })), [&["scopes in `scope`"], &lists[..]].concat());
    assert!(absent(json!({ "scope": "a", "roles": [], "groups": [], "entitlements": [] })).is_empty());
}

#[test]
fn no_list_stands_for_another_and_no_time_for_another() {
    // ATJ-08: a group is not the role of its name
    let caller = read(&user_with(&json!({ "groups": ["auditor"], "roles": [] }))).unwrap();
    assert_eq!((caller.roles(), caller.groups()), (&Listing::Known(vec![]), &Listing::Known(vec!["auditor".into()])));
    // ATJ-11: a refreshed token is new, the login that it stands for is not
    let caller = read(&user_with(&json!({ "iat": 5_000, "auth_time": 100, "acr": "pwd" }))).unwrap();
    assert_eq!(caller.authenticated_at().map(crate::time::UnixTime::as_secs), Some(100));
    assert!(read(&user_with(&json!({ "iat": 5_000 }))).unwrap().authenticated_at().is_none());
}

#[test]
fn a_client_that_is_named_like_a_user_is_not_that_user() {
    // M2M-01, JWT-11: principals are of an issuer and of a kind
    let user = read(&user_with(&json!({ "client_id": "web" }))).unwrap();
    let client = read(&user_with(&json!({ "client_id": "ann" }))).unwrap();
    assert_eq!((user.subject().id.as_str(), client.subject().id.as_str()), ("ann", "ann"));
    assert_eq!((user.subject().kind, client.subject().kind), (Kind::User, Kind::Service));
    // EXC-05: neither is an actor, and nobody else is one
    assert!(user.actor().is_none() && client.actor().is_none());
    // M2M-05: the log names the client where there is no user
    assert_eq!(client.client(), Some("ann"));
}

#[test]
fn what_a_hop_is_bound_to_binds_nobody() {
    // AGT-08, EXC-03
    let act = json!({ "sub": "a", "sub_profile": "ai_agent", "cnf": { "jkt": "x" }, "exp": 1 });
    let caller = read(&user_with(&json!({ "act": act }))).unwrap();
    let end = caller.expires_at().map(crate::time::UnixTime::as_secs);
    assert_eq!((caller.bindings().len(), end), (0, Some(60)), "its own end is the token's");
}

#[test]
fn unknown_words_grant_nothing_and_refuse_nothing() {
    // AGT-05, ATJ-14
    let claims = json!({ "sub_profile": "acme_bot", "client_profile": "ai_agent", "scope": "*", "admin": true });
    let caller = read(&user_with(&claims)).unwrap();
    assert_eq!(
        (caller.subject().kind, caller.actor(), caller.scopes().unwrap()),
        (Kind::User, None, &["*".to_owned()][..])
    );
}

#[test]
fn a_token_lives_no_longer_than_its_subject_may() {
    // JWT-07, M2M-04: an hour for software that can fetch a new one, unless the settings say otherwise
    let (day, hour) = (86_400, 3_600);
    let by_kind = json!({ "max_lifetime": { "user": "24h", "service": "2h", "agent": "none" } });
    let (all, none) = (json!({ "max_lifetime": "2h" }), json!({}));
    let (user, service, agent) = (json!({}), json!({ "sub": "web" }), json!({ "sub_profile": "ai_agent" }));
    let delegated = json!({ "act": { "sub": "agent-7", "sub_profile": "ai_agent" } }); // the subject counts
    for (settings, subject, longest) in [
        (&none, &user, None),
        (&none, &delegated, None),
        (&none, &service, Some(hour)),
        (&none, &agent, Some(hour)),
        (&all, &user, Some(2 * hour)),
        (&all, &service, Some(2 * hour)),
        (&by_kind, &user, Some(day)),
        (&by_kind, &delegated, Some(day)),
        (&by_kind, &service, Some(2 * hour)),
        (&by_kind, &agent, None),
    ] {
        let with_lifetime = |secs: i64| {
            let mut claims = user_with(subject);
            claims.as_object_mut().unwrap().extend([("iat".into(), json!(1000)), ("exp".into(), json!(1000 + secs))]);
            read_with(settings, &claims)
        };
        match longest {
            Some(longest) => {
                assert!(with_lifetime(longest).is_ok(), "{settings} {subject}");
                for too_long in [longest + 1, 315_360_000] {
                    let error = with_lifetime(too_long).unwrap_err();
                    assert!(matches!(error, ClaimsError::LifetimeTooLong { .. }), "{settings} {subject}: {error}");
                }
            }
            None => assert!(with_lifetime(315_360_000).is_ok(), "{settings} {subject}"),
        }
    }
}

#[test]
fn a_lifetime_that_cannot_be_told_is_no_short_one() {
    // JWT-07
    let sources = Sources::new([source("main", &json!({ "kinds": ["service"] }))], AgentType::Declared).unwrap();
    let bare = |claims: Value| VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone());
    let service = |times: Value| {
        let mut claims = json!({ "sub": "web", "client_id": "web" });
        claims.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
        bare(claims)
    };
    for (times, claim) in [(json!({ "exp": 60 }), "iat"), (json!({ "iat": 0 }), "exp")] {
        let error = sources.read(service(times)).unwrap_err();
        let expected = format!("claim `{claim}` is missing, so the lifetime cannot be told");
        assert_eq!(error.to_string(), expected);
    }
    // A key has no lifetime but an age, which is not the engine's to judge.
    let key = service(json!({})).with_credential(Credential::ApiKey);
    assert!(sources.read(key).is_ok());
}

#[test]
fn a_lifetime_that_is_no_duration_is_refused() {
    for text in [json!("24"), json!(24), json!({ "user": "1w" }), json!({ "users": "1h" }), json!("none"), json!([])] {
        assert!(serde_json::from_value::<MaxLifetime>(text.clone()).is_err(), "{text}");
    }
}
