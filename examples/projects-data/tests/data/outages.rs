//! Whatever happens to the database, the answer is 503 and never access.

use std::time::Duration;

use http::header::RETRY_AFTER;
use projects_data::{Store, StoreError};
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use crate::world::{DatabaseFile, World, ada};

const GET: &str = "GET /projects/{project}";
const DELETE: &str = "DELETE /projects/{project}";

/// Answers, at last, when nobody waits any more.
const SLOW_PROJECTS: &str = "
    DROP VIEW project_rows;
    CREATE VIEW project_rows AS
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT 1000000000)
    SELECT projects.*, '[]' AS collaborators FROM projects, numbers WHERE number = 1000000000";

async fn world(test: &str) -> (World, DatabaseFile) {
    let file = DatabaseFile::new(test);
    (World::with(Store::open(&file.url()).await.unwrap(), |gate| gate), file)
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

#[track_caller]
fn assert_unavailable<T>(outcome: Result<T, portcullis::Answer>) {
    let answer = outcome.err().unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key(RETRY_AFTER));
}

#[tokio::test]
async fn a_file_that_another_writer_keeps_locked_is_an_outage_until_it_is_free() {
    let (world, file) = world("locked").await;
    let authz = world.handler(DELETE, &["apollo"], ada()).await;
    let mut other = file.connect().await;
    run(&mut other, "BEGIN EXCLUSIVE").await;
    assert_unavailable(world.ask(GET, &["apollo"], ada()).await);
    // The handler's own read.
    assert_unavailable(authz.load(|| world.store.project("apollo")).await);
    run(&mut other, "ROLLBACK").await;
    assert_eq!(world.status(GET, &["apollo"], ada()).await, 200);
    assert!(authz.load(|| world.store.project("apollo")).await.is_ok());
}

#[tokio::test]
async fn a_write_that_another_writer_holds_up_is_not_done_later() {
    let (world, file) = world("write").await;
    let allowed = world.to_delete("apollo").await;
    let mut other = file.connect().await;
    run(&mut other, "BEGIN IMMEDIATE").await;
    let deleted = world.store.delete(allowed.permit(), &allowed).await;
    assert!(matches!(deleted, Err(StoreError::Database(_) | StoreError::TooSlow)), "{deleted:?}");
    run(&mut other, "ROLLBACK").await;
    assert_eq!(world.store.project("apollo").await.unwrap().as_ref(), Some(&*allowed));
}

#[tokio::test]
async fn a_gate_that_waits_for_less_than_the_database_takes_answers_the_same() {
    let file = DatabaseFile::new("impatient");
    let store = Store::open(&file.url()).await.unwrap();
    let world = World::with(store, |gate| gate.directory_timeout(Duration::from_millis(20)));
    run(&mut file.connect().await, SLOW_PROJECTS).await;
    assert_unavailable(world.ask(GET, &["apollo"], ada()).await);
}

#[tokio::test]
async fn a_slow_query_is_an_outage() {
    let (world, file) = world("slow").await;
    let authz = world.handler(DELETE, &["apollo"], ada()).await;
    run(&mut file.connect().await, SLOW_PROJECTS).await;
    assert!(matches!(world.store.project("apollo").await, Err(StoreError::TooSlow)));
    assert_unavailable(world.ask(GET, &["apollo"], ada()).await);
    assert_unavailable(authz.load(|| world.store.project("apollo")).await);
}

#[tokio::test]
async fn a_table_that_is_gone_is_an_outage_for_those_who_need_it() {
    let (world, file) = world("dropped").await;
    run(&mut file.connect().await, "DROP TABLE member_roles").await;
    assert_unavailable(world.ask(GET, &["apollo"], ada()).await);
    let service = json!({ "sub": "nightly-report", "client_id": "nightly-report", "scope": "read:projects" });
    let report = "POST /workspaces/{workspace}/reports";
    assert_eq!(world.status(report, &["space"], service.clone()).await, 200);
    run(&mut file.connect().await, "PRAGMA foreign_keys = OFF; DROP TABLE workspaces").await;
    assert_unavailable(world.ask(report, &["space"], service).await);
}

#[tokio::test]
async fn a_row_that_does_not_decode_is_an_outage() {
    let (world, file) = world("damaged-row").await;
    let damage = "DROP VIEW project_rows; CREATE VIEW project_rows AS SELECT *, '[' AS collaborators FROM projects";
    run(&mut file.connect().await, damage).await;
    assert_unavailable(world.ask(GET, &["apollo"], ada()).await);
}

#[tokio::test]
async fn a_file_that_is_overwritten_is_an_outage() {
    let (world, file) = world("overwritten").await;
    std::fs::write(file.path(), "no database".repeat(10_000)).unwrap();
    assert_unavailable(world.ask(GET, &["apollo"], ada()).await);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_no_empty_one() {
    let folder = DatabaseFile::new("no-such-folder");
    let missing = format!("{}/projects.db", folder.url());
    assert!(matches!(Store::open(&missing).await, Err(StoreError::Database(_))));
    let file = DatabaseFile::new("locked-at-start");
    drop(Store::open(&file.url()).await.unwrap());
    let mut other = file.connect().await;
    run(&mut other, "BEGIN EXCLUSIVE").await;
    assert!(Store::open(&file.url()).await.is_err());
}

#[tokio::test]
async fn nobody_is_denied_for_good_during_an_outage() {
    let (world, file) = world("not-found").await;
    run(&mut file.connect().await, "DROP VIEW project_rows").await;
    // Not 404: whether there is such a project is not known.
    for id in ["apollo", "nowhere"] {
        assert_unavailable(world.ask(GET, &[id], ada()).await);
    }
    let none: Value = json!({ "sub": "ada", "scope": "" });
    assert_eq!(world.status(GET, &["apollo"], none).await, 403, "denied before the project is loaded");
}
