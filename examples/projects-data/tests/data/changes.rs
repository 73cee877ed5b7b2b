//! What is changed is what was decided on.

use projects_data::{Change, Plan, Store, StoreError, Title};
use serde_json::json;

use crate::world::{World, ada, person};

fn handed_to(owner: &str) -> Change {
    serde_json::from_value(json!({ "owner": owner })).unwrap()
}

#[tokio::test]
async fn a_permit_for_one_action_is_none_for_another() {
    let world = World::in_memory().await;
    let share = world.to_share("apollo").await;
    assert!(matches!(world.store.delete(share.permit(), &share).await, Err(StoreError::OtherPermit)));
    assert!(matches!(world.store.update(share.permit(), &share, &handed_to("ed")).await, Err(StoreError::OtherPermit)));
    let delete = world.to_delete("apollo").await;
    assert!(matches!(world.store.share(delete.permit(), &delete, "ed").await, Err(StoreError::OtherPermit)));
    let see = world.permit("GET /projects/{project}", "apollo", ada()).await;
    assert!(matches!(world.store.delete(&see, &delete).await, Err(StoreError::OtherPermit)));
    assert!(matches!(world.store.projects(&see).await, Err(StoreError::OtherPermit)));
    assert!(matches!(world.store.report(&see).await, Err(StoreError::OtherPermit)));
    assert!(matches!(world.store.create(&see, &title("x")).await, Err(StoreError::OtherPermit)));
    assert!(matches!(world.store.set_plan(&see, Plan::Free).await, Err(StoreError::OtherPermit)));
    assert!(world.store.project("apollo").await.unwrap().is_some());
}

#[tokio::test]
async fn a_permit_for_one_row_is_none_for_another() {
    let world = World::in_memory().await;
    let (apollo, mercury) = (world.to_delete("apollo").await, world.to_delete("mercury").await);
    assert!(matches!(world.store.delete(apollo.permit(), &mercury).await, Err(StoreError::OtherPermit)));
    assert!(world.store.project("mercury").await.unwrap().is_some());
}

#[tokio::test]
async fn a_row_that_changed_after_the_decision_stays_as_it_is() {
    let world = World::in_memory().await;
    let (early, late) = (world.to_change("apollo").await, world.to_delete("apollo").await);
    let share = world.to_share("apollo").await;
    let changed = world.store.update(early.permit(), &early, &handed_to("ada")).await.unwrap();
    assert_eq!((changed.owner.as_str(), changed.title.as_str()), ("ada", "Apollo"));
    assert!(matches!(world.store.delete(late.permit(), &late).await, Err(StoreError::Changed)));
    assert!(matches!(world.store.share(share.permit(), &share, "ed").await, Err(StoreError::Changed)));
    assert!(matches!(world.store.update(early.permit(), &early, &handed_to("ed")).await, Err(StoreError::Changed)));
    assert_eq!(world.store.project("apollo").await.unwrap(), Some(changed));
}

#[tokio::test]
async fn a_project_goes_to_members_of_its_tenant_only() {
    let world = World::in_memory().await;
    for stranger in ["eve", "mallory", ""] {
        let allowed = world.to_change("apollo").await;
        let handed = world.store.update(allowed.permit(), &allowed, &handed_to(stranger)).await;
        assert!(matches!(handed, Err(StoreError::NotAMember)), "{stranger}");
        // Nothing was written, not even the version.
        assert_eq!(world.store.project("apollo").await.unwrap().as_ref(), Some(&*allowed), "{stranger}");
    }
}

#[tokio::test]
async fn who_creates_owns_in_the_tenant_of_the_workspace() {
    let world = World::in_memory().await;
    let permit = world.permit("POST /workspaces/{workspace}/projects", "space", person("ed")).await;
    let (one, two) =
        (world.store.create(&permit, &title("Skylab")).await, world.store.create(&permit, &title("Skylab")).await);
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.id, two.id);
    let known = (one.title.as_str(), one.owner.as_str(), one.tenant.as_str(), one.workspace.as_str(), one.archived);
    assert_eq!(known, ("Skylab", "ed", "acme", "space", false));
}

#[tokio::test]
async fn sharing_twice_is_sharing_once() {
    let world = World::in_memory().await;
    for _ in 0..2 {
        let allowed = world.to_share("apollo").await;
        let shared = world.store.share(allowed.permit(), &allowed, "ed").await.unwrap();
        assert_eq!(shared.collaborators, ["carl", "ed"]);
    }
}

#[tokio::test]
async fn a_deleted_project_is_gone_with_its_collaborators() {
    let world = World::in_memory().await;
    let allowed = world.to_delete("apollo").await;
    world.store.delete(allowed.permit(), &allowed).await.unwrap();
    assert_eq!(world.store.project("apollo").await.unwrap(), None);
    assert_eq!(world.status("GET /projects/{project}", &["apollo"], person("carl")).await, 404);
}

#[tokio::test]
async fn lists_and_reports_show_one_workspace() {
    let world = World::in_memory().await;
    let list = world.permit("GET /workspaces/{workspace}/projects", "space", ada()).await;
    let ids: Vec<String> = world.store.projects(&list).await.unwrap().into_iter().map(|project| project.id).collect();
    assert_eq!(ids, ["apollo", "gemini", "mercury"]);
    let report = world.permit("POST /workspaces/{workspace}/reports", "space", ada()).await;
    let report = world.store.report(&report).await.unwrap();
    assert_eq!((report.projects, report.archived), (3, 1));
}

#[test]
fn policies_are_told_of_every_field_that_changes() {
    let facts = |change| serde_json::from_value::<Change>(change).unwrap().facts().changed;
    assert_eq!(facts(json!({})), [""; 0]);
    assert_eq!(facts(json!({ "title": "x" })), ["title"]);
    assert_eq!(facts(json!({ "owner": "ed", "title": "x" })), ["title", "owner"]);
    // A field that policies are not told of cannot be written.
    assert!(serde_json::from_value::<Change>(json!({ "archived": false })).is_err());
}

#[test]
fn titles_are_bounded() {
    let long = "ü".repeat(201);
    for refused in ["", &long] {
        assert!(Title::try_from(refused.to_owned()).is_err(), "{refused}");
        assert!(serde_json::from_value::<Change>(json!({ "title": refused })).is_err(), "{refused}");
    }
    assert!(Title::try_from("ü".repeat(200)).is_ok());
}

#[tokio::test]
async fn sample_data_are_not_written_twice() {
    let file = crate::world::DatabaseFile::new("twice");
    let first = World::with(Store::open(&file.url()).await.unwrap(), |gate| gate);
    let allowed = first.to_delete("apollo").await;
    first.store.delete(allowed.permit(), &allowed).await.unwrap();
    let second = Store::open(&file.url()).await.unwrap();
    assert_eq!(second.project("apollo").await.unwrap(), None);
    assert!(second.project("mercury").await.unwrap().is_some());
}

fn title(text: &str) -> Title {
    Title::try_from(text.to_owned()).unwrap()
}
