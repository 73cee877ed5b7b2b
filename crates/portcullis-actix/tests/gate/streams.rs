//! Answers that last.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, Responder};
use futures_core::Stream;
use portcullis_actix::{Authz, Clock, GateExt, Permit, UnixTime};
use serde_json::json;
use tokio::time::{Instant, Interval, interval};

use crate::service::{NOW, Service};

/// Runs with the paused clock of tokio.
#[derive(Debug)]
struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW).unwrap().plus(self.0.elapsed())
    }
}

/// Sends an event once a second for ever.
struct Events(Interval);

impl Stream for Events {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(Bytes::from_static(b"data: tick\n\n"))))
    }
}

async fn events(_: Permit, authz: Authz) -> impl Responder {
    let events = Events(interval(Duration::from_secs(1)));
    HttpResponse::Ok().content_type("text/event-stream").streaming(authz.lease().limit(events))
}

#[tokio::test(start_paused = true)]
async fn server_sent_events_end_when_the_token_would_no_longer_be_accepted() {
    // GEN-02: `exp` is 600 seconds ahead, and 30 seconds are for clocks that differ.
    let start = Instant::now();
    let service = Service::with_gate(|gate| gate.clock(Virtual(start)));
    let app = |config: &mut web::ServiceConfig| {
        config.service(service.gate.protect(web::resource("/projects/{id}").route(web::get().to(events))));
    };
    let reply = service.ask_of(app, "GET", "/projects/p", &json!({})).await;
    assert_eq!((reply.status, reply.field("content-type")), (200, "text/event-stream"));
    assert_eq!((reply.body.matches("data: tick").count(), start.elapsed().as_secs()), (630, 630));
}
