//! Who acts, from the claims of a token to the answer.

use portcullis::{
    BoxFuture, Caller, ClientCredentials, Directory, DirectoryError, Introspection, Kind, PrincipalFacts,
};
use serde_json::{Value, json};

use crate::introspection::endpoint;
use crate::office::{Letter, Office, status};
use crate::service::NOW;

const READ: &str = "GET /letters/1";
const EDIT: &str = "PUT /letters/1";
const SIGN: &str = "POST /letters/1/signature";
const PAY: &str = "POST /letters/1/postage";
const HELP: &str = "POST /letters/1/help";

/// A hop that says that it is an agent.
fn agent(sub: &str) -> Value {
    json!({ "sub": sub, "sub_profile": "ai_agent" })
}

fn acting(act: Value) -> Value {
    json!({ "act": act })
}

#[tokio::test]
async fn an_actor_of_every_convention_needs_a_ceiling_of_its_own() {
    // AGT-01, AGT-06, EXC-02, EXC-09, EXC-10, EXC-11: no scope is asked for because of who acts
    let office = Office::new(|gate| gate);
    let inside = |outer: Value, inner: Value| {
        let mut act = outer;
        act["act"] = inner;
        acting(act)
    };
    for (more, read, edit) in [
        (json!({}), "200", "200"),
        (acting(agent("scribe")), "200", "200"), // by its class, and by one that this belongs to
        (acting(agent("franking")), "200", "403"), // by its id
        (acting(agent("stranger")), "403", "403"),
        // RFC 8693 §4.1: the outermost hop, and no other.
        (inside(agent("franking"), agent("scribe")), "200", "403"),
        (inside(agent("stranger"), agent("scribe")), "403", "403"),
        // The same name at another issuer is somebody else.
        (acting(json!({ "sub": "scribe", "sub_profile": "ai_agent", "iss": "https://b.example.com" })), "403", "403"),
        // What does not say that it is an agent is of the class `unclassified`.
        (acting(json!({ "sub": "thing" })), "403", "200"),
        (acting(json!({ "sub": "thing", "sub_profile": "acme_bot" })), "403", "200"),
        (acting(json!({ "sub": "scribe" })), "200", "200"), // `entities.json` knows it
        // A client that nobody looked at is of the class `unlisted`, whatever agent it is called after.
        (json!({ "client_id": "other" }), "200", "403"),
        (json!({ "client_id": "scribe" }), "200", "403"),
        // By the client, through which any agent comes.
        (json!({ "client_id": "console", "act": agent("stranger") }), "200", "403"),
        // A service, and a person: each needs a ceiling to act for somebody else.
        (acting(json!({ "sub": "archive", "sub_profile": "service" })), "200", "403"),
        (acting(json!({ "sub": "mill", "sub_profile": "service" })), "403", "403"),
        (acting(json!({ "sub": "sue", "sub_profile": "user" })), "200", "403"),
        (acting(json!({ "sub": "bob", "sub_profile": "user" })), "403", "403"),
        (acting(json!({ "sub": "ann", "sub_profile": "user" })), "200", "200"), // nobody else
    ] {
        let answers = [office.status(READ, &more).await, office.status(EDIT, &more).await];
        assert_eq!(answers, [read, edit], "{more}");
    }
}

#[tokio::test]
async fn software_that_acts_for_itself_or_for_other_software_needs_a_ceiling_at_each_end() {
    // AGT-01, EXC-04
    let office = Office::new(|gate| gate);
    let alone = |id: &str, profile: &str| json!({ "sub": id, "client_id": id, "sub_profile": profile });
    let for_agent = |subject: &str, actor: &str| json!({ "sub": subject, "client_id": subject, "sub_profile": "ai_agent", "act": agent(actor) });
    for (more, expected) in [
        (alone("scribe", "ai_agent"), "200"),
        (alone("stranger", "ai_agent"), "403"),
        (alone("archive", "service"), "200"),
        (alone("mill", "service"), "403"),
        // Agent to agent: neither lends its ceiling to the other.
        (for_agent("scribe", "franking"), "200"),
        (for_agent("franking", "scribe"), "200"),
        (for_agent("scribe", "stranger"), "403"),
        (for_agent("stranger", "scribe"), "403"),
        // A person behind whose token an agent acts adds no ceiling, and takes none away.
        (
            json!({ "sub": "scribe", "client_id": "x", "sub_profile": "ai_agent", "act": { "sub": "sue", "sub_profile": "user" } }),
            "200",
        ),
        (
            json!({ "sub": "scribe", "client_id": "x", "sub_profile": "ai_agent", "act": { "sub": "bob", "sub_profile": "user" } }),
            "403",
        ),
    ] {
        assert_eq!(office.status(READ, &more).await, expected, "{more}");
    }
}

#[tokio::test]
async fn an_agent_adds_nothing_to_what_its_user_may() {
    // EXC-04, EXC-07, EXC-11: `SignLetter` is for people only
    let office = Office::new(|gate| gate);
    let with = |more: Value, act: Option<Value>| {
        let mut all = more;
        if let Some(act) = act {
            all["act"] = act;
        }
        all
    };
    let wide = || Some(agent("scribe"));
    for (request, more, alone, through_agent) in [
        (EDIT, json!({}), "200", "200"),
        (READ, json!({ "roles": [] }), "403", "403"),
        (READ, json!({ "scope": "" }), "403 insufficient_scope", "403 insufficient_scope"),
        (SIGN, json!({ "scope": "write:letters" }), "200", "403"),
        // The agent is what stands in the way, so no scope is named.
        (SIGN, json!({ "scope": "" }), "403 insufficient_scope", "403"),
    ] {
        assert_eq!(office.status(request, &more).await, alone, "{request} {more}");
        assert_eq!(office.status(request, &with(more.clone(), wide())).await, through_agent, "{request} {more}");
    }
    // So it is in the handler.
    assert!(office.open(EDIT, &acting(agent("scribe"))).await.unwrap().check(&Letter).is_ok());
}

#[tokio::test]
async fn what_an_agent_is_says_the_bundle_before_the_token() {
    let hop = json!({ "nested": "act", "id": { "hop": "sub" }, "issuer": { "hop": "iss" },
        "class": { "hop": "class" }, "kinds": [{ "kind": "agent" }] });
    let claims = json!({ "claims": { "actor": [hop], "agent_type": "agent_type" } });
    let office = Office::with_source(&claims);
    let of_class = |sub: &str, class: &str| acting(json!({ "sub": sub, "class": class }));
    for (more, expected) in [
        (of_class("new", "office"), "200"),
        (of_class("new", "dictation"), "200"), // the class is in another one
        (of_class("new", "idle"), "403"),
        (of_class("new", "unheard-of"), "403"),
        // `entities.json` says what `parrot` is, whatever its token says.
        (of_class("parrot", "office"), "403"),
        // So it is in what policies read of the token.
        (of_class("new", "stated"), "200"),
        (of_class("parrot", "stated"), "403"),
        // A claim of the token about its client, with a user and without.
        (json!({ "agent_type": "office" }), "200"),
        (json!({ "agent_type": "idle" }), "403"),
        (json!({ "sub": "bot", "client_id": "bot", "agent_type": "office" }), "200"),
        (json!({ "sub": "parrot", "client_id": "parrot", "agent_type": "office" }), "403"),
    ] {
        assert_eq!(office.status(READ, &more).await, expected, "{more}");
    }
}

#[tokio::test]
async fn a_chain_that_is_too_long_is_refused_and_not_cut() {
    // EXC-08, EXC-01
    let office = Office::new(|gate| gate);
    let chain = |hops: usize| {
        acting((1..hops).fold(agent("scribe"), |inner, _| {
            let mut act = agent("scribe");
            act["act"] = inner;
            act
        }))
    };
    for (more, expected) in [
        (chain(1), "200"),
        (chain(8), "200"),
        (chain(9), "401 invalid_token"),
        (acting(json!("scribe")), "401 invalid_token"),
        (acting(json!({})), "401 invalid_token"),
        (acting(json!({ "sub": "ann", "sub_profile": "ai_agent" })), "401 invalid_token"), // the user, as an agent
    ] {
        assert_eq!(office.status(READ, &more).await, expected, "{more}");
    }
}

#[tokio::test]
async fn where_the_actor_profile_is_required_no_token_counts_without_it() {
    // AGT-09
    let office = Office::with_source(
        &json!({ "actor_profile_required": true, "person_clients": [], "agent_clients": ["console"] }),
    );
    let named = |sub: &str| json!({ "iss": "https://as.example.com", "sub": sub, "sub_profile": "ai_agent" });
    for (more, expected) in [
        (acting(named("scribe")), "200"),
        (acting(named("stranger")), "403"),
        (json!({}), "401 invalid_token"),
        (json!({ "client_id": "console" }), "401 invalid_token"),
        (json!({ "may_act": named("scribe") }), "401 invalid_token"), // EXC-06
        (acting(agent("scribe")), "401 invalid_token"),
        (json!({ "sub": "scribe", "client_id": "scribe", "sub_profile": "ai_agent" }), "401 invalid_token"),
        (acting(json!({ "iss": "https://as.example.com", "sub": "ann" })), "401 invalid_token"),
    ] {
        assert_eq!(office.status(READ, &more).await, expected, "{more}");
    }
}

#[tokio::test]
async fn an_answer_about_a_token_that_should_name_an_actor_and_does_not_is_not_enough() {
    // AGT-11
    let act = json!({ "iss": "https://as.example.com", "sub": "scribe", "sub_profile": "ai_agent" });
    for (answer, expected) in
        [(acting(act), "200"), (json!({}), "401 invalid_token"), (acting(agent("scribe")), "401 invalid_token")]
    {
        let mut said = Office::claims(&answer);
        said["active"] = json!(true);
        let credentials = ClientCredentials::secret("letters", "secret").unwrap();
        let asked = Introspection::new(&endpoint(200, said.to_string()), credentials).unwrap();
        let office = Office::asking(&json!({ "actor_profile_required": true }), asked);
        assert_eq!(status(office.open_with(READ, "opaque").await), expected, "{answer}");
    }
}

/// Knows which agents help whom.
struct Helpers {
    is_down: bool,
}

impl Directory for Helpers {
    fn principal<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        Box::pin(async move {
            if self.is_down {
                return Err(DirectoryError::new("down"));
            }
            let helped = caller.subject().kind == Kind::User && caller.subject().id == "ann";
            let facts = PrincipalFacts::new();
            Ok(if helped { facts.with_attribute("helpers", json!(["stranger"])) } else { facts })
        })
    }
}

#[tokio::test]
async fn a_ceiling_judges_the_pair_of_subject_and_actor() {
    // AGT-10: `stranger` helps `ann` and nobody else, and who cannot tell denies
    let office = |is_down| Office::new(|gate| gate.directory(Helpers { is_down }));
    for (more, expected) in [
        (acting(agent("stranger")), "200"),
        (acting(agent("franking")), "403"),
        (json!({ "sub": "bob", "act": agent("stranger") }), "403"),
        (acting(json!({ "sub": "stranger", "sub_profile": "ai_agent", "iss": "https://b.example.com" })), "403"),
    ] {
        assert_eq!(office(false).status(HELP, &more).await, expected, "{more}");
        assert_eq!(office(true).status(HELP, &more).await, "503", "{more}");
    }
    // No directory knows of any pair.
    assert_eq!(Office::new(|gate| gate).status(HELP, &acting(agent("stranger"))).await, "403");
}

#[tokio::test]
async fn tokens_of_the_draft_for_agents_on_behalf_of_users_are_read_as_it_means_them() {
    // AGT-14, AGT-02
    for (client, source) in [("client_id", json!({})), ("azp", json!({ "claims": { "client": "azp" } }))] {
        let office = Office::with_source(&source);
        let token = |act: &str, scope: &str| json!({ "client_id": "web", client: "planner", "scope": scope, "act": agent(act) });
        let admission = office.open(READ, &token("scribe", "read:letters")).await.unwrap();
        let caller = admission.caller().unwrap();
        let actor = caller.actor().unwrap();
        assert_eq!((caller.subject().kind, caller.subject().id.as_str()), (Kind::User, "ann"));
        assert_eq!((actor.kind, actor.id.as_str(), caller.client()), (Kind::Agent, "scribe", Some("planner")));
        // The client is named like an agent with a ceiling, and is not the one who acts.
        let other = json!({ "client_id": "web", client: "scribe", "act": agent("stranger") });
        assert_eq!(office.status(READ, &other).await, "403");
        assert_eq!(office.status(READ, &token("scribe", "")).await, "403 insufficient_scope");
        let broken = json!({ "client_id": "web", client: "planner", "act": { "sub_profile": "ai_agent" } });
        assert_eq!(office.status(READ, &broken).await, "401 invalid_token");
    }
}

#[tokio::test]
async fn authorization_details_grant_nothing_that_no_policy_reads_in_them() {
    // RAR-08: what a route asks for in the details, it asks for besides the scope
    let office = Office::new(|gate| gate);
    let details = |ty: &str| json!([{ "type": ty, "actions": ["read", "write"] }]);
    for (scope, granted, read, pay) in [
        ("read:letters write:letters", None, "200", "403"),
        ("read:letters write:letters", Some("postage"), "200", "200"),
        ("read:letters write:letters", Some("other"), "200", "403"),
        ("", None, "403 insufficient_scope", "403"),
        ("", Some("postage"), "403 insufficient_scope", "403 insufficient_scope"),
        ("", Some("read:letters"), "403 insufficient_scope", "403"),
    ] {
        let mut more = json!({ "scope": scope });
        if let Some(ty) = granted {
            more["authorization_details"] = details(ty);
        }
        let answers = [office.status(READ, &more).await, office.status(PAY, &more).await];
        assert_eq!(answers, [read, pay], "{more}");
        // Nor do they add anything to what an agent may.
        more["act"] = agent("stranger");
        assert_eq!(office.status(PAY, &more).await, "403", "{more}");
    }
}

#[tokio::test]
async fn a_token_of_the_enterprises_provider_is_not_one_of_ours() {
    // AGT-12, AGT-13: the grant that is exchanged for our token, and whoever signed that
    let office = Office::new(|gate| gate);
    let foreign = json!({ "iss": "https://idp.example.org", "aud": "https://as.example.com", "exp": NOW + 300 });
    assert_eq!(office.status(READ, &foreign).await, "401 invalid_token");
    assert_eq!(office.status(READ, &json!({ "aud": "https://as.example.com" })).await, "401 invalid_token");
}
