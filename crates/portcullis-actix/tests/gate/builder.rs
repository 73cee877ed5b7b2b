//! Handlers that do not fit the schema do not start.

use portcullis_actix::{GateExt, RouterProblem};

use crate::service::{Service, bundle, router, shown};

#[test]
fn every_misfit_is_found_before_the_first_request() {
    let gate = Service::new().gate;
    assert!(router(&gate).build().is_ok());
    let error = router(&gate).action("GetProjekt", shown).action("RpcRead", shown).build().unwrap_err();
    let (unknown, unreachable) = ("GetProjekt".to_owned(), "RpcRead".to_owned());
    let expected = [RouterProblem::UnknownAction { action: unknown }, RouterProblem::NoRoutes { action: unreachable }];
    assert_eq!(error.problems(), expected);
    let error = router(&gate).action("GetFile", shown).via("POST /mcp", shown).build().unwrap_err();
    let text = "the handlers do not fit the schema\n  route `GET /files/{*path}` has two handlers\n  \
                no action of the schema has `@via(\"POST /mcp\")`";
    assert_eq!(error.to_string(), text);
    let error = gate.router().action("GetFile", shown).build().unwrap_err();
    assert_eq!(error.problems().len(), 11);
    assert!(error.to_string().contains("route `GET /me` of action `WhoAmI` has no handler"));
}

#[test]
fn a_path_that_actix_web_cannot_serve_does_not_start() {
    for path in ["/things/*", "/caf%C3%A9/{thing}", "/things/{1st}"] {
        let schema = format!(
            "@scope action \"use\";\nentity User;\nentity Thing;\n@http(\"GET {path}\") @resource(\"Thing::\\\"t\\\"\")\n\
             action \"Get\" in [\"use\"] appliesTo {{ principal: [User], resource: [Thing], context: Portcullis::Context }};"
        );
        let gate = Service::of(bundle(&schema, ""), None, |gate| gate).gate;
        let error = gate.router().action("Get", shown).build().unwrap_err();
        assert_eq!(error.problems(), [RouterProblem::Path { route: format!("GET {path}") }]);
    }
}
