//! What Cedar needs to evaluate a condition. Heads alone decide most requests, so it is made when a condition asks for it.

use std::cell::OnceCell;
use std::sync::{Mutex, PoisonError};

use cedar_policy::{Context, Entities, Request, RestrictedExpression};

use super::Question;
use super::auth::auth;
use crate::bundle::Layer;
use crate::parties::Party;
use crate::time::UnixTime;

/// The store and the contexts of one question.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    // In boxes, so that a question is small where nothing of it is made.
    store: OnceCell<Box<Result<Entities, String>>>,
    contexts: [OnceCell<Box<Result<Context, String>>>; 2],
}

impl Scene {
    /// The scene of the same question under another standing, which no entity depends on.
    pub(super) fn with_other_standing(&self) -> Self {
        Self { store: self.store.clone(), ..Self::default() }
    }

    /// The scene of the same question under other scopes, which no policy sees.
    pub(super) fn with_other_scopes(&self) -> Self {
        Self { store: self.store.clone(), contexts: self.contexts.clone() }
    }

    /// The request that `layer` judges.
    pub(crate) fn request(
        &self,
        question: &Question<'_>,
        layer: Layer,
        principal: &Party,
    ) -> Result<(Request, &Entities), String> {
        let context = self.contexts.get(view(layer)).map_or_else(
            || context(question, layer),
            |made| Result::clone(made.get_or_init(|| Box::new(remembered(question, layer)))),
        )?;
        let (action, resource) = (question.action.uid.get().clone(), question.resource.name.uid().clone());
        // Without a schema: it is typed by construction, and to have Cedar check that again costs more than to decide.
        let request = Request::new(principal.uid().clone(), action, resource, context, None);
        Ok((request.map_err(|error| error.to_string())?, self.store(question)?))
    }

    /// The principals with their ancestors, the resource, and, if a condition asks for it, the action with its groups.
    /// Without them `in` is just false, and a `forbid` on a group would not apply.
    fn store(&self, question: &Question<'_>) -> Result<&Entities, String> {
        let make = || {
            let action = question.bundle.reads.action.then(|| question.action.entity.clone());
            let more = question.resource.entity().into_iter().chain(action);
            question.parties.store()?.clone().add_entities(more, None).map_err(|error| error.to_string())
        };
        Result::as_ref(self.store.get_or_init(|| Box::new(make()))).map_err(Clone::clone)
    }
}

/// The contexts of a session that was asked before in the same second: they are the same for all of its questions without
/// facts of the application.
#[derive(Debug, Default)]
pub(crate) struct ContextMemory(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    now: Option<UnixTime>,
    contexts: [Option<Context>; 2],
}

fn remembered(question: &Question<'_>, layer: Layer) -> Result<Context, String> {
    let Some(memory) = question.memory.filter(|_| question.facts.is_empty()) else {
        return context(question, layer);
    };
    // A panic while the lock is held cannot leave half a change behind: each is one assignment.
    let lock = || memory.0.lock().unwrap_or_else(PoisonError::into_inner);
    let known = lock();
    if known.now == Some(question.now)
        && let Some(context) = known.contexts.get(view(layer)).and_then(Option::as_ref)
    {
        return Ok(context.clone());
    }
    drop(known);
    let context = context(question, layer)?;
    let mut known = lock();
    if known.now != Some(question.now) {
        *known = Remembered { now: Some(question.now), ..Remembered::default() };
    }
    if let Some(place) = known.contexts.get_mut(view(layer)) {
        *place = Some(context.clone());
    }
    Ok(context)
}

/// What policies of `layer` read beside the entities. What no policy of the bundle reads is left out.
fn context(question: &Question<'_>, layer: Layer) -> Result<Context, String> {
    let reads = &question.bundle.reads;
    let mut pairs = question.facts.clone();
    if let Some(caller) = question.caller {
        pairs.push(("auth".to_owned(), auth(caller, question.parties, &question.standing, layer, reads)));
    }
    if reads.now {
        pairs.push(("now".to_owned(), RestrictedExpression::new_datetime(question.now.to_string())));
    }
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}

/// Ceilings see who acts, the other layers do not.
fn view(layer: Layer) -> usize {
    usize::from(layer == Layer::Ceilings)
}
