//! Drafts and events, in memory. Functions that change something want the permit for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_axum::{Permit, UnixTime};
use uuid::Uuid;

use crate::calendar::{self, Event};
use crate::draft::{Content, Draft};
use crate::failure::Failure;

/// All drafts and events. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store(Arc<Data>);

#[derive(Debug)]
struct Data {
    drafts: Mutex<BTreeMap<String, Draft>>,
    events: Vec<Event>,
}

impl Store {
    pub(crate) fn with_sample_data(now: UnixTime) -> Self {
        Self(Arc::new(Data { drafts: Mutex::default(), events: calendar::sample(now) }))
    }

    pub(crate) fn draft(&self, id: &str) -> Option<Draft> {
        self.drafts().get(id).cloned()
    }

    /// Begins a draft of the person of `permit`, which is for `CreateDraft`.
    pub(crate) fn create(&self, permit: &Permit, content: Content) -> Result<Draft, Failure> {
        let (_, owner) = permit.resource();
        fits(permit, "CreateDraft", ("User", owner))?;
        let contacts = CONTACTS.iter().map(|address| (*address).to_owned()).collect();
        let id = Uuid::now_v7().to_string();
        let draft = Draft { id, owner: owner.to_owned(), contacts, content, version: 1 };
        let mut drafts = self.drafts();
        if drafts.values().filter(|other| other.owner == owner).count() >= MOST_DRAFTS {
            return Err(Failure::TooMany);
        }
        drafts.insert(draft.id.clone(), draft.clone());
        Ok(draft)
    }

    /// Gives `draft` another content, if it still is what `permit`, which is for `EditDraft`, was given for.
    pub(crate) fn edit(&self, permit: &Permit, draft: &Draft, content: Content) -> Result<Draft, Failure> {
        fits(permit, "EditDraft", ("Draft", &draft.id))?;
        let mut drafts = self.drafts();
        let current = drafts.get_mut(&draft.id).filter(|current| current.version == draft.version);
        let current = current.ok_or(Failure::Changed)?;
        current.content = content;
        current.version += 1;
        Ok(current.clone())
    }

    pub(crate) fn event(&self, id: &str) -> Option<Event> {
        self.0.events.iter().find(|event| event.id == id).cloned()
    }

    /// All events of `owner`, to be decided about one by one.
    pub(crate) fn events(&self, owner: &str) -> impl Iterator<Item = Event> {
        self.0.events.iter().filter(move |event| event.owner == owner).cloned()
    }

    fn drafts(&self) -> MutexGuard<'_, BTreeMap<String, Draft>> {
        self.0.drafts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a person's mail comes from.
pub(crate) fn address_of(person: &str) -> String {
    format!("{person}@example.com")
}

/// Refuses a permit that is for something else: a permit to write is none to send, and one for this draft is none for that.
pub(crate) fn fits(permit: &Permit, action: &str, resource: (&str, &str)) -> Result<(), Failure> {
    if permit.action() == action && permit.resource() == resource { Ok(()) } else { Err(Failure::OtherPermit) }
}

/// Whom everybody here has written to before.
const CONTACTS: &[&str] = &["bob@example.com", "carol@example.com"];

const MOST_DRAFTS: usize = 100;
