//! Everything that is logged while a request is served: all levels, all targets, events and spans.

use std::cell::RefCell;
use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what is logged by thread: every test runs on one of its own. Set for the whole process, because what one thread
/// finds disabled stays disabled for all.
pub(crate) struct Log;

impl Log {
    pub(crate) fn start() -> Self {
        // Fails for all but the first.
        let _ = tracing::subscriber::set_global_default(Self);
        LINES.take();
        Self
    }

    pub(crate) fn take(&self) -> Vec<String> {
        LINES.take()
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Each field is a line.
struct Line;

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        LINES.with_borrow_mut(|lines| lines.push(format!("{}={value:?}", field.name())));
    }
}
