//! Resources as policies see them, and ids as attackers write them.

use portcullis::Directory as _;
use projects_data::{Store, StoreError};
use serde_json::json;

use crate::world::{DatabaseFile, World, ada, person};

const GET: &str = "GET /projects/{project}";

#[tokio::test]
async fn policies_see_owner_collaborators_tenant_and_whether_it_is_archived() {
    let world = World::in_memory().await;
    let rows = [
        ("olga", "apollo", 200),
        ("carl", "apollo", 200),
        ("carl", "mercury", 404),
        ("bill", "apollo", 404),
        ("ada", "soyuz", 404),
        ("ada", "nowhere", 404),
    ];
    for (who, project, status) in rows {
        assert_eq!(world.status(GET, &[project], person(who)).await, status, "{who}: {project}");
    }
    for (project, fine) in [("apollo", true), ("gemini", false)] {
        let authz = world.handler("PATCH /projects/{project}", &[project], ada()).await;
        let facts = json!({ "changed": ["title"] });
        assert_eq!(authz.load_with(|| world.store.project(project), &facts).await.is_ok(), fine, "{project}");
    }
}

#[tokio::test]
async fn accounts_and_workspaces_stay_in_their_tenant() {
    let world = World::in_memory().await;
    let billing = "GET /accounts/{account}/billing";
    let list = "GET /workspaces/{workspace}/projects";
    assert_eq!(world.status(billing, &["acme"], person("bill")).await, 200);
    assert_eq!(world.status(billing, &["umbrella"], person("bill")).await, 403);
    assert_eq!(world.status(billing, &["acme"], ada()).await, 403);
    assert_eq!(world.status(list, &["labs"], ada()).await, 403);
}

#[tokio::test]
async fn an_id_of_a_request_is_a_value_and_never_part_of_a_query() {
    let world = World::in_memory().await;
    let long = "a".repeat(100_000);
    let ids = [
        "",
        "' OR '1'='1",
        "apollo' --",
        "apollo; DROP TABLE projects",
        "apol_o",
        "%",
        "APOLLO",
        "apollo ",
        "apollo\0",
        "?1",
        "\u{202e}apollo",
        "../apollo",
        &long,
    ];
    for id in ids {
        assert_eq!(world.store.project(id).await.unwrap(), None, "{id:?}");
        assert_eq!(world.store.workspace(id).await.unwrap(), None, "{id:?}");
        assert_eq!(world.store.account(id).await.unwrap(), None, "{id:?}");
        assert!(world.store.resource("Project", id).await.unwrap().is_none(), "{id:?}");
        assert!(matches!(world.status(GET, &[id], ada()).await, 400 | 404), "{id:?}");
        let allowed = world.to_share("apollo").await;
        let shared = world.store.share(allowed.permit(), &allowed, id).await;
        assert!(matches!(shared, Err(StoreError::NotAMember)), "{id:?}: {shared:?}");
    }
    assert_eq!(world.store.project("apollo").await.unwrap().unwrap().title, "Apollo");
}

#[tokio::test]
async fn a_name_that_looks_like_json_is_one_name() {
    let file = DatabaseFile::new("names");
    let world = World::with(Store::open(&file.url()).await.unwrap(), |gate| gate);
    let name = r#"a","ada\"#;
    let query = sqlx::query("INSERT INTO members (tenant, person) VALUES ('acme', ?1)").bind(name);
    query.execute(&mut file.connect().await).await.unwrap();
    let allowed = world.to_share("apollo").await;
    let shared = world.store.share(allowed.permit(), &allowed, name).await.unwrap();
    assert_eq!(shared.collaborators, [name, "carl"]);
}

#[tokio::test]
async fn types_that_it_does_not_know_it_does_not_supply() {
    let store = Store::open(Store::IN_MEMORY).await.unwrap();
    assert!(store.resource("User", "ada").await.unwrap().is_none());
    assert_eq!(store.supplies(), ["Account", "Project", "Workspace"]);
}
