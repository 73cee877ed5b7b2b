//! Streams that do not outlive the token by which they were let in.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body as HttpBody, Frame, SizeHint};
use portcullis::{Admission, Answer, Ended};
use tonic::Status;
use tonic::body::Body;

use crate::protocol::forgotten;
use crate::rejection::Rejection;

/// How far the client's part of a call has come.
#[derive(Debug, Clone)]
pub(crate) struct Sending(Arc<Mutex<Part>>);

#[derive(Debug, Clone, Copy)]
enum Part {
    /// The client may still send.
    Open,
    /// It has sent everything.
    Complete,
    /// Its credential ceased to be good before.
    Cut(Ended),
}

impl Sending {
    pub(crate) fn of(request: &Request<Body>) -> Self {
        let part = if request.body().is_end_stream() { Part::Complete } else { Part::Open };
        Self(Arc::new(Mutex::new(part)))
    }

    /// Why nothing of the handler counts that comes now: it has seen only a part of what was sent.
    pub(crate) fn cut(&self) -> Option<Ended> {
        match *self.part() {
            Part::Cut(ended) => Some(ended),
            Part::Open | Part::Complete => None,
        }
    }

    /// Resolves when the credential of `admission` is no longer good before the client has sent everything.
    pub(crate) async fn outlives(&self, admission: &Admission) -> Ended {
        let ended = admission.lease().ended().await;
        let complete = matches!(*self.part(), Part::Complete);
        if complete { std::future::pending().await } else { ended }
    }

    /// It is a plain value, so that it is whole whatever panicked.
    fn part(&self) -> MutexGuard<'_, Part> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves when the credential of a request is no longer good.
type Over = Pin<Box<dyn Future<Output = Ended> + Send>>;

fn over(admission: &Admission) -> Over {
    let lease = admission.lease();
    Box::pin(async move { lease.ended().await })
}

/// What a body yields.
pub(crate) type Polled = Poll<Option<Result<Frame<Bytes>, Status>>>;

/// What the client sends. The handler reads an error once the token is not good any more.
pub(crate) struct Inbound {
    /// `None` when nothing more is read.
    body: Option<Body>,
    admission: Admission,
    over: Over,
    sending: Sending,
}

impl Inbound {
    pub(crate) fn new(body: Body, admission: Admission, sending: Sending) -> Self {
        Self { body: Some(body), over: over(&admission), admission, sending }
    }
}

impl HttpBody for Inbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(&mut *body).poll_frame(cx);
        if body.is_end_stream() || matches!(polled, Poll::Ready(None)) {
            *this.sending.part() = Part::Complete;
            return polled;
        }
        match this.over.as_mut().poll(cx) {
            Poll::Ready(ended) => {
                this.body = None;
                *this.sending.part() = Part::Cut(ended);
                Poll::Ready(Some(Err(Rejection::from(this.admission.outlived(ended)).into())))
            }
            Poll::Pending => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// What the handler answers. No message leaves before something was allowed, nor after the token has ceased to be good.
pub(crate) struct Outbound {
    /// `None` when nothing more is sent.
    body: Option<Body>,
    /// What the body has yielded already; `Pending` if nothing.
    first: Polled,
    admission: Admission,
    over: Over,
}

impl Outbound {
    pub(crate) fn new(body: Body, first: Polled, admission: Admission) -> Self {
        Self { body: Some(body), first, over: over(&admission), admission }
    }

    /// The last frame: what the handler says in the end, unless it says success and nothing was allowed.
    fn end(&mut self, trailers: HeaderMap) -> Polled {
        self.body = None;
        match self.admission.conclude_grpc(code(&trailers)) {
            Some(answer) => refused(answer),
            None => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
        }
    }

    fn message(&mut self, frame: Frame<Bytes>) -> Polled {
        match forgotten(&self.admission) {
            Some(answer) => {
                self.body = None;
                refused(answer)
            }
            None => Poll::Ready(Some(Ok(frame))),
        }
    }

    fn outlived(&mut self, ended: Ended) -> Polled {
        let status = Status::from(Rejection::from(self.admission.outlived(ended)));
        let _logged = self.admission.conclude_grpc(status.code() as i32);
        self.body = None;
        trailers(&status)
    }
}

impl HttpBody for Outbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        // What was there with the head is sent: it may be the whole answer to a request that was allowed.
        let held = std::mem::replace(&mut this.first, Poll::Pending);
        let late = held.is_pending();
        let polled = if late { Pin::new(body).poll_frame(cx) } else { held };
        match polled {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() && late => match this.over.as_mut().poll(cx) {
                Poll::Ready(ended) => this.outlived(ended),
                Poll::Pending => this.message(frame),
            },
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => this.message(frame),
            Poll::Ready(Some(Ok(frame))) => this.end(frame.into_trailers().unwrap_or_default()),
            Poll::Ready(Some(Err(status))) => {
                this.body = None;
                let _logged = this.admission.conclude_grpc(status.code() as i32);
                Poll::Ready(Some(Err(status)))
            }
            Poll::Ready(None) => this.end(HeaderMap::new()),
            Poll::Pending => match this.over.as_mut().poll(cx) {
                Poll::Ready(ended) => this.outlived(ended),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }
}

/// The code in `fields`. Where there is none that can be read, the handler claims success until it is shown otherwise.
pub(crate) fn code(fields: &HeaderMap) -> i32 {
    let code = fields.get(Status::GRPC_STATUS).and_then(|code| code.to_str().ok());
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn refused(answer: Answer) -> Polled {
    trailers(&Rejection::from(answer).into())
}

fn trailers(status: &Status) -> Polled {
    let mut trailers = HeaderMap::new();
    match status.add_header(&mut trailers) {
        Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
        Err(status) => Poll::Ready(Some(Err(status))),
    }
}
