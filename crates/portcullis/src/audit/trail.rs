//! What becomes the record of one request, while it is on its way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use portcullis_core::{Bundle, Caller, Explanation, RecordedCaller, RecordedQuestion, Request, Session, UnixTime};

use super::Audit;
use super::chain::{kind, sha256};
use super::class::AuditClass;
use super::log::NoPlace;
use super::queue::Place;
use super::record::{Decided, Entry, LimitState, ListCounts, Record};
use super::trace::TraceId;
use crate::head::RequestHead;
use crate::observe::Event;

/// What is known of a request so far, shared by all who have to do with it. Empty if there is no log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    audit: Arc<Audit>,
    started: Instant,
    trace: Option<TraceId>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<String>,
    /// One for each log; `None` where there was no place.
    places: Option<Vec<Option<Place>>>,
    decisions: Vec<Decided>,
    further: BTreeMap<String, u64>,
    /// What of the record a later line needs, once it was written.
    written: Option<Arc<Record>>,
}

impl Trail {
    /// The trail of the request with the head `head`.
    pub(crate) fn begin(audit: Option<&Arc<Audit>>, head: &RequestHead<'_>) -> Self {
        Self(audit.map(|audit| {
            Arc::new(Inner {
                audit: Arc::clone(audit),
                started: Instant::now(),
                trace: TraceId::of(head.headers()),
                state: Mutex::default(),
            })
        }))
    }

    /// The request shows `token`, of which nothing but a hash is kept.
    pub(crate) fn presents(&self, token: &str) {
        if let Some(inner) = &self.0 {
            inner.state().token = Some(sha256(token.as_bytes()));
        }
    }

    /// Takes a place for the record of a request of `caller`, which is to be let in.
    ///
    /// # Errors
    ///
    /// If it must not be, as there would be no record.
    pub(crate) fn admit(&self, caller: Option<&Caller>) -> Result<(), NoPlace> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let (class, delegated) = (AuditClass::of(caller), caller.is_some_and(|caller| caller.actor().is_some()));
        let places =
            inner.audit.logs.iter().map(|log| if log.keeps(class, delegated) { log.admit(class) } else { Ok(None) });
        let places = places.collect::<Result<Vec<_>, _>>()?;
        inner.state().places = Some(places);
        Ok(())
    }

    /// Adds what the engine said of `request`.
    pub(crate) fn decided(&self, bundle: &Bundle, request: &Request<'_>, explanation: &Explanation) {
        self.add(explanation, || RecordedQuestion::of(bundle, request));
    }

    /// Adds that the engine denied `action` before its resource was known.
    pub(crate) fn denied_early(&self, action: &str, now: UnixTime, explanation: &Explanation) {
        self.add(explanation, || RecordedQuestion::early(action, now));
    }

    /// Adds what became of the items of a list.
    pub(crate) fn listed(&self, list: ListCounts) {
        if let Some(inner) = &self.0 {
            inner.state().push("list", || Decided::Many { list });
        }
    }

    fn add(&self, explanation: &Explanation, question: impl FnOnce() -> RecordedQuestion) {
        if let Some(inner) = &self.0 {
            let answer = explanation.decision();
            let answer = if answer.is_allow() { "allow" } else { "deny" };
            inner.state().push(answer, || Decided::One { question: question(), answer: explanation.into() });
        }
    }

    /// Writes the record of the request, which `event` ends.
    pub(crate) fn write(&self, event: &Event<'_>) {
        let Some(inner) = &self.0 else { return };
        let mut state = inner.state();
        if state.written.is_some() {
            return;
        }
        let record = Arc::new(inner.record(&mut state, event));
        state.written = Some(Arc::clone(&record));
        let places = state.places.take();
        drop(state);
        inner.audit.put(
            kind::REQUEST,
            &record,
            caller_of(event).is_some_and(|caller| caller.actor().is_some()),
            places,
        );
    }

    /// Writes what was decided after the record was written: while an answer that lasts went on.
    pub(crate) fn close(&self, session: Option<&Session>) {
        let Some(inner) = &self.0 else { return };
        let mut state = inner.state();
        let Some(written) = state.written.clone() else { return };
        let (decisions, further) = (std::mem::take(&mut state.decisions), std::mem::take(&mut state.further));
        drop(state);
        if decisions.is_empty() {
            return;
        }
        let latency_us = inner.latency();
        let record = Arc::new(Record { decisions, further, latency_us, limits: Vec::new(), ..(*written).clone() });
        let delegated = session.is_some_and(|session| session.caller().actor().is_some());
        inner.audit.put(kind::LATER, &record, delegated, None);
    }
}

impl Inner {
    fn record(&self, state: &mut State, event: &Event<'_>) -> Record {
        let caller = event.session.map(RecordedCaller::of);
        let named = caller_of(event).is_some_and(|caller| caller.jti().is_some());
        Record {
            id: event.id.to_string(),
            time: event.now.to_string(),
            bundle: event.bundle.to_string(),
            class: AuditClass::of(caller_of(event)),
            method: event.method.as_str().to_owned(),
            route: event.route.map(str::to_owned),
            action: event.action.map(str::to_owned),
            outcome: event.decision().to_owned(),
            reason: event.reason(),
            status: event.http_status(),
            grpc_status: event.grpc_status(),
            caller,
            token_sha256: state.token.take().filter(|_| !named),
            decisions: std::mem::take(&mut state.decisions),
            further: std::mem::take(&mut state.further),
            limits: event.limits().map(|(name, left)| LimitState { name: name.to_owned(), left }).collect(),
            latency_us: self.latency(),
            trace_id: self.trace.map(|trace| trace.to_string()),
        }
    }

    fn latency(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Every change is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, answer: &str, decided: impl FnOnce() -> Decided) {
        if self.decisions.len() < MOST {
            self.decisions.push(decided());
        } else {
            *self.further.entry(answer.to_owned()).or_default() += 1;
        }
    }
}

impl Audit {
    /// Hands `record` to all logs that keep it, into `places` if some were taken for it.
    fn put(&self, kind: &'static str, record: &Arc<Record>, delegated: bool, places: Option<Vec<Option<Place>>>) {
        let mut places = places.map(Vec::into_iter);
        for log in &self.logs {
            let promised = places.as_mut().map(|places| places.next().flatten());
            if !log.keeps(record.class, delegated) {
                continue;
            }
            let entry = Entry { kind, record: Arc::clone(record) };
            match promised.flatten().or_else(|| log.place(record.class)) {
                Some(place) => place.put(entry),
                None => {}
            }
        }
    }
}

fn caller_of<'a>(event: &Event<'a>) -> Option<&'a Caller> {
    event.session.map(Session::caller)
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("decisions", &self.decisions.len()).finish_non_exhaustive()
    }
}

/// Decisions of one request that are written in full. How many there are can be up to the caller.
const MOST: usize = 100;
