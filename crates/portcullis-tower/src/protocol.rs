use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue, Request, Response};
use portcullis::{Admission, Answer, Binding};
use tower_service::Service;

/// How a protocol over HTTP carries what the gate says. `B` is the body of a request, `A` that of a response.
pub trait Protocol<B, A>: Send + Sync + 'static {
    /// The response that is sent instead of calling the service.
    fn refuse(answer: Answer) -> Response<A>;

    /// Calls `service`, ready for `request`, which was let in as `admission`. It sees to it that no answer of success
    /// leaves although nothing was allowed: [`Admission::conclude`].
    fn exchange<S>(
        admission: Admission,
        request: Request<B>,
        service: S,
    ) -> impl Future<Output = Result<Response<A>, S::Error>> + Send
    where
        S: Service<Request<B>, Response = Response<A>> + Send,
        S::Future: Send;
}

/// Plain HTTP: the status of a response says whether it is one of success.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct Http;

impl<B: Send, A: From<String>> Protocol<B, A> for Http {
    fn refuse(answer: Answer) -> Response<A> {
        answer.into_response()
    }

    async fn exchange<S>(admission: Admission, request: Request<B>, mut service: S) -> Result<Response<A>, S::Error>
    where
        S: Service<Request<B>, Response = Response<A>> + Send,
        S::Future: Send,
    {
        let mut response = service.call(request).await?;
        if let Some(answer) = admission.conclude(response.status()) {
            return Ok(answer.into_response());
        }
        if let Some(nonce) = admission.next_nonce().and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            response.headers_mut().insert("dpop-nonce", nonce);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        for (name, value) in admission.rate_limit_fields() {
            let value = HeaderValue::try_from(value).ok();
            response.headers_mut().extend(value.map(|value| (HeaderName::from_static(name), value)));
        }
        // What one caller may read, a shared cache must not hand to the next (RFC 9111 §3.5). What was read with a client
        // certificate, no cache must hand to who comes without it (RFC 9440).
        let certified = admission.caller().is_some_and(|caller| caller.bindings().contains(&Binding::Mtls));
        let kept = HeaderValue::from_static(if certified { "no-store" } else { "private" });
        response.headers_mut().entry(CACHE_CONTROL).or_insert(kept);
        Ok(response)
    }
}
