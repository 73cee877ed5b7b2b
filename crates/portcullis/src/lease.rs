//! How long an answer may go on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::admission::Admission;
use crate::directory::BoxFuture;

/// For how long what was let in may go on: until the credential expires or is revoked.
///
/// A request is decided once, when it begins. An answer that lasts (server-sent events, a WebSocket, a stream of gRPC) would
/// outlive the token, so it holds a lease and ends with it. On a public route without a token, a lease does not end.
///
/// It ends when the token would no longer be accepted with a new request, and at the latest one second after a revocation is known to the gate; a store of
/// revocations that cannot tell ends it too.
///
/// ```
/// use portcullis::{Ended, Lease};
///
/// # trait Socket { async fn next(&mut self) -> Option<String>; async fn close(self, code: u16); }
/// // A WebSocket: whichever comes first.
/// async fn chat(mut socket: impl Socket, lease: Lease) {
///     loop {
///         tokio::select! {
///             message = socket.next() => match message {
///                 Some(message) => drop(message),
///                 None => return,
///             },
///             Ended::Expired | Ended::Revoked = lease.ended() => return socket.close(1008).await,
///         }
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Lease {
    admission: Admission,
}

impl Lease {
    pub(crate) fn new(admission: Admission) -> Self {
        Self { admission }
    }

    /// Waits until the credential is no longer good.
    pub async fn ended(&self) -> Ended {
        loop {
            match self.admission.standing() {
                Standing::Good { left } => tokio::time::sleep(left.min(LOOK)).await,
                Standing::Over(ended) => return ended,
            }
        }
    }

    /// Passes on what `stream` yields, and ends when the credential does.
    ///
    /// The items of a stream that must tell its reader why it ends are `Ok`, and [`Lease::ended`] tells why.
    pub fn limit<S>(self, stream: S) -> Leased<S> {
        Leased { stream: Some(Box::pin(stream)), ended: Box::pin(async move { self.ended().await }) }
    }
}

/// Why a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an answer has to say which")]
pub enum Ended {
    /// The token expired.
    Expired,
    /// The token was revoked.
    Revoked,
    /// Nobody can tell whether the token was revoked.
    Unknown,
}

/// How a credential stands, some time after its request began.
pub(crate) enum Standing {
    /// It is good, for at most this long.
    Good {
        left: Duration,
    },
    Over(Ended),
}

/// A stream that ends with a [`Lease`].
#[must_use = "streams do nothing unless polled"]
pub struct Leased<S> {
    /// `None` once it has ended, so that what it holds is let go.
    stream: Option<Pin<Box<S>>>,
    ended: BoxFuture<'static, Ended>,
}

impl<S: Stream> Stream for Leased<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(None);
        };
        let next = stream.as_mut().poll_next(cx);
        // Asked last, so that whatever wakes it is set; asked always, so that a stream that is never idle ends too.
        if self.ended.as_mut().poll(cx).is_ready() {
            self.stream = None;
            return Poll::Ready(None);
        }
        if let Poll::Ready(None) = next {
            self.stream = None;
        }
        next
    }
}

impl<S> std::fmt::Debug for Leased<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leased").field("over", &self.stream.is_none()).finish_non_exhaustive()
    }
}

/// How often it is asked whether the credential was revoked, and what time it is.
const LOOK: Duration = Duration::from_secs(1);
