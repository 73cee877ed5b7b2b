//! An API for notes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use portcullis_axum::{Authz, Gate, GateExt, Permit, Rejection, Resource};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = Gate::from_dir("policies")?.build()?;
    let app = gate
        .router()
        .action("GetNote", get_note)
        .action("WriteNote", write_note)
        .action("ArchiveNote", archive_note)
        .action("DeleteNote", delete_note)
        .action("Health", health)
        .build()?
        .with_state(Notes::with_one());
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("notes at http://{}", listener.local_addr()?);
    axum::serve(listener, app.into_make_service()).await?;
    Ok(())
}

async fn get_note(authz: Authz, Path(id): Path<String>, State(notes): State<Notes>) -> Result<Json<Note>, Rejection> {
    let (_, note) = authz.load(|| notes.find(&id)).await?.into_parts();
    Ok(Json(note))
}

#[derive(Deserialize)]
struct Change {
    text: String,
}

async fn write_note(
    authz: Authz,
    Path(id): Path<String>,
    State(notes): State<Notes>,
    Json(change): Json<Change>,
) -> Result<Json<Note>, Rejection> {
    let (permit, mut note) = authz.load(|| notes.find(&id)).await?.into_parts();
    note.text = change.text;
    notes.save(&permit, note.clone()).await;
    Ok(Json(note))
}

async fn archive_note(
    authz: Authz,
    Path(id): Path<String>,
    State(notes): State<Notes>,
) -> Result<Json<Note>, Rejection> {
    let (permit, mut note) = authz.load(|| notes.find(&id)).await?.into_parts();
    note.archived = true;
    notes.save(&permit, note.clone()).await;
    Ok(Json(note))
}

async fn delete_note(authz: Authz, Path(id): Path<String>, State(notes): State<Notes>) -> Result<String, Rejection> {
    let (permit, note) = authz.load(|| notes.find(&id)).await?.into_parts();
    notes.delete(&permit, &note).await;
    Ok(format!("deleted {}\n", note.id))
}

async fn health() -> &'static str {
    "ok\n"
}

/// What is stored. Policies see of it what the schema declares: the owner.
#[derive(Clone, Serialize)]
struct Note {
    id: String,
    owner: String,
    text: String,
    archived: bool,
}

impl Resource for Note {
    const TYPE: &'static str = "Note";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

/// A database, for the sake of the tutorial.
#[derive(Clone)]
struct Notes(Arc<Mutex<HashMap<String, Note>>>);

impl Notes {
    fn with_one() -> Self {
        let note = Note { id: "n1".into(), owner: "olga".into(), text: "Buy milk".into(), archived: false };
        Self(Arc::new(Mutex::new(HashMap::from([(note.id.clone(), note)]))))
    }

    async fn find(&self, id: &str) -> Result<Option<Note>, Infallible> {
        Ok(self.0.lock().await.get(id).cloned())
    }

    // Whoever changes something has a permit: it cannot be forgotten to ask for one.

    async fn save(&self, _: &Permit, note: Note) {
        self.0.lock().await.insert(note.id.clone(), note);
    }

    async fn delete(&self, _: &Permit, note: &Note) {
        self.0.lock().await.remove(&note.id);
    }
}
