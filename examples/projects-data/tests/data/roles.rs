//! Roles from the table of members.

use serde_json::json;

use crate::world::{World, person};

const CREATE: &str = "POST /workspaces/{workspace}/projects";
const LIST: &str = "GET /workspaces/{workspace}/projects";
const REPORT: &str = "POST /workspaces/{workspace}/reports";

#[tokio::test]
async fn roles_are_those_of_the_members() {
    let world = World::in_memory().await;
    let rows = [
        ("ada", REPORT, 200),
        ("ada", CREATE, 200),
        ("ed", CREATE, 200),
        ("vic", REPORT, 200),
        ("vic", CREATE, 403),
        ("bill", REPORT, 403),
        // A member without a role, and nobody.
        ("olga", REPORT, 403),
        ("mallory", REPORT, 403),
        ("", REPORT, 401),
    ];
    for (who, route, status) in rows {
        assert_eq!(world.status(route, &["space"], person(who)).await, status, "{who}: {route}");
    }
}

#[tokio::test]
async fn a_role_in_one_tenant_is_none_in_another() {
    let world = World::in_memory().await;
    let vic = |tenant| json!({ "sub": "vic", "scope": "manage:projects", "org_id": tenant });
    assert_eq!(world.status(CREATE, &["labs"], vic("umbrella")).await, 200);
    assert_eq!(world.status(CREATE, &["space"], vic("acme")).await, 403);
    assert_eq!(world.status(CREATE, &["space"], vic("umbrella")).await, 403);
    assert_eq!(world.status(LIST, &["space"], vic("nowhere")).await, 403);
}

#[tokio::test]
async fn a_token_without_a_tenant_has_no_roles() {
    let world = World::in_memory().await;
    let ada = json!({ "sub": "ada", "scope": "manage:projects", "org_id": "" });
    assert_eq!(world.status(LIST, &["space"], ada).await, 403);
}

#[tokio::test]
async fn a_service_that_is_called_like_an_admin_has_no_roles() {
    let world = World::in_memory().await;
    let service = json!({ "sub": "ada", "client_id": "ada", "scope": "manage:projects" });
    assert_eq!(world.status(CREATE, &["space"], service).await, 403);
}

#[tokio::test]
async fn a_list_shows_what_its_reader_may_see() {
    let world = World::in_memory().await;
    let rows: [(&str, &[&str]); 5] = [
        ("vic", &["apollo", "gemini", "mercury"]),
        ("olga", &["apollo", "gemini"]),
        ("carl", &["apollo"]),
        ("bill", &[]),
        ("mallory", &[]),
    ];
    for (who, shown) in rows {
        let authz = world.handler(LIST, &["space"], person(who)).await;
        let permit = world.permit(LIST, "space", person(who)).await;
        let projects = authz.filter(world.store.projects(&permit).await.unwrap()).unwrap();
        let ids: Vec<&str> = projects.iter().map(|project| project.id.as_str()).collect();
        assert_eq!(ids, shown, "{who}");
    }
}
