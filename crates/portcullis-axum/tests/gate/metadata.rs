//! Metadata of the protected resource (RFC 9728), through the whole stack.

use axum::Router;
use axum::routing::{any, get};
use portcullis::{Gate, ProtectedResource, ProtectedResourceError};
use portcullis_axum::{GateError, GateExt};
use portcullis_testkit::TestIssuer;
use serde_json::{Value, json};

use crate::service::{Calls, Noon, Reports, SCHEMA, Service, bundle_with, resource, router, shown, verifier};

const PATH: &str = "/.well-known/oauth-protected-resource";

fn known_as(identifiers: &'static [&str]) -> Service {
    Service::with_gate(|gate| gate.resource(resource(identifiers)))
}

#[tokio::test]
async fn the_document_follows_from_bundle_and_settings() {
    let reply = Service::new().send("GET", PATH, &[("origin", "https://app.example.com")]).await;
    // PRM-02, PRM-12: public, for pages of any origin, for a bounded time
    assert_eq!(reply.status, 200);
    let field = |name: &str| reply.headers[name].to_str().unwrap().to_owned();
    assert_eq!(field("content-type"), "application/json");
    assert_eq!(field("access-control-allow-origin"), "*");
    assert_eq!(field("cache-control"), "max-age=300");
    // PRM-03, PRM-05, PRM-07, PRM-08: neither the hidden scope, nor other methods, nor members without values (PRM-06);
    // nothing is signed (PRM-11)
    let expected = json!({
        "resource": "https://api.example.com",
        "authorization_servers": ["https://as.example.com"],
        "scopes_supported": ["manage:projects", "profile", "read:projects", "projects.write"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(serde_json::from_str::<Value>(&reply.body).unwrap(), expected);
}

#[tokio::test]
async fn the_operator_describes_the_resource_for_people() {
    // PRM-05
    let service = Service::with_gate(|gate| {
        let described = resource(&["https://api.example.com"]).with("resource_name", "Projects").unwrap();
        let described = described.with("resource_name#it", "Progetti").unwrap();
        gate.resource(described.with("resource_documentation", "https://example.com/docs").unwrap())
    });
    let document: Value = serde_json::from_str(&service.send("GET", PATH, &[]).await.body).unwrap();
    assert_eq!(document["resource_name"], "Projects");
    assert_eq!(document["resource_name#it"], "Progetti");
    assert_eq!(document["resource_documentation"], "https://example.com/docs");
}

#[test]
fn what_does_not_belong_into_metadata_is_refused() {
    // PRM-05; generated members cannot be overwritten (PRM-07)
    let plain = || resource(&["https://api.example.com"]);
    for name in
        ["resource", "scopes_supported", "signed_metadata", "jwks_uri", "resource_name#", "resource_name#-", "x"]
    {
        let unknown = ProtectedResourceError::UnknownMember { name: name.to_owned() };
        assert_eq!(plain().with(name, "https://example.com").unwrap_err(), unknown);
    }
    for value in ["", " ", "a\nb"] {
        assert!(matches!(plain().with("resource_name", value), Err(ProtectedResourceError::NotAName { .. })));
    }
    for value in ["", "/docs", "docs.html", "http://example.com", "javascript:alert(1)", "ftp://example.com"] {
        let refused = plain().with("resource_documentation", value);
        assert!(matches!(refused, Err(ProtectedResourceError::NotAUrl { .. })), "{value}");
    }
    // Two documents at one place could not be told apart.
    for other in ["https://api.example.com/", "https://api.example.com"] {
        let both = ["https://api.example.com", other].map(|text| text.parse().unwrap());
        assert!(matches!(ProtectedResource::new(both), Err(ProtectedResourceError::SamePlace { .. })));
    }
}

#[tokio::test]
async fn every_identifier_has_its_own_document() {
    // PRM-01, PRM-03, PRM-04, RSI-02: a strict client that makes the URL from the identifier itself, and compares
    let service = known_as(&[
        "https://api.example.com/orders",
        "https://api.example.com",
        "https://old.example.com",
        "https://api.example.com:8443/r?x=1",
    ]);
    for (identifier, host, path) in [
        ("https://api.example.com/orders", "api.example.com", format!("{PATH}/orders")),
        ("https://api.example.com", "api.example.com", PATH.to_owned()),
        ("https://api.example.com", "API.example.com:443", PATH.to_owned()),
        ("https://old.example.com", "old.example.com", PATH.to_owned()),
        ("https://api.example.com:8443/r?x=1", "api.example.com:8443", format!("{PATH}/r?x=1")),
        // Behind a proxy that changes the host: the first at this path.
        ("https://api.example.com", "backend:8080", PATH.to_owned()),
        ("https://api.example.com/orders", "backend", format!("{PATH}/orders")),
    ] {
        let reply = service.send("GET", &path, &[("host", host)]).await;
        assert_eq!(reply.status, 200, "{path}");
        let document: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(document["resource"], identifier, "{host} {path}");
    }
}

#[tokio::test]
async fn a_challenge_leads_to_the_first_identifier_whatever_host_the_request_names() {
    // PRM-09, PRM-10
    let service = known_as(&["urn:example:api", "https://api.example.com/orders", "https://api.example.com"]);
    for fields in
        [&[][..], &[("host", "evil.example")], &[("x-forwarded-host", "evil.example")], &[("forwarded", "host=evil")]]
    {
        let challenge = service.send("GET", "/projects/p", fields).await.challenge().unwrap();
        assert_eq!(challenge["resource_metadata"], format!("https://api.example.com{PATH}/orders"));
    }
    // Denials lead there as well.
    let denied = service.ask("GET", "/projects/p", &json!({ "scope": "" })).await;
    assert_eq!((denied.status.as_u16(), denied.challenge().unwrap().contains_key("resource_metadata")), (403, true));
}

#[tokio::test]
async fn a_resource_without_a_url_has_no_metadata() {
    for identifiers in [&[][..], &["urn:example:api"]] {
        let service = known_as(identifiers);
        let challenge = service.send("GET", "/projects/p", &[]).await.challenge().unwrap();
        assert_eq!(challenge.keys().collect::<Vec<_>>(), ["realm"]); // BRR-10
        assert_eq!(service.send("GET", PATH, &[]).await.status, 404);
    }
}

#[tokio::test]
async fn the_document_can_be_read_and_nothing_else() {
    // PRM-02
    let service = Service::new();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"] {
        let reply = service.send(method, PATH, &[]).await;
        assert_eq!((reply.status.as_u16(), reply.kind()), (405, "method-not-allowed".to_owned()), "{method}");
        assert_eq!(reply.headers["allow"], "GET, HEAD", "{method}");
    }
    let (get, head) = (service.send("GET", PATH, &[]).await, service.send("HEAD", PATH, &[]).await);
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert_eq!(head.headers["content-length"], get.body.len().to_string());
    // Credentials do not matter, not even bad ones.
    for field in ["Bearer junk", "Basic dTpw", "Bearer a b"] {
        assert_eq!(service.send("GET", PATH, &[("authorization", field)]).await.body, get.body);
    }
}

#[tokio::test]
async fn elsewhere_there_is_nothing() {
    // PRM-01
    let service = Service::new();
    for path in ["/", "/projects", "/%2e", "?x=1", "?"] {
        let reply = service.send("GET", &format!("{PATH}{path}"), &[]).await;
        assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (404, "-"), "{path}");
        assert_eq!(reply.headers["access-control-allow-origin"], "*");
    }
    for path in [
        "/.well-known/oauth-protected-resources",
        "/.well-known/",
        "/.WELL-KNOWN/oauth-protected-resource",
        "/%2ewell-known/oauth-protected-resource",
    ] {
        let status = service.send("GET", path, &[]).await.status;
        assert!([401, 404].contains(&status.as_u16()), "{path}: {status}");
    }
}

#[tokio::test]
async fn routes_of_the_application_stay_guarded() {
    let service = Service::with(|gate| {
        let called = async |axum::extract::State(calls): axum::extract::State<Calls>| calls.add();
        let routes =
            Router::new().route(&format!("{PATH}/internal"), any(called)).route("/projects/{project}", get(shown));
        gate.protect(routes.fallback(called))
    });
    // Not in the schema, so refused, and not hidden behind a 404 either.
    assert_eq!(service.send("GET", &format!("{PATH}/internal"), &[]).await.status, 401);
    assert_eq!(service.ask("GET", &format!("{PATH}/internal"), &json!({})).await.status, 403);
    assert_eq!(service.send("GET", PATH, &[]).await.status, 200);
    assert_eq!(service.calls.count(), 0);
}

#[test]
fn the_schema_cannot_have_a_route_where_metadata_stand() {
    let schema = SCHEMA.replace("GET /health", &format!("GET {PATH}"));
    let issuer = TestIssuer::new("https://as.example.com");
    let gate = || {
        Gate::builder(bundle_with(&schema, "@id(\"a\") permit (principal, action, resource);"), verifier(&issuer))
            .clock(Noon)
            .directory(Reports)
    };
    let error = gate().resource(resource(&["https://api.example.com"])).build().unwrap_err();
    assert_eq!(error, GateError::MetadataRoute { route: format!("GET {PATH}") });
    // Elsewhere, and without metadata, the place is the application's.
    assert!(gate().resource(resource(&["https://api.example.com/orders"])).build().is_ok());
    assert!(gate().build().is_ok());
}

#[tokio::test]
async fn a_nested_gate_serves_its_metadata_at_the_root_if_the_application_mounts_them() {
    let nested = |mounted: bool| {
        Service::with_options(
            "@id(\"people\") permit (principal is User, action, resource);",
            |gate| gate.resource(resource(&["https://api.example.com/projects", "https://api.example.com/:a/*b"])),
            |gate| {
                let guarded = gate.protect(Router::<Calls>::new().route("/{project}", get(shown)));
                let app = Router::new().nest("/projects", guarded.into_router());
                if mounted { app.merge(gate.metadata_router()) } else { app }
            },
        )
    };
    for (mounted, status) in [(false, 404), (true, 200)] {
        let service = nested(mounted);
        assert_eq!(service.send("GET", &format!("{PATH}/projects"), &[]).await.status, status, "{mounted}");
        assert_eq!(service.send("GET", &format!("{PATH}/:a/*b"), &[]).await.status, 404, "axum does not route it");
        // The place counts from the root: below the nested path there is none.
        assert_eq!(service.send("GET", &format!("/projects{PATH}/projects"), &[]).await.status, 404);
        assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.body, "GetProject Project p");
    }
    assert_eq!(nested(true).send("POST", &format!("{PATH}/projects"), &[]).await.status, 405);
}

#[tokio::test]
async fn a_guarded_router_keeps_its_metadata_when_it_is_merged() {
    let open = || Router::<Calls>::new().route("/open", get(async || "open"));
    let guarded =
        |gate: &Gate| gate.protect(Router::<Calls>::new().route("/projects/{project}", get(shown))).into_router();
    for service in [
        Service::with(|gate| open().merge(guarded(&gate))),
        Service::with(|gate| guarded(&gate).merge(open()).merge(gate.metadata_router())), // else `open` answers for the rest
        Service::with(|gate| open().merge(guarded(&gate)).merge(gate.metadata_router())),
    ] {
        assert_eq!(service.send("GET", PATH, &[]).await.status, 200);
        assert_eq!(service.send("GET", "/open", &[]).await.body, "open");
        assert_eq!(service.send("GET", "/projects/p", &[]).await.status, 401);
    }
}

#[tokio::test]
async fn the_router_that_the_gate_makes_serves_them_too() {
    let service = Service::with(|gate| router(&gate).build().unwrap());
    assert_eq!(service.send("GET", PATH, &[]).await.status, 200);
    assert_eq!(service.send("GET", "/projects/p", &[]).await.status, 401);
}
