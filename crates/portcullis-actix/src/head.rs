//! Requests and answers in the types of two versions of `http`: actix-web has those of 0.2, the gate those of 1.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self as actix_header, HeaderMap as ActixHeaderMap};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use portcullis::{Answer, Connection, RequestHead, RouteMatch};

/// The head of a request, as the gate reads it.
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) connection: Connection,
}

impl Head {
    /// Whole, or not at all: a field that is left out could be a second credential.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, http::Error> {
        let mut headers = HeaderMap::with_capacity(request.headers().len());
        for (name, value) in request.headers() {
            let name = HeaderName::from_bytes(name.as_str().as_bytes())?;
            headers.append(name, HeaderValue::from_bytes(value.as_bytes())?);
        }
        Ok(Self {
            method: Method::from_bytes(request.method().as_str().as_bytes())?,
            uri: request.uri().to_string().parse()?,
            headers,
            connection: connection(request),
        })
    }

    pub(crate) fn borrow<'a>(&'a self, route: Option<&'a RouteMatch>) -> RequestHead<'a> {
        RequestHead::new(&self.method, &self.uri, &self.headers, route).with_connection(self.connection)
    }
}

/// A [`Connection`] that the server states, for the request or in `HttpServer::on_connect`, else the address of the peer.
fn connection(request: &HttpRequest) -> Connection {
    let stated = request.extensions().get::<Connection>().copied();
    let stated = stated.or_else(|| request.conn_data::<Connection>().copied());
    let peer = || request.peer_addr().map(|peer| Connection::from_peer(peer.ip()));
    stated.or_else(peer).unwrap_or_default()
}

/// `answer` as a response.
pub(crate) fn response(answer: &Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::new(status);
    for (name, value) in answer.headers() {
        append(response.headers_mut(), name, value);
    }
    let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    response.set_body(match length {
        Some(length) if answer.body().is_empty() => BoxBody::new(OnlyLength(length)),
        _ => BoxBody::new(answer.body().to_owned()),
    })
}

fn append(headers: &mut ActixHeaderMap, name: &HeaderName, value: &HeaderValue) {
    let name = actix_header::HeaderName::from_bytes(name.as_str().as_bytes());
    let value = actix_header::HeaderValue::from_bytes(value.as_bytes());
    if let (Ok(name), Ok(value)) = (name, value) {
        headers.append(name, value);
    }
}

/// The body of an answer to `HEAD`: it has a length, and is not there (RFC 9110 §8.6).
struct OnlyLength(u64);

impl MessageBody for OnlyLength {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
