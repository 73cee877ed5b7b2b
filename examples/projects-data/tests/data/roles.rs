//! Roles from the table of members.

use serde_json::json;

use crate::world::{World, person};

const CREATE: &str = "POST /workspaces/{workspace}/projects";
const LIST: &str = "GET /workspaces/{workspace}/projects";

#[tokio::test]
async fn roles_are_those_of_the_members() {
    let world = World::in_memory().await;
    let rows = [
        ("ada", LIST, 200),
        ("ada", CREATE, 200),
        ("ed", CREATE, 200),
        ("vic", LIST, 200),
        ("vic", CREATE, 403),
        ("bill", LIST, 403),
        // A member without a role, and nobody.
        ("olga", LIST, 403),
        ("mallory", LIST, 403),
        ("", LIST, 401),
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
