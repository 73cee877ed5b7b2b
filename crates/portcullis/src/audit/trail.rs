//! What becomes the record of one request, while it is on its way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use portcullis_core::{
    Bundle, BundleHash, Caller, Explanation, PrincipalFacts, RecordedCaller, RecordedQuestion, Request, UnixTime,
};

use super::Audit;
use super::chain::{kind, sha256};
use super::class::AuditClass;
use super::log::NoPlace;
use super::queue::Place;
use super::record::{Decided, Entry, LimitState, ListCounts, Record};
use super::trace::TraceId;
use crate::decision_id::DecisionId;
use crate::head::{RequestHead, RouteMatch};
use crate::observe::Event;

/// What is known of a request so far, shared by all who have to do with it. Empty if there is no log.
///
/// Its record is written when the request ends, or when nobody has to do with it any more: the client went away before
/// anything was decided.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    audit: Arc<Audit>,
    started: Instant,
    begin: Begin,
    state: Mutex<State>,
}

/// What is known from the beginning.
#[derive(Debug)]
struct Begin {
    id: DecisionId,
    now: UnixTime,
    bundle: BundleHash,
    method: String,
    route: Option<String>,
    trace: Option<TraceId>,
}

#[derive(Default)]
struct State {
    token: Option<String>,
    sender: Sender,
    caller: Option<RecordedCaller>,
    /// One for each log; `None` where there was no place, or none was needed.
    places: Vec<Option<Place>>,
    decisions: Vec<Decided>,
    further: BTreeMap<String, u64>,
    /// What later lines repeat, once the record was written.
    written: Option<Arc<Record>>,
}

/// What logs want to know of the caller, to see whether they keep the record.
#[derive(Debug, Clone, Copy)]
struct Sender {
    class: AuditClass,
    /// Whether somebody acts for the subject.
    delegated: bool,
    /// Whether the token has an id.
    named: bool,
}

impl Trail {
    /// The trail of the request with the head `head`.
    pub(crate) fn begin(
        audit: Option<&Arc<Audit>>,
        head: &RequestHead<'_>,
        id: DecisionId,
        now: UnixTime,
        bundle: BundleHash,
    ) -> Self {
        Self(audit.map(|audit| {
            let method = head.method().as_str().to_owned();
            let route = head.route().map(|route| RouteMatch::pattern(route).to_owned());
            let begin = Begin { id, now, bundle, method, route, trace: TraceId::of(head.headers()) };
            Arc::new(Inner { audit: Arc::clone(audit), started: Instant::now(), begin, state: Mutex::default() })
        }))
    }

    /// Whether anything is recorded.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
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
    pub(crate) fn admit(&self, bundle: &Bundle, caller: Option<&Caller>) -> Result<(), NoPlace> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let sender = Sender::of(caller);
        let mut state = inner.state();
        state.sender = sender;
        state.caller = caller.map(|caller| RecordedCaller::of(bundle, caller));
        let logs = inner.audit.logs.iter();
        let place = logs.map(|log| if sender.is_kept_by(log) { log.admit(sender.class) } else { Ok(None) });
        state.places = place.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The application knows `known` of the subject.
    pub(crate) fn knows(&self, known: &PrincipalFacts) {
        if let Some(inner) = &self.0 {
            let mut state = inner.state();
            state.caller = state.caller.take().map(|caller| caller.with_known(known));
        }
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
            let answer = if explanation.decision().is_allow() { "allow" } else { "deny" };
            inner.state().push(answer, || Decided::One { question: Box::new(question()), answer: explanation.into() });
        }
    }

    /// Writes the record of the request, which `event` ends.
    pub(crate) fn write(&self, event: &Event<'_>) {
        let Some(inner) = &self.0 else { return };
        let mut state = inner.state();
        if state.written.is_some() {
            return;
        }
        let record = Record {
            route: event.route.map(str::to_owned),
            action: event.action.map(str::to_owned),
            outcome: event.decision().to_owned(),
            reason: event.reason(),
            status: event.http_status(),
            grpc_status: event.grpc_status(),
            limits: event.limits().map(|(name, left)| LimitState { name: name.to_owned(), left }).collect(),
            ..inner.record(&mut state)
        };
        inner.put(&mut state, kind::REQUEST, record);
    }
}

impl Inner {
    /// What is known of the request whatever becomes of it.
    fn record(&self, state: &mut State) -> Record {
        let Begin { id, now, bundle, method, route, trace } = &self.begin;
        let Sender { class, named, .. } = state.sender;
        Record {
            id: id.to_string(),
            time: now.to_string(),
            bundle: bundle.to_string(),
            class,
            method: method.clone(),
            route: route.clone(),
            action: None,
            outcome: "undecided".to_owned(),
            reason: None,
            status: None,
            grpc_status: None,
            caller: state.caller.take(),
            token_sha256: state.token.take().filter(|_| !named),
            decisions: std::mem::take(&mut state.decisions),
            further: std::mem::take(&mut state.further),
            limits: Vec::new(),
            latency_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            trace_id: trace.map(|trace| trace.to_string()),
        }
    }

    /// Hands `record` to all logs that keep it, into the places that were taken for it.
    fn put(&self, state: &mut State, kind: &'static str, record: Record) {
        let mut places = std::mem::take(&mut state.places).into_iter();
        let shared = Arc::new(record);
        for log in &self.audit.logs {
            let promised = places.next().flatten();
            if !state.sender.is_kept_by(log) {
                continue;
            }
            if let Some(place) = promised.or_else(|| log.place(shared.class)) {
                place.put(Entry { kind, record: Arc::clone(&shared) });
            }
        }
        state.written = Some(shared);
    }

    /// Every change is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing more is decided. What was decided after the record was written, while an answer that lasts went on, is written now;
/// and a request that nobody ended has its record.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut state = std::mem::take(&mut *self.state());
        let late = self.record(&mut state);
        match state.written.take() {
            None => {
                let reason = Some("the request was given up before it was decided".to_owned());
                self.put(&mut state, kind::REQUEST, Record { reason, ..late });
            }
            Some(written) if !late.decisions.is_empty() => {
                let Record { decisions, further, latency_us, .. } = late;
                let record = Record { decisions, further, latency_us, limits: Vec::new(), ..(*written).clone() };
                self.put(&mut state, kind::LATER, record);
            }
            Some(_) => {}
        }
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

impl Sender {
    fn of(caller: Option<&Caller>) -> Self {
        Self {
            class: AuditClass::of(caller),
            delegated: caller.is_some_and(|caller| caller.actor().is_some()),
            named: caller.is_some_and(|caller| caller.jti().is_some()),
        }
    }

    fn is_kept_by(self, log: &super::log::OpenLog) -> bool {
        log.keeps(self.class, self.delegated)
    }
}

impl Default for Sender {
    fn default() -> Self {
        Self::of(None)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// Decisions of one request that are written in full. How many there are can be up to the caller.
const MOST: usize = 100;
