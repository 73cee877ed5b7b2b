//! Calls as tonic's own client makes them.

use std::net::SocketAddr;
use std::str::FromStr;

use http::uri::PathAndQuery;
use tokio_stream::Stream;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataKey, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

/// A client of `acme.v1.Projects`, or of any service whose messages are strings.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    metadata: MetadataMap,
}

type Codec = ProstCodec<String, String>;

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let channel = Endpoint::new(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { channel, metadata: MetadataMap::new() }
    }

    /// The client with one more entry of metadata.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.metadata.append(AsciiMetadataKey::from_str(name).unwrap(), value.parse().unwrap());
        self
    }

    /// Calls a method with one message and one answer, by its name or its whole path.
    pub(crate) async fn call(&self, method: &str, message: &str) -> Result<Response<String>, Status> {
        let request = self.request(message.to_owned());
        self.ready().await.unary(request, path(method), Codec::default()).await
    }

    /// What a method with one message and one answer answers, or its refusal.
    pub(crate) async fn ask(&self, method: &str, message: &str) -> Result<String, Refused> {
        self.call(method, message).await.map(Response::into_inner).map_err(|status| Refused::of(&status))
    }

    pub(crate) async fn server_streaming(
        &self,
        method: &str,
        message: &str,
    ) -> Result<Response<Streaming<String>>, Status> {
        let request = self.request(message.to_owned());
        self.ready().await.server_streaming(request, path(method), Codec::default()).await
    }

    pub(crate) async fn client_streaming<S>(&self, method: &str, messages: S) -> Result<Response<String>, Status>
    where
        S: Stream<Item = String> + Send + 'static,
    {
        let request = self.request(messages);
        self.ready().await.client_streaming(request, path(method), Codec::default()).await
    }

    pub(crate) async fn bidi<S>(&self, method: &str, messages: S) -> Result<Response<Streaming<String>>, Status>
    where
        S: Stream<Item = String> + Send + 'static,
    {
        let request = self.request(messages);
        self.ready().await.streaming(request, path(method), Codec::default()).await
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    async fn ready(&self) -> Grpc<Channel> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        grpc
    }
}

/// A refusal as a client reads it: the code, and the reason in the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: i32,
    pub(crate) reason: String,
}

impl Refused {
    pub(crate) fn of(status: &Status) -> Self {
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        Self { code: status.code() as i32, reason }
    }
}

#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(answer: Result<T, Refused>, code: Code, reason: &str) {
    assert_eq!(answer.unwrap_err(), Refused { code: code as i32, reason: reason.to_owned() });
}

fn path(method: &str) -> PathAndQuery {
    let path = if method.starts_with('/') { method.to_owned() } else { format!("/acme.v1.Projects/{method}") };
    path.parse().unwrap()
}
