//! Answers that last: they end with the token.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_core::Stream;
use portcullis_axum::{Authz, Clock, GateExt, Leased, UnixTime};
use serde_json::json;
use tokio::time::{Instant, Interval, interval};

use crate::service::{NOW, ROLES, Service};

/// Runs with the paused clock of tokio.
#[derive(Debug)]
struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW).unwrap().plus(self.0.elapsed())
    }
}

/// An event each minute, for ever.
pub(crate) struct Minutes(Interval);

impl Stream for Minutes {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(Event::default().data("tick"))))
    }
}

pub(crate) async fn feed(authz: Authz) -> Sse<Leased<Minutes>> {
    Sse::new(authz.lease().limit(Minutes(interval(Duration::from_secs(60)))))
}

#[tokio::test(start_paused = true)]
async fn server_sent_events_end_when_the_token_expires() {
    let clock = Virtual(Instant::now());
    let options = |gate: portcullis_axum::GateBuilder| gate.clock(clock);
    let app = |gate: portcullis_axum::Gate| gate.protect(Router::new().route("/projects/{project}", get(feed)));
    let service = Service::with_options(ROLES, options, app);
    let begin = Instant::now();
    let reply = service.ask("GET", "/projects/p", &json!({ "exp": NOW + 600 })).await;
    // Ten minutes, and the tolerance for clocks that differ; without a lease it would never end.
    assert_eq!((reply.body.matches("data: tick").count(), begin.elapsed().as_secs()), (11, 630));
}
