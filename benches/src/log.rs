//! A log that can be switched while a service runs: each event is written as text, and thrown away.

use std::fmt::{Debug, Write as _};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Metadata};

/// Sets the log of this process. It is off.
///
/// # Panics
///
/// If there is another one.
pub fn install() {
    crate::must(tracing::subscriber::set_global_default(Switched));
}

/// Switches the log on or off.
pub fn set(is_on: bool) {
    IS_ON.store(is_on, Ordering::Relaxed);
}

static IS_ON: AtomicBool = AtomicBool::new(false);

struct Switched;

impl Subscriber for Switched {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        IS_ON.load(Ordering::Relaxed) && metadata.target() == "portcullis"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        black_box(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
