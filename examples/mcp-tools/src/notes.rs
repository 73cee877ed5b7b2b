//! What the tools work on. Every function that touches a notebook wants the proof that it may.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_axum::{Permit, Resource};
use serde::Serialize;

/// The notes of one person: everybody has a notebook, and most are empty.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Notebook {
    pub(crate) owner: String,
    readers: BTreeSet<String>,
}

impl Resource for Notebook {
    const TYPE: &'static str = "Notebook";

    fn id(&self) -> Cow<'_, str> {
        self.owner.as_str().into()
    }
}

/// All notebooks, in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    /// By owner and title.
    notes: BTreeMap<(String, String), String>,
    readers: BTreeMap<String, BTreeSet<String>>,
}

impl Notes {
    /// Ada has a note, and lets Bob read it.
    pub(crate) fn with_sample_data() -> Self {
        let notes = Self::default();
        let mut content = notes.content();
        content.notes.insert(("ada".into(), "engine".into()), "It weaves algebraic patterns.".into());
        content.readers.insert("ada".into(), ["bob".to_owned()].into());
        drop(content);
        notes
    }

    /// The notebook of `owner`, to be decided about.
    pub(crate) fn notebook(&self, owner: &str) -> Notebook {
        let readers = self.content().readers.get(owner).cloned().unwrap_or_default();
        Notebook { owner: owner.to_owned(), readers }
    }

    pub(crate) fn titles(&self, _: &Permit, notebook: &Notebook) -> Vec<String> {
        let content = self.content();
        let own = content.notes.keys().filter(|(owner, _)| *owner == notebook.owner);
        own.map(|(_, title)| title.clone()).collect()
    }

    pub(crate) fn read(&self, _: &Permit, notebook: &Notebook, title: &str) -> Option<String> {
        self.content().notes.get(&(notebook.owner.clone(), title.to_owned())).cloned()
    }

    pub(crate) fn write(&self, _: &Permit, notebook: &Notebook, title: &str, text: &str) {
        self.content().notes.insert((notebook.owner.clone(), title.to_owned()), text.to_owned());
    }

    pub(crate) fn delete(&self, _: &Permit, notebook: &Notebook, title: &str) -> bool {
        self.content().notes.remove(&(notebook.owner.clone(), title.to_owned())).is_some()
    }

    pub(crate) fn export(&self, _: &Permit, notebook: &Notebook) -> String {
        let content = self.content();
        let own = content.notes.iter().filter(|((owner, _), _)| *owner == notebook.owner);
        own.map(|((_, title), text)| format!("# {title}\n\n{text}\n")).collect()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
