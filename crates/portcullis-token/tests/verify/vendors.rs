//! Presets: tokens as products issue them, from their text to the caller.
//!
//! `data/vendor-tokens` holds them, with the reading that is expected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use portcullis_core::{
    AgentType, Caller, ClaimsError, Hop, Kind, Listing, Source, SourceSettings, Sources, VerifiedClaims,
};
use portcullis_token::{Issuer, IssuerError, KeySet, Preset, TokenError, Verifier};
use serde_json::{Value, json};

use crate::mint::{Signer, sign_as, time};

const NOW: i64 = 1_788_220_860;

/// How an API of the customer in the examples is configured: for whom tokens must be, and what only the operator knows.
fn configured(vendor: &str) -> (Preset, &'static [&'static str], &'static str) {
    match vendor {
        "auth0" => (
            Preset::Auth0,
            &["https://orders.northwind.example/api", "https://ledger.northwind.example/api"],
            r#"roles = { claim = "https://northwind.example/roles", as = "array" }"#,
        ),
        "authress" => (Preset::Authress, &["acc_3f8zkq.accounts.authress.io"], ""),
        "clerk" => (Preset::Clerk, &["https://app.example.com"], ""),
        "cloudflare-access" => (Preset::CloudflareAccess, &["9d07f3b5c1e84a62f0d7b9e35a1c8264"], ""),
        "cognito" => (Preset::Cognito, &["4n9bx7qkvt2zm8rlwy5pshdgc1", "6r2kq8vtzxm1lwyn5pshdgcj0f"], ""),
        "curity" => (
            Preset::Curity,
            &["https://api.fabrikam.example", "https://mcp.fabrikam.example", "ops-api"],
            r#"
            roles = { claim = "roles", as = "array" }
            [[actor]]
            nested = "act"
            id = { hop = "sub" }
            issuer = { hop = "iss" }
            kinds = [
                { when = { matches = { of = { hop = "sub" }, regex = "spiffe://[^/]+/ns/agents/.+" } }, kind = "agent" },
                { when = { matches = { of = { hop = "sub" }, regex = "spiffe://[^/]+/.+" } }, kind = "service" },
            ]"#,
        ),
        "descope" => (Preset::Descope, &["P2kQ7vYxWm4RtZbN9LsHd3GfJc", "https://mcp.orders.example.com/mcp"], ""),
        "duende" => (Preset::Duende, &["urn:orders", "urn:ledger"], ""),
        "entra" => (Preset::Entra, &["b27e5c90-1fa4-4d38-8c6b-90e3d7f1a245", "api://orders-api"], ""),
        "fusionauth" => (
            Preset::FusionAuth,
            &["email-service", "9d4c1e70-b853-4f26-a0e9-6f7b2c8d5a13", "c1f07b3e-5d92-4a86-9e04-7b2d8f6a1c35"],
            "",
        ),
        "google" => (Preset::Google, &["481200377215-q7xvtz2rkbm1lwyn.apps.googleusercontent.com"], ""),
        "keycloak" => (Preset::Keycloak, &["orders-api", "ledger-api"], ""),
        "kinde" => (Preset::Kinde, &["https://orders.example.com/api"], ""),
        "logto" => (Preset::Logto, &["https://orders.example.com/api"], ""),
        "okta" => {
            (Preset::Okta, &["api://orders", "https://orders.adatum.example", "https://ledger.adatum.example"], "")
        }
        "ory" => (
            Preset::Ory,
            &["https://orders.example.com/"],
            r#"
            roles = { first_of = [{ claim = "roles", as = "array" }, { claim = ["ext", "roles"], as = "array" }] }
            tenant = { claim = ["ext", "tenant"] }
            [[actor]]
            when = { present = { claim = ["ext", "agent", "id"] } }
            id = { claim = ["ext", "agent", "id"] }
            client = "client_id"
            kinds = [{ when = { eq = { of = { claim = ["ext", "agent", "type"] }, value = "ai_agent" } }, kind = "agent" }]"#,
        ),
        "janssen" => (Preset::Janssen, &["https://api.example.com"], ""),
        "pingfederate" => (Preset::PingFederate, &["https://api.example.com"], ""),
        "pingam" => (Preset::PingAm, &["nightlyJob", "webClient"], ""),
        "pingone" => (Preset::PingOne, &["https://orders.example.com/api"], ""),
        "rfc9068" => (Preset::Rfc9068, &["https://calendar.lamna.example"], "agent_type = \"agent_type\""),
        "spring-authorization-server" => (Preset::Spring, &["web-client", "nightly-job"], ""),
        "stytch" => (Preset::Stytch, &["project-live-1a9c6e40-83bf-4d72-b5e0-97f2c8d1a356"], ""),
        "workos" => (Preset::WorkOs, &["client_01J6ENVID", "https://mcp.example.com"], ""),
        "zitadel" => (Preset::Zitadel, &["308814300000000000"], ""),
        _ => panic!("no such vendor: {vendor}"),
    }
}

/// One file.
struct Example {
    name: String,
    token: Value,
}

impl Example {
    fn all() -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/vendor-tokens");
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut examples: Vec<Self> = paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| Self {
                name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
                token: serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
            })
            .collect();
        examples.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(examples.len(), 73);
        examples
    }

    fn named(name: &str) -> Self {
        Self::all().into_iter().find(|example| example.name == name).unwrap()
    }

    /// A token of a product whose tokens nobody has published.
    fn plain(vendor: &str) -> Self {
        let claims = json!({
            "iss": "https://as.example.com", "sub": "ann", "aud": "https://api.example.com", "client_id": "web",
            "iat": NOW, "exp": NOW + 600, "jti": "j", "scope": "read",
        });
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "k" });
        Self { name: vendor.to_owned(), token: json!({ "vendor": vendor, "header": header, "claims": claims }) }
    }

    /// The first token of each product that the verifier accepts.
    fn accepted() -> Vec<Self> {
        let mut first: BTreeMap<String, Self> = BTreeMap::new();
        let plain = [Self::plain("janssen"), Self::plain("pingfederate")];
        for example in plain
            .into_iter()
            .chain(Self::all())
            .filter(|example| example.is_jwt() && example.expected_fault().is_none())
        {
            first.entry(example.vendor().to_owned()).or_insert(example);
        }
        first.into_values().collect()
    }

    fn vendor(&self) -> &str {
        self.token["vendor"].as_str().unwrap()
    }

    fn preset(&self) -> Preset {
        configured(self.vendor()).0
    }

    fn audiences(&self) -> &'static [&'static str] {
        configured(self.vendor()).1
    }

    fn issuer(&self) -> &str {
        self.token["claims"]["iss"].as_str().unwrap()
    }

    fn is_jwt(&self) -> bool {
        self.token["header"]["alg"].is_string()
    }

    /// Why the verifier refuses it.
    fn expected_fault(&self) -> Option<&'static str> {
        match self.name.as_str() {
            // It is bound to a key, and here comes no proof.
            "auth0-agent-obo" => Some("BoundTokenAsBearer"),
            "ory-user-scope-both" => Some("InvalidClaim aud"), // an empty array
            "reject-cognito-id-token" => Some("NotAnAccessToken token_use"),
            "reject-entra-graph-nonce" => Some("WrongAudience"),
            _ => None,
        }
    }

    fn trusted(&self, identifier: &str, audiences: &[&str]) -> Result<Verifier, IssuerError> {
        let header = &self.token["header"];
        let key = signer(header).jwk_with(json!({ "kid": header["kid"], "alg": header["alg"] }));
        let keys = KeySet::from_json(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
        let stated = header["alg"].as_str().filter(|_| self.preset().algorithms().is_empty());
        let algorithm = stated.map(|alg| alg.parse().unwrap());
        let issuer = Issuer::of(self.preset(), "vendor", identifier, audiences.iter().copied(), algorithm, keys)?;
        Ok(Verifier::new([issuer]).unwrap())
    }

    /// Verifies a token of this issuer, signed by its key.
    async fn verify(&self, header: &Value, claims: &Value) -> Result<VerifiedClaims, TokenError> {
        let verifier = self.trusted(self.issuer(), self.audiences()).unwrap();
        verifier.verify(&sign_as(signer(&self.token["header"]), header, claims), time(NOW)).await
    }

    /// Verifies the token with some of its claims replaced or, where they are `null`, left out.
    async fn verify_with(&self, changes: Value) -> Result<VerifiedClaims, TokenError> {
        let mut claims = self.token["claims"].clone();
        change(&mut claims, changes);
        self.verify(&self.token["header"], &claims).await
    }

    /// Takes the claims as verified.
    fn assumed(&self) -> VerifiedClaims {
        let object = |key: &str| self.token[key].as_object().unwrap().clone();
        let mut claims = object("claims");
        if self.preset() == Preset::Google {
            // `tokeninfo` writes numbers as strings. Whoever asks it has to read them.
            let exp: i64 = claims["exp"].as_str().unwrap().parse().unwrap();
            claims["exp"] = json!(exp);
        }
        VerifiedClaims::assume_verified("vendor", claims).with_header(object("header"))
    }

    /// Some products issue tokens to services that live for a day.
    fn read(&self, verified: VerifiedClaims) -> Result<Caller, ClaimsError> {
        self.read_with(
            "max_lifetime = { user = \"none\", service = \"24h\", agent = \"24h\" }",
            AgentType::Undeclared,
            verified,
        )
    }

    fn read_with(&self, settings: &str, agents: AgentType, verified: VerifiedClaims) -> Result<Caller, ClaimsError> {
        let (preset, _, claims) = configured(self.vendor());
        let mut settings: SourceSettings = toml::from_str(settings).unwrap();
        settings.claims = Some(toml::from_str(claims).unwrap());
        let source = Source::new("vendor", settings, preset.profile()).unwrap();
        Sources::new([source], agents).unwrap().read(verified)
    }
}

#[tokio::test]
async fn every_token_becomes_the_caller_that_its_vendor_means() {
    // ATJ-03, ATJ-13, M2M-01, AGT-01, GEN-07
    let (mut verified, mut refused) = (0, 0);
    for example in Example::all().into_iter().filter(|example| example.token["kind"] != "reject") {
        let result = if example.is_jwt() { example.verify_with(json!({})).await } else { Ok(example.assumed()) };
        let claims = match example.expected_fault() {
            None => {
                verified += 1;
                result.unwrap_or_else(|error| panic!("{}: {error}", example.name))
            }
            Some(fault) => {
                refused += 1;
                assert_eq!(fault_of(&result), fault, "{}", example.name);
                example.assumed()
            }
        };
        let caller = example.read(claims).unwrap_or_else(|error| panic!("{}: {error}", example.name));
        check(&caller, &example);
    }
    assert_eq!((verified, refused), (65, 2));
}

#[tokio::test]
async fn what_no_resource_server_may_accept_is_refused_for_its_reason() {
    // ATJ-10, AGT-05
    for (name, fault) in [
        ("reject-authress-sub-mismatch", "GateClosed"),
        ("reject-cognito-id-token", "NotAnAccessToken token_use"),
        ("reject-entra-graph-nonce", "WrongAudience"),
        ("reject-entra-issuer-tid-mismatch", "GateClosed"),
    ] {
        let example = Example::named(name);
        let verified = example.verify_with(json!({})).await;
        let found = match verified {
            Err(_) => fault_of(&verified),
            Ok(verified) => variant(&example.read(verified).unwrap_err()),
        };
        assert_eq!(found, fault, "{name}");
    }
    // Even as an audience of the API that it is for.
    let graph = Example::named("reject-entra-graph-nonce");
    let (audience, verified) = (graph.token["claims"]["aud"].as_str().unwrap(), graph.assumed());
    assert!(graph.trusted(graph.issuer(), &[audience]).is_ok());
    assert!(matches!(graph.read(verified), Err(ClaimsError::GateClosed { .. })));
    // Okta's org server: it cannot even be configured. From a custom server, its kinds of token are none of ours.
    for name in ["reject-okta-id-jag", "reject-okta-org-as"] {
        let example = Example::named(name);
        assert!(
            matches!(example.trusted(example.issuer(), example.audiences()), Err(IssuerError::Form { .. })),
            "{name}"
        );
        let custom = "https://adatum.okta.example/oauth2/aus7kq2mXvTzRb9Lw4h7";
        let mut claims = example.token["claims"].clone();
        change(&mut claims, json!({ "iss": custom, "aud": example.audiences()[0] }));
        let token = sign_as(Signer::Rs256, &example.token["header"], &claims);
        let verifier = example.trusted(custom, example.audiences()).unwrap();
        assert_eq!(fault_of(&verifier.verify(&token, time(NOW)).await), "WrongType", "{name}");
    }
}

#[tokio::test]
async fn every_preset_refuses_other_issuers_audiences_types_and_algorithms() {
    // JWT-10, JWT-11, ATJ-01, ATJ-05, ATJ-12
    let mut presets = BTreeSet::new();
    for example in Example::accepted() {
        presets.insert(example.preset().name());
        let (name, issuer) = (&example.name, example.issuer());
        let refused = |result: Result<VerifiedClaims, TokenError>, fault: &str, what: &str| {
            assert_eq!(fault_of(&result), fault, "{name}: {what}");
        };
        let toggled = issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned);
        for other in [toggled, issuer.to_uppercase(), format!("{issuer}.evil.example")] {
            refused(example.verify_with(json!({ "iss": other })).await, "UnknownIssuer", &other);
        }
        refused(example.verify_with(json!({ "aud": "https://elsewhere.example" })).await, "WrongAudience", "aud");
        refused(example.verify_with(json!({ "aud": [] })).await, "InvalidClaim aud", "empty aud");
        refused(example.verify_with(json!({ "aud": { "a": 1 } })).await, "InvalidClaim aud", "aud of another type");
        let absent = example.verify_with(json!({ "aud": null, "azp": null, "client_id": null })).await;
        if example.preset() == Preset::Descope {
            // The stand-in is the issuer, which is not the API here.
            refused(absent, "WrongAudience", "no aud");
        } else {
            assert!(fault_of(&absent).starts_with("MissingClaim"), "{name}: {absent:?}");
        }

        let claims = &example.token["claims"];
        for typ in
            ["dpop+jwt", "logout+jwt", "oauth-id-jag+jwt", "secevent+jwt", "token-introspection+jwt", "statuslist+jwt"]
        {
            let mut header = example.token["header"].clone();
            change(&mut header, json!({ "typ": typ }));
            refused(example.verify(&header, claims).await, "WrongType", typ);
        }
        for alg in ["HS256", "none", "ES512"] {
            let mut header = example.token["header"].clone();
            change(&mut header, json!({ "alg": alg }));
            refused(example.verify(&header, claims).await, "AlgorithmNotAllowed", alg);
        }
        // Signed by a good key, with an algorithm that is not the product's.
        let mut header = example.token["header"].clone();
        change(&mut header, json!({ "alg": "Ed25519" }));
        refused(example.verify(&header, claims).await, "AlgorithmNotAllowed", "Ed25519");
    }
    let all: BTreeSet<_> = Preset::ALL.iter().map(|preset| preset.name()).collect();
    assert_eq!(all.difference(&presets).collect::<Vec<_>>(), [&"google"], "it has no JWTs");
}

#[tokio::test]
async fn audiences_have_a_stand_in_only_where_the_product_has_none() {
    // ATJ-05
    for (name, claim, other) in
        [("cognito-user", "client_id", "another-client"), ("clerk-user-session", "azp", "https://evil.example")]
    {
        let example = Example::named(name);
        assert!(example.verify_with(json!({})).await.is_ok(), "{name}");
        assert_eq!(fault_of(&example.verify_with(json!({ claim: other })).await), "WrongAudience", "{name}");
        assert_eq!(fault_of(&example.verify_with(json!({ claim: [other] })).await), format!("InvalidClaim {claim}"));
        // A stated audience counts, not its stand-in.
        assert_eq!(fault_of(&example.verify_with(json!({ "aud": "https://b" })).await), "WrongAudience", "{name}");
    }
    let session = Example::named("descope-user");
    let verifier = session.trusted(session.issuer(), &["https://api.example.com"]).unwrap();
    let token = sign_as(Signer::Rs256, &session.token["header"], &session.token["claims"]);
    assert_eq!(fault_of(&verifier.verify(&token, time(NOW)).await), "WrongAudience", "the project is not stated");
}

#[tokio::test]
async fn id_tokens_and_refresh_tokens_of_every_product_are_refused() {
    // ATJ-10
    for example in Example::accepted() {
        let (claims, audience) = (&example.token["claims"], example.audiences()[0]);
        let id_token = |more: Value| {
            let mut id_token = json!({
                "iss": claims["iss"], "sub": "ann", "aud": audience, "iat": NOW, "exp": NOW + 600, "auth_time": NOW,
                "email": "ann@example.com", "sid": "s1",
            });
            change(&mut id_token, more);
            id_token
        };
        // Products that address access tokens to their client tell ID tokens by what these lack.
        let to_client = matches!(
            example.preset(),
            Preset::Spring | Preset::FusionAuth | Preset::WorkOs | Preset::Descope | Preset::PingAm | Preset::Zitadel
        );
        let to = if to_client { audience } else { "client-1" };
        let mut id_tokens = vec![
            id_token(json!({ "nonce": "n" })),
            id_token(json!({ "at_hash": "h", "azp": audience })),
            id_token(
                json!({ "nonce": "n", "azp": "client-1", "client_id": "client-1", "scope": "openid", "jti": "j" }),
            ),
        ];
        // Zitadel always adds `at_hash`.
        if example.preset() != Preset::Zitadel {
            id_tokens.push(id_token(json!({ "aud": to, "azp": to })));
            id_tokens.push(id_token(json!({ "aud": [to], "amr": ["pwd"] })));
        }
        let typ = match example.preset() {
            Preset::Cognito | Preset::PingOne | Preset::Spring => Value::Null,
            _ => json!("JWT"),
        };
        let mut header = example.token["header"].clone();
        change(&mut header, json!({ "typ": typ }));
        for id_token in id_tokens {
            let refused = match example.verify(&header, &id_token).await {
                Ok(verified) => example.read(verified).is_err(),
                Err(_) => true,
            };
            assert!(refused, "{}: {id_token}", example.name);
        }
    }
    for (name, claim, value) in [
        ("keycloak-user", "typ", "Refresh"),
        ("keycloak-user", "typ", "ID"),
        ("keycloak-user", "typ", "Offline"),
        ("cognito-user", "token_use", "refresh"),
        ("curity-user", "purpose", "id"),
        ("descope-user", "drn", "DSR"),
        ("pingam-user", "tokenName", "id_token"),
        ("cloudflare-access-user", "type", "org"),
        ("ory-user", "token_use", "refresh_token"),
    ] {
        let result = Example::named(name).verify_with(json!({ claim: value })).await;
        assert_eq!(fault_of(&result), format!("NotAnAccessToken {claim}"), "{name}");
    }
    // Whatever `typ` says.
    let keycloak = Example::named("keycloak-agent-delegation");
    assert_eq!(keycloak.token["header"]["typ"], "at+jwt");
    assert_eq!(fault_of(&keycloak.verify_with(json!({ "typ": "ID" })).await), "NotAnAccessToken typ");
    let spring = Example::named("spring-user").verify_with(json!({ "azp": "web-client" })).await;
    assert_eq!(fault_of(&spring), "NotAnAccessToken azp");
    // A token that says it is bound is not accepted as one that is not.
    let keycloak = Example::named("keycloak-user");
    let unbound = keycloak.verify_with(json!({ "typ": "DPoP" })).await.unwrap();
    assert!(matches!(keycloak.read(unbound), Err(ClaimsError::GateClosed { .. })));
    let cnf = json!({ "jkt": "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk" });
    let bound = keycloak.verify_with(json!({ "typ": "DPoP", "cnf": cnf })).await;
    assert_eq!(fault_of(&bound), "BoundTokenAsBearer");
    for (name, claim) in [
        ("keycloak-user", "typ"),
        ("cognito-user", "token_use"),
        ("curity-user", "purpose"),
        ("pingam-user", "tokenName"),
        ("cloudflare-access-user", "type"),
        ("spring-user", "scope"),
        ("stytch-service", "scope"),
    ] {
        let result = Example::named(name).verify_with(json!({ claim: null })).await;
        assert_eq!(fault_of(&result), format!("MissingClaim {claim}"), "{name}");
    }
}

#[tokio::test]
async fn answers_about_opaque_tokens_are_read_with_the_same_profile() {
    let example = Example::named("ory-user-introspection");
    let mut refresh = example.token["claims"].clone();
    change(&mut refresh, json!({ "token_use": "refresh_token" }));
    let refresh = VerifiedClaims::assume_verified("vendor", refresh.as_object().unwrap().clone());
    assert!(matches!(example.read(refresh), Err(ClaimsError::GateClosed { .. })));
    // No JWT of an issuer of opaque tokens is an access token.
    let keys = json!({ "keys": [Signer::Rs256.jwk_with(json!({ "kid": "g" }))] });
    let keys = KeySet::from_json(keys.to_string().as_bytes()).unwrap();
    let issuer = Issuer::of(Preset::Google, "g", "https://accounts.google.com", ["a"], [], keys).unwrap();
    let claims = json!({ "iss": "https://accounts.google.com", "aud": "a", "sub": "1", "iat": NOW, "exp": NOW + 60 });
    let token = sign_as(Signer::Rs256, &json!({ "alg": "RS256", "typ": "at+jwt", "kid": "g" }), &claims);
    assert_eq!(fault_of(&Verifier::new([issuer]).unwrap().verify(&token, time(NOW)).await), "WrongType");
}

#[tokio::test]
async fn claims_of_another_type_than_the_product_has_are_refused() {
    // JWT-13, ATJ-09
    for (name, claim, value) in [
        ("spring-user", "scope", json!(["a b"])),
        ("spring-user", "scope", json!([1])),
        ("spring-user", "scope", json!({ "a": 1 })),
        ("keycloak-user", "scope", json!(["a"])),
        ("keycloak-user", "sub", json!("")),
        ("cloudflare-access-service", "sub", json!(1)),
        ("entra-user-v2", "cnf", json!(null)),
        ("auth0-agent-login", "act", json!(null)),
        ("okta-user", "groups", json!({ "a": 1 })),
    ] {
        let result = Example::named(name).verify_with(json!({ claim: value })).await;
        let value_is_null = value.is_null();
        if !value_is_null {
            assert_eq!(fault_of(&result), format!("InvalidClaim {claim}"), "{name}");
        }
    }
    for (name, claim, value) in [
        ("entra-user-v2", "azp", json!(["a"])),
        ("okta-user", "cid", json!(7)),
        ("okta-user", "scp", json!("a b")),
        ("kinde-user", "permissions", json!("all")),
        ("zitadel-user", "urn:zitadel:iam:org:project:roles", json!("admin")),
        ("cognito-user", "cognito:groups", json!({ "admin": 1 })),
    ] {
        let example = Example::named(name);
        let verified = example.verify_with(json!({ claim: value })).await.unwrap();
        let error = example.read(verified).unwrap_err();
        assert!(matches!(error, ClaimsError::Claim { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn one_entra_tenant_has_users_services_and_agents_side_by_side() {
    // AGT-01, AGT-02, GEN-07, M2M-01
    let settings = "unlisted_clients = \"person\"\nconsent = { service = true }\nmax_lifetime = \"24h\"";
    for (name, kind, actor, exempt) in [
        ("entra-user-v2", Kind::User, None, false),
        ("entra-service-v2", Kind::Service, None, true),
        ("entra-agent-obo", Kind::User, Some(Kind::Agent), false),
        ("entra-agent-autonomous", Kind::Agent, None, false), // there is no exemption for agents
        ("entra-agent-user-account", Kind::Agent, Some(Kind::Agent), false),
    ] {
        let example = Example::named(name);
        let verified = example.verify_with(json!({})).await.unwrap();
        let caller = example.read_with(settings, AgentType::Declared, verified).unwrap();
        let found = (caller.subject().kind, caller.actor().map(|actor| actor.kind), caller.is_consent_exempt());
        assert_eq!(found, (kind, actor, exempt), "{name}");
    }
    // Neither permission nor scope: any application of the tenant gets such tokens.
    let service = Example::named("entra-service-v2");
    let verified = service.verify_with(json!({ "roles": null })).await.unwrap();
    assert!(matches!(service.read(verified), Err(ClaimsError::GateClosed { .. })));
}

#[tokio::test]
async fn clients_that_nobody_lists_are_what_the_settings_say() {
    // AGT-01, AGT-06, EXC-05
    let example = Example::named("keycloak-user");
    for (settings, expected) in [
        ("unlisted_clients = \"person\"", Ok(None)),
        ("unlisted_clients = \"agent\"", Ok(Some((Kind::Agent, Some("unlisted"))))),
        ("unlisted_clients = \"deny\"", Err(ClaimsError::UnlistedClient)),
        ("unlisted_clients = \"deny\"\nperson_clients = [\"shop-web\"]", Ok(None)),
        ("unlisted_clients = \"person\"\nagent_clients = [\"shop-web\"]", Ok(Some((Kind::Agent, None)))),
    ] {
        let verified = example.verify_with(json!({})).await.unwrap();
        let caller = example.read_with(settings, AgentType::Declared, verified);
        let actor = caller.map(|caller| caller.actor().cloned());
        let found = actor.as_ref().map(|actor| actor.as_ref().map(|actor| (actor.kind, actor.class.as_deref())));
        assert_eq!(found, expected.as_ref().map(|actor| *actor), "{settings}");
    }
    // An actor of which the token does not say what it is gets the least (AGT-06).
    for name in ["zitadel-agent-exchange", "fusionauth-agent-act", "auth0-user-via-service-obo"] {
        let example = Example::named(name);
        let verified = example.verify_with(json!({})).await.unwrap();
        let caller = example.read_with("unlisted_clients = \"person\"", AgentType::Declared, verified).unwrap();
        let actor = caller.actor().unwrap();
        assert_eq!((actor.kind, actor.class.as_deref()), (Kind::Agent, Some("unclassified")), "{name}");
    }
}

#[tokio::test]
async fn what_a_service_says_of_itself_is_not_believed() {
    // ATJ-14, EXC-06
    let example = Example::named("authress-service");
    let boast = json!({
        "scope": "openid admin", "roles": ["admin"], "groups": ["admins"], "act": { "sub": "ann" }, "may_act": { "sub": "sc_exporter" },
    });
    let verified = example.verify_with(boast).await.unwrap();
    let caller =
        example.read_with("scopes = [\"openid\"]\nmax_lifetime = \"24h\"", AgentType::Undeclared, verified).unwrap();
    assert_eq!(caller.scopes().unwrap(), ["openid"], "no more than the settings let this issuer confer");
    assert_eq!((caller.actor(), caller.claims().len()), (None, 0));
    assert_eq!(*caller.roles(), Listing::Unknown);
}

#[track_caller]
fn check(caller: &Caller, example: &Example) {
    let (name, expected) = (&example.name, &example.token["expect"]);
    assert_eq!(caller.subject().kind.as_str(), expected["principal_type"], "{name}");
    assert_eq!(caller.subject().id, expected["principal_id"], "{name}");
    assert_eq!(caller.client(), expected["client_id"].as_str(), "{name}");
    assert_eq!(caller.tenant(), expected["tenant"].as_str(), "{name}");
    assert_eq!(set(caller.scopes().unwrap_or_default()), expected_set(&expected["scopes"]), "{name}");
    for (list, key) in [(caller.roles(), "roles"), (caller.groups(), "groups"), (caller.permissions(), "permissions")] {
        check_list(list, expected.get(key), &format!("{name}: {key}"));
    }
    check_actor(caller, &example.token, name);
}

/// The expectations leave out lists that the token does not have.
#[track_caller]
fn check_list(list: &Listing, expected: Option<&Value>, what: &str) {
    match (list, expected) {
        (Listing::Known(values), Some(expected)) => assert_eq!(set(values), expected_set(expected), "{what}"),
        (Listing::Known(values), None) => assert!(values.is_empty(), "{what}"),
        (Listing::Unknown, expected) => {
            assert!(expected.is_none_or(|list| list.as_array().is_none_or(Vec::is_empty)), "{what}");
        }
    }
}

#[track_caller]
fn check_actor(caller: &Caller, token: &Value, name: &str) {
    let expected = &token["expect"]["actor"];
    assert_eq!(caller.actor().is_some(), expected.is_object(), "{name}");
    let Some(actor) = caller.actor() else { return };
    let chain = expected["chain"].as_array().unwrap();
    assert_eq!(caller.chain().len(), chain.len(), "{name}");
    if chain.is_empty() {
        // The client itself, by what the token says of it.
        assert_eq!(
            (actor.kind.as_str(), actor.id.as_str()),
            (expected["type"].as_str().unwrap(), expected["id"].as_str().unwrap())
        );
        assert_eq!(actor.class.as_deref(), expected["class"].as_str(), "{name}");
        return;
    }
    for (hop, expected) in caller.chain().iter().zip(chain) {
        check_hop(hop, expected, token, name);
    }
    // Only the outermost decides (EXC-02).
    let outermost = &caller.chain()[0];
    assert_eq!((&actor.id, actor.depth), (&outermost.id, chain.len()), "{name}");
    assert_eq!(actor.kind, outermost.kind.unwrap_or(Kind::Agent), "{name}");
}

#[track_caller]
fn check_hop(hop: &Hop, expected: &Value, token: &Value, name: &str) {
    assert_eq!(hop.kind.map_or("unknown", Kind::as_str), expected["type"], "{name}");
    assert_eq!(hop.client.as_deref(), expected["client_id"].as_str(), "{name}");
    let id = expected["id"].as_str().unwrap();
    match token["claims"]["act"]["iss"].as_str() {
        // The expectations leave out the issuer of the actor.
        Some(iss) if token["claims"]["iss"] != iss => assert_eq!(hop.id, format!("|{iss}|{id}"), "{name}"),
        _ => assert_eq!(hop.id, id, "{name}"),
    }
}

/// A key of the right kind.
fn signer(header: &Value) -> Signer {
    match header["alg"].as_str() {
        Some("RS256") => Signer::Rs256,
        Some("PS256") => Signer::Ps256,
        Some("ES256") => Signer::Es256,
        Some("ES384") => Signer::Es384,
        Some("EdDSA") => Signer::Ed25519,
        other => panic!("{other:?}"),
    }
}

/// Replaces members, or removes those that are `null`.
fn change(object: &mut Value, changes: Value) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

fn fault_of(result: &Result<VerifiedClaims, TokenError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(TokenError::InvalidClaim { claim, .. }) => format!("InvalidClaim {claim}"),
        Err(TokenError::MissingClaim { claim }) => format!("MissingClaim {claim}"),
        Err(TokenError::NotAnAccessToken { claim }) => format!("NotAnAccessToken {claim}"),
        Err(other) => variant(other),
    }
}

fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").split([' ', '(']).next().unwrap().to_owned()
}

fn set(values: &[String]) -> BTreeSet<&str> {
    values.iter().map(String::as_str).collect()
}

fn expected_set(values: &Value) -> BTreeSet<&str> {
    values.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str).collect()
}
