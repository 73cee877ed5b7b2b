//! Reads the service's own log: which layer denied, and what would help, stand there and nowhere on the wire.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// What the gate logged of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) layers: Option<String>,
    pub(crate) remedy: Option<String>,
    pub(crate) reason: Option<String>,
}

/// Keeps the entry of the last request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Entry>>);

impl Log {
    pub(crate) fn take(&self) -> Entry {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "portcullis" {
            let mut entry = Entry::default();
            event.record(&mut entry);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = entry;
        }
    }
}

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        match field.name() {
            // `[Consent, Roles]`
            "layers" => self.layers = Some(value.trim_matches(['[', ']']).to_lowercase()),
            "remedy" => self.remedy = Some(value),
            "reason" => self.reason = Some(value.trim_matches('"').to_owned()),
            _ => {}
        }
    }
}
