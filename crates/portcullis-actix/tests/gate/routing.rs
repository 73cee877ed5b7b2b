//! actix-web routes, the gate does not: what is decided is what actix-web's own extractors yield.

use actix_web::{HttpResponse, web};
use portcullis_actix::GateExt;
use serde_json::json;

use crate::service::{Service, only, request, router, shown};

#[tokio::test]
async fn the_id_is_decoded_exactly_once_as_actix_web_does() {
    let service = Service::new();
    for (path, status, body) in [
        ("/projects/p", 200, "GetProject Project p"),
        ("/projects/a%62c", 200, "GetProject Project abc"),
        ("/projects/%c3%a9", 200, "GetProject Project \u{e9}"),
        ("/projects/banned", 403, ""),
        ("/projects/%62anned", 403, ""), // an encoded id is the same id
        ("/projects/BANNED", 200, "GetProject Project BANNED"),
        ("/projects/a%2Fb", 403, ""), // the slash belongs to the id, and `a/b` is forbidden
        ("/projects/a%252Fb", 200, "GetProject Project a%2Fb"), // decoded once, it is another id
        ("/projects/a%2Bb", 200, "GetProject Project a+b"),
        ("/projects/a+b", 200, "GetProject Project a+b"),
        ("/projects/%2e%2e", 200, "GetProject Project .."),
        ("/projects/100%", 200, "GetProject Project 100%"),
        // actix-web would decode these twice: `%%36%31` is `%61`, and then `a`.
        ("/projects/%%36%31", 404, ""),
        ("/projects/%%32%46", 404, ""),
        ("/projects/%ff", 404, ""), // no text, so no id
        ("/projects/%EF%BF%BD", 200, "GetProject Project \u{fffd}"),
        ("/projects/x/members/banned", 200, "banned of x"), // the place of the parameter counts
        ("/projects/banned/members/x", 403, ""),
        ("/files/a/c", 200, "GetFile File a/c"),
        ("/files/a//c/", 200, "GetFile File a//c/"),
        ("/files/a/b", 403, ""),
        ("/files/a%2Fb", 403, ""),
        ("/files/%61/%62", 403, ""),
        ("/files/", 404, ""),
        // actix-web routes by the decoded path.
        ("/%70rojects/banned", 403, ""),
        ("/%70rojects/p", 200, "GetProject Project p"),
        ("/projects/%6eew", 200, "NewProject"),
    ] {
        let reply = service.ask("GET", path, &json!({})).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        if status == 200 {
            assert_eq!(reply.body, body, "{path}");
        }
    }
}

#[tokio::test]
async fn a_path_that_nobody_routes_is_nobodys() {
    // OWA-03, GEN-13: 401 without a token, 404 with one
    let service = Service::new();
    for path in ["/", "/nowhere", "/projects", "/projects/p/", "//projects/p", "/Projects/p", "/projects/p/."] {
        assert_eq!(service.send("GET", path, &[]).await.status, 401, "{path}");
        let reply = service.ask("GET", path, &json!({})).await;
        assert_eq!((reply.status, reply.kind(), reply.events()), (404, "not-found".to_owned(), 1), "{path}");
        assert_eq!(service.ask("GET", path, &json!({ "exp": 1 })).await.kind(), "invalid-token", "{path}");
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn a_method_without_action_is_not_allowed() {
    let service = Service::new();
    for method in ["POST", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"] {
        assert_eq!(service.send(method, "/projects/p", &[]).await.status, 401, "{method}");
        let reply = service.ask(method, "/projects/p", &json!({})).await;
        assert_eq!((reply.status, reply.kind()), (405, "method-not-allowed".to_owned()), "{method}");
        assert_eq!(reply.field("allow"), "DELETE, GET, HEAD, PUT", "{method}");
    }
    // An override is no method (OWA-03): this is a POST.
    let bearer = service.bearer(&json!({ "scope": "manage:projects" }));
    let fields = [("authorization", bearer.as_str()), ("x-http-method-override", "DELETE")];
    assert_eq!(service.send("POST", "/projects/p?_method=DELETE", &fields).await.status, 405);
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn head_means_get_unless_it_has_an_action_of_its_own() {
    let service = Service::new();
    assert_eq!(service.ask("HEAD", "/projects/p", &json!({})).await.status, 200);
    assert_eq!(service.ask("HEAD", "/projects/p", &json!({ "scope": "" })).await.status, 403);
    assert_eq!(service.ask("HEAD", "/probes/p", &json!({})).await.status, 200);
    assert_eq!(service.ask("GET", "/probes/p", &json!({})).await.status, 403);
}

#[tokio::test]
async fn a_template_that_says_more_comes_first_whatever_the_order() {
    let service = Service::new();
    assert_eq!(service.ask("GET", "/projects/new", &json!({})).await.body, "NewProject");
    // The path is taken, so its methods are its own.
    assert_eq!(service.ask("DELETE", "/projects/new", &json!({})).await.field("allow"), "GET, HEAD");
}

#[tokio::test]
async fn a_router_is_served_where_its_paths_are_whole() {
    let service = Service::new();
    for prefix in ["/api", "/{tenant}"] {
        let router = router(&service.gate).build().unwrap();
        let app = only(web::scope(prefix).service(router));
        // Not by the path that is left of it, and not with the tenant in the place of the project.
        let reply = service.ask_of(app, "GET", "/api/projects/p", &json!({})).await;
        assert_eq!((reply.status, reply.kind()), (403, "denied".to_owned()), "{prefix}");
        assert!(reply.log.iter().any(|line| line.contains("/api/projects/{}") || line.contains("/{}/projects/{}")));
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn what_comes_before_the_router_is_not_its_own_and_nothing_comes_after() {
    let service = Service::new();
    for (path, status) in [("/before", 200), ("/after", 401)] {
        let router = router(&service.gate).build().unwrap();
        let app = |config: &mut web::ServiceConfig| {
            config.route("/before", web::get().to(HttpResponse::Ok)).service(router);
            config.route("/after", web::get().to(HttpResponse::Ok)).default_service(web::to(HttpResponse::Ok));
        };
        assert_eq!(service.send_to(app, request("GET", path, &[])).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn scopes_and_patterns_are_looked_up_by_what_they_match() {
    let service = Service::new();
    let app = |config: &mut web::ServiceConfig| {
        let gate = &service.gate;
        let of = |path: &str| gate.protect(web::resource(path).route(web::get().to(shown)));
        let projects = web::scope("/projects")
            .service(of("/new/"))
            .service(of(r"/{id:\d+|p}"))
            .service(web::scope("/{project}").service(of("/members/{member}/x")).service(of("/{x}.txt")));
        let several = web::resource(["/probes/{project}", "/legacy/{project}"]).route(web::get().to(shown));
        config.service(projects).service(of("/files/{path:.*}")).service(gate.protect(several)).service(of("/admin"));
    };
    let manager = json!({ "scope": "manage:projects" });
    for (path, status, body) in [
        ("/projects/12", 200, "GetProject Project 12"),
        ("/projects/p", 200, "GetProject Project p"),
        ("/files/a/c", 200, "GetFile File a/c"),
        ("/files/", 200, "GetFile File "),
        ("/probes/p", 200, "ReadProbe Project p"),
        ("/legacy/p", 403, ""), // its template is not in the schema, and the first one was not matched
        ("/admin", 403, ""),
        ("/projects/new/", 403, ""), // a trailing slash makes another route
        ("/projects/p/members/m/x", 403, ""),
        ("/projects/p/a.txt", 403, ""),
        ("/projects/x", 404, ""),
    ] {
        let reply = service.ask_of(app, "GET", path, &manager).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        if status == 200 {
            assert_eq!(reply.body, body, "{path}");
        }
    }
    assert_eq!(service.calls.count(), 5);
}
