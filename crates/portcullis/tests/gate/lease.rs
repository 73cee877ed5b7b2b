//! Answers that last.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use portcullis::{Clock, Ended, RevocationList, Revocations, RevocationsUnavailable, Target, UnixTime};
use portcullis_token::Presented;
use serde_json::json;
use tokio::time::{Instant, Interval, interval};

use crate::library::Library;
use crate::service::NOW;

/// Runs with the paused clock of tokio.
#[derive(Debug, Clone, Copy)]
struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW).unwrap().plus(self.0.elapsed())
    }
}

/// Yields once a second for ever.
struct Ticks(Interval);

impl Stream for Ticks {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.0.poll_tick(cx).map(|_| Some(()))
    }
}

fn ticks() -> Ticks {
    Ticks(interval(Duration::from_secs(1)))
}

async fn count<S: Stream>(stream: S) -> usize {
    let mut stream = Box::pin(stream);
    let mut count = 0;
    while std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_some() {
        count += 1;
    }
    count
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_token_would_no_longer_be_accepted() {
    // GEN-02: `exp` is 600 seconds ahead, and 30 seconds are for clocks that differ.
    let (start, clock) = (Instant::now(), Virtual(Instant::now()));
    let admission = Library::new(clock, |gate| gate).open("GET /shelf", &json!({})).await.unwrap();
    assert_eq!(count(admission.lease().limit(ticks())).await, 630);
    assert_eq!((start.elapsed().as_secs(), admission.lease().ended().await), (630, Ended::Expired));
    // A stream that ends by itself, and one that is never idle.
    let admission = Library::new(Virtual(Instant::now()), |gate| gate).open("GET /shelf", &json!({})).await.unwrap();
    assert_eq!(count(admission.lease().limit(Once(true))).await, 1);
    tokio::time::advance(Duration::from_secs(631)).await;
    assert_eq!(count(admission.lease().limit(Busy)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_within_a_second_of_a_revocation() {
    let revoked = Arc::new(RevocationList::new(NonZeroUsize::MIN));
    let library = Library::new(Virtual(Instant::now()), |gate| gate.revocations(Arc::clone(&revoked)));
    let admission = library.open("GET /shelf", &json!({})).await.unwrap();
    let lease = admission.lease();
    let stream = tokio::spawn(count(lease.clone().limit(ticks())));
    tokio::time::sleep(Duration::from_millis(10_500)).await;
    let (now, until) = (UnixTime::from_secs(NOW + 10).unwrap(), UnixTime::from_secs(NOW + 900).unwrap());
    revoked.revoke(Target::Token { source: "main".into(), id: "t1".into() }, until, now).unwrap();
    let at = Instant::now();
    assert_eq!((stream.await.unwrap(), lease.ended().await), (11, Ended::Revoked));
    assert!(at.elapsed() <= Duration::from_secs(1), "{:?}", at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_store_of_revocations_that_is_lost_ends_streams() {
    // GEN-01
    #[derive(Debug)]
    struct Failing(Instant);
    impl Revocations for Failing {
        fn is_revoked(&self, _: &Presented<'_>, _: UnixTime) -> Result<bool, RevocationsUnavailable> {
            if self.0.elapsed() < Duration::from_secs(5) {
                return Ok(false);
            }
            Err(RevocationsUnavailable { reason: "lost".to_owned(), retry_after: Duration::from_secs(1) })
        }
    }
    let now = Instant::now();
    let library = Library::new(Virtual(now), |gate| gate.revocations(Failing(now)));
    let admission = library.open("GET /shelf", &json!({})).await.unwrap();
    assert_eq!(count(admission.lease().limit(ticks())).await, 5);
}

struct Once(bool);

impl Stream for Once {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        Poll::Ready(std::mem::take(&mut self.0).then_some(()))
    }
}

struct Busy;

impl Stream for Busy {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        Poll::Ready(Some(()))
    }
}
