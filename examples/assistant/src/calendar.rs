//! Calendars, of which agents may see a part.

use std::borrow::Cow;
use std::time::Duration;

use portcullis_axum::{Parents, Resource, UnixTime};
use serde::Serialize;

/// A person's calendar. Everybody has one, and most are empty.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Calendar {
    pub(crate) owner: String,
}

impl Resource for Calendar {
    const TYPE: &'static str = "Calendar";

    fn id(&self) -> Cow<'_, str> {
        self.owner.as_str().into()
    }
}

/// Something that takes place.
///
/// Its notes are in no answer of this service, which is how it discharges `redact:notes`: there is nobody who may see them yet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) title: String,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) private: bool,
}

impl Resource for Event {
    const TYPE: &'static str = "Event";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn parents(&self) -> Parents {
        [("Calendar", self.owner.as_str())].into()
    }
}

/// From when to when events are asked for: the facts of `ListEvents`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    from: UnixTime,
    to: UnixTime,
}

impl Window {
    /// The `days` from `now` on.
    pub(crate) fn of_days(now: UnixTime, days: u8) -> Self {
        Self { from: now, to: now.plus(DAY * u32::from(days)) }
    }

    pub(crate) fn facts(self) -> serde_json::Value {
        serde_json::json!({ "window": { "from": self.from.to_string(), "to": self.to.to_string() } })
    }

    /// Whether `event` begins in it. Times are in UTC and of one form, so they sort as texts.
    pub(crate) fn holds(self, event: &Event) -> bool {
        (self.from.to_string()..=self.to.to_string()).contains(&event.start)
    }
}

/// Ann's next two weeks.
pub(crate) fn sample(now: UnixTime) -> Vec<Event> {
    let event = |id: &str, title: &str, days: u32, private| {
        let start = now.plus(DAY * days).plus(HOUR);
        Event {
            id: id.to_owned(),
            owner: "ann".to_owned(),
            title: title.to_owned(),
            start: start.to_string(),
            end: start.plus(HOUR).to_string(),
            private,
        }
    };
    vec![
        event("lunch", "Lunch with Bob", 3, false),
        event("doctor", "Doctor", 4, true),
        event("review", "Review of the quarter", 9, false),
    ]
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
