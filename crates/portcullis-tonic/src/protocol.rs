use std::pin::Pin;
use std::task::Poll;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Body as _;
use portcullis::{Admission, Answer};
use portcullis_tower::Protocol;
use tonic::body::Body;
use tower_service::Service;

use crate::rejection::status;
use crate::stream::{Inbound, Outbound, Polled, Sending, code};

/// gRPC over HTTP/2: success is told by the last frame of an answer, and what is refused is a status without messages.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct Grpc;

impl Protocol<Body, Body> for Grpc {
    /// "Trailers-Only": HTTP status 200, and the status of gRPC in the only block of header fields.
    fn refuse(answer: Answer) -> Response<Body> {
        match answer.grpc() {
            Some(grpc) => status(&grpc).into_http(),
            None => answer.into_response::<String>().map(Body::new),
        }
    }

    async fn exchange<S>(
        admission: Admission,
        request: Request<Body>,
        mut service: S,
    ) -> Result<Response<Body>, S::Error>
    where
        S: Service<Request<Body>, Response = Response<Body>> + Send,
        S::Future: Send,
    {
        let sending = Sending::of(&request);
        let inbound = |body| Body::new(Inbound::new(body, admission.clone(), sending.clone()));
        let call = service.call(request.map(inbound));
        // Who has sent all of a request that was allowed gets its answer, even if the token expires meanwhile.
        let response = tokio::select! {
            biased;
            response = call => sending.cut().map_or(Ok(response?), Err),
            ended = sending.outlives(&admission) => Err(ended),
        };
        match response {
            Ok(response) => Ok(answer(admission, response).await),
            Err(ended) => {
                let refused = Self::refuse(admission.outlived(ended));
                let _logged = admission.conclude_grpc(code(refused.headers()));
                Ok(refused)
            }
        }
    }
}

/// The answer of a handler, as far as the caller may have it.
async fn answer(admission: Admission, response: Response<Body>) -> Response<Body> {
    let (mut head, mut body) = response.into_parts();
    if head.headers.contains_key(tonic::Status::GRPC_STATUS) {
        return match admission.conclude_grpc(code(&head.headers)) {
            Some(answer) => Grpc::refuse(answer),
            None => Response::from_parts(with_fields(head, &admission), body),
        };
    }
    // The only message of a unary answer is there already. A stream may begin later.
    let first = ready(&mut body).await;
    let message = matches!(&first, Poll::Ready(Some(Ok(frame))) if frame.is_data());
    if message && let Some(answer) = forgotten(&admission) {
        return Grpc::refuse(answer);
    }
    if !admission.may_succeed() {
        // A stream may decide later. Until then its metadata are withheld as its messages are.
        head.headers = essential(&head.headers);
    }
    let head = with_fields(head, &admission);
    Response::from_parts(head, Body::new(Outbound::new(body, first, admission)))
}

/// The answer instead of a message that nothing allows.
pub(crate) fn forgotten(admission: &Admission) -> Option<Answer> {
    if admission.may_succeed() { None } else { admission.conclude_grpc(0) }
}

/// The first frame, if it is there.
async fn ready(body: &mut Body) -> Polled {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx))).await
}

/// The fields without which a client cannot read what follows.
fn essential(headers: &HeaderMap) -> HeaderMap {
    let kept = [CONTENT_TYPE, HeaderName::from_static("grpc-encoding")];
    kept.into_iter().filter_map(|name| Some((name.clone(), headers.get(&name)?.clone()))).collect()
}

/// With a nonce (RFC 9449 §8.2), and with what is left of limits, which must not be said in trailers.
fn with_fields(mut head: http::response::Parts, admission: &Admission) -> http::response::Parts {
    for (name, value) in admission.rate_limit_fields() {
        head.headers.extend(HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
    if let Some(nonce) = admission.next_nonce().and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
        head.headers.insert("dpop-nonce", nonce);
    }
    head
}
