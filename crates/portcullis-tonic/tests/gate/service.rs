//! A server with projects, of all kinds of methods.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use portcullis::{
    Algorithm, BoxFuture, Issuer, KeySet, KeySource, ProtectedResource, ResourceData, RevocationList, Target, UnixTime,
    Verifier,
};
use portcullis_testkit::TestIssuer;
use portcullis_tonic::{
    Clock, Directory, DirectoryError, Gate, GateBuilder, GateExt, Parents, Permit, RequestExt, Resource,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service as TowerService, service_fn};

use crate::client::Client;
use crate::schema::{bundle, limited};

pub(crate) const NOW: i64 = 1_767_226_000;
/// When the tokens expire, without leeway.
pub(crate) const EXPIRY: i64 = NOW + 600;

/// A service under test, its issuer, and what it can be made to do.
pub(crate) struct Service {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: TestClock,
    revocations: Arc<RevocationList>,
    pub(crate) projects: Projects,
    pub(crate) address: std::net::SocketAddr,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(|gate| gate).await
    }

    /// A service behind a gate with `options`.
    pub(crate) async fn start_with(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let issuer = TestIssuer::new("https://as.example.com");
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        Self::start_with_keys(issuer, keys, options).await
    }

    /// A service whose settings hold `limits`.
    pub(crate) async fn start_limited(limits: &str) -> Self {
        let issuer = TestIssuer::new("https://as.example.com");
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        Self::start_from(issuer, keys, |verifier| limited(limits, verifier), |gate| gate).await
    }

    /// A service whose issuer publishes its keys at `keys`.
    pub(crate) async fn start_with_keys(
        issuer: TestIssuer,
        keys: impl Into<KeySource>,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Self {
        Self::start_from(issuer, keys, |verifier| Gate::builder(bundle(), verifier), options).await
    }

    async fn start_from(
        issuer: TestIssuer,
        keys: impl Into<KeySource>,
        gate: impl FnOnce(Verifier) -> GateBuilder,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Self {
        let clock = TestClock(Arc::new(AtomicI64::new(NOW)));
        let revocations = Arc::new(RevocationList::new(NonZeroUsize::new(16).unwrap()));
        let audience = ["https://api.example.com"];
        let trusted = Issuer::new("main", issuer.identifier(), audience, [Algorithm::Es256], keys).unwrap();
        let resource = ProtectedResource::new(["https://api.example.com".parse().unwrap()]).unwrap();
        let gate = gate(Verifier::new([trusted]).unwrap())
            .clock(clock.clone())
            .directory(Known)
            .resource(resource)
            .revocations(Arc::clone(&revocations));
        let gate = options(gate).build().unwrap();
        let projects = Projects::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_, health) = tonic_health::server::health_reporter();
        let described = tonic_health::pb::FILE_DESCRIPTOR_SET;
        let reflection = tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(described);
        let server = Server::builder()
            .layer(gate.layer())
            .add_service(projects.clone())
            .add_service(health)
            .add_service(reflection.build_v1().unwrap());
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self { issuer, clock, revocations, projects, address }
    }

    /// A token of the user `ann`, with the members of `more` added or, where they are `null`, left out.
    pub(crate) fn token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": EXPIRY, "iat": NOW - 60, "jti": "t1", "auth_time": NOW - 6000,
            "scope": "read:projects write:projects", "roles": [], "groups": [], "entitlements": [],
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in more.as_object().unwrap() {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        self.issuer.sign(&claims)
    }

    /// Revokes the tokens that [`Service::token`] makes.
    pub(crate) fn revoke(&self) {
        let at = |seconds| UnixTime::from_secs(seconds).unwrap();
        let token = Target::Token { source: "main".into(), id: "t1".into() };
        self.revocations.revoke(token, at(EXPIRY + 1000), at(NOW)).unwrap();
    }

    /// A client with a token of `ann` that has `more`.
    pub(crate) async fn client(&self, more: Value) -> Client {
        self.anybody().await.with("authorization", &format!("Bearer {}", self.token(&more)))
    }

    /// A client without credentials.
    pub(crate) async fn anybody(&self) -> Client {
        Client::connect(self.address).await
    }
}

/// A clock that tests set.
#[derive(Debug, Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn set(&self, now: i64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Supplies reports.
struct Known;

impl Directory for Known {
    fn resource<'a>(
        &'a self,
        entity_type: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        let attributes = json!({ "sealed": false });
        let report = ResourceData::from_json(entity_type, id, &attributes, Parents::none());
        Box::pin(async { Ok(Some(report.unwrap())) })
    }

    fn supplies(&self) -> Vec<String> {
        vec!["Report".to_owned()]
    }
}

/// A directory that never answers.
pub(crate) struct Stuck;

impl Directory for Stuck {
    fn resource<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        Box::pin(std::future::pending())
    }

    fn supplies(&self) -> Vec<String> {
        Known.supplies()
    }
}

/// A directory that is out of reach.
pub(crate) struct Down;

impl Directory for Down {
    fn resource<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        Box::pin(async { Err(DirectoryError::new("directory canary")) })
    }

    fn supplies(&self) -> Vec<String> {
        Known.supplies()
    }
}

#[derive(Debug, Serialize)]
struct Project {
    #[serde(skip)]
    id: String,
    owner: String,
    archived: bool,
}

impl Resource for Project {
    const TYPE: &'static str = "Project";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

#[derive(Debug, Serialize)]
struct Secret {
    #[serde(skip)]
    id: String,
    owner: String,
}

impl Resource for Secret {
    const TYPE: &'static str = "Secret";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

/// Projects that begin with `old` are archived; `none` does not exist; `down` cannot be loaded.
async fn find(id: &str) -> Result<Option<Project>, std::io::Error> {
    match id {
        "none" => Ok(None),
        "down" => Err(std::io::Error::other("database canary")),
        _ => Ok(Some(Project { id: id.to_owned(), owner: "ann".to_owned(), archived: id.starts_with("old") })),
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;
/// Never lets anybody wait. (`tokio_stream::iter` does, now and then.)
struct Flood;

impl Stream for Flood {
    type Item = Result<String, Status>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok("a".repeat(0x1_0000))))
    }
}

type Unary = Result<Response<String>, Status>;

/// The service `acme.v1.Projects`. Messages are strings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Projects {
    calls: Arc<AtomicUsize>,
    feeds: Arc<Mutex<HashMap<String, mpsc::UnboundedSender<String>>>>,
    /// What arrived of streams, and how they ended.
    pub(crate) received: Arc<Mutex<Vec<Result<String, Code>>>>,
}

impl Projects {
    /// How often a handler ran.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Lets whoever watches `project` see `event`.
    pub(crate) fn publish(&self, project: &str, event: &str) {
        let _gone = self.feeds.lock().unwrap()[project].send(event.to_owned());
    }

    /// Whether somebody still watches `project`.
    pub(crate) fn is_watched(&self, project: &str) -> bool {
        !self.feeds.lock().unwrap()[project].is_closed()
    }

    /// Waits until somebody watches `project`.
    pub(crate) async fn watched(&self, project: &str) {
        while !self.feeds.lock().unwrap().contains_key(project) {
            tokio::task::yield_now().await;
        }
    }

    fn feed(&self, project: &str) -> UnboundedReceiverStream<String> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.feeds.lock().unwrap().insert(project.to_owned(), sender);
        UnboundedReceiverStream::new(receiver)
    }

    async fn unary(self, method: &str, request: Request<String>) -> Unary {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match method {
            "GetReport" | "WhoAmI" | "GetProfile" => {
                let (permit, caller) = (request.permit()?, request.caller()?);
                let (entity_type, id) = permit.resource();
                Ok(Response::new(format!("{} {entity_type} {id} {}", permit.action(), caller.subject().id)))
            }
            "GetSecret" => {
                let found = (request.get_ref() != "none").then(|| Secret { id: "s".into(), owner: "bob".into() });
                let secret = request.authz()?.load(|| async { Ok::<_, Infallible>(found) }).await?;
                Ok(Response::new(secret.owner.clone()))
            }
            "Spill" => {
                let _denied = request.authz()?.load(|| find("old")).await;
                Ok(leaking())
            }
            "Forget" => Ok(leaking()),
            "Slow" => {
                let project = request.authz()?.load(|| find(request.get_ref())).await?;
                let event = self.feed(&project.id).next().await;
                Ok(Response::new(event.unwrap_or_default()))
            }
            _ => {
                let authz = request.authz()?;
                let project = authz.load(|| find(request.get_ref())).await?;
                Ok(Response::new(done(project.permit(), &project)))
            }
        }
    }

    async fn watch(self, method: &str, request: Request<String>) -> Result<Response<Events>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let id = request.get_ref().clone();
        let authz = request.authz()?;
        let events: Events = match method {
            "Watch" => {
                authz.load(|| find(&id)).await?;
                Box::pin(self.feed(&id).map(Ok))
            }
            // There is always one more.
            "Flood" => {
                authz.load(|| find(&id)).await?;
                Box::pin(Flood)
            }
            // It decides when the first event is there.
            "WatchLater" => {
                let mut allowed = None;
                Box::pin(self.feed(&id).map(move |event| {
                    let owner = "ann".to_owned();
                    let project = || Project { id: id.clone(), owner, archived: false };
                    if allowed.is_none() {
                        allowed = Some(authz.check(project())?);
                    }
                    Ok(event)
                }))
            }
            "ForgetStream" => Box::pin(tokio_stream::iter(["canary", "canary"].map(|event| Ok(event.to_owned())))),
            "ForgetLater" => Box::pin(self.feed(&id).map(Ok)),
            _ => Box::pin(tokio_stream::empty()),
        };
        let mut response = Response::new(events);
        response.metadata_mut().insert("canary", "canary".parse().unwrap());
        Ok(response)
    }

    async fn import(self, request: Request<Streaming<String>>) -> Unary {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let authz = request.authz()?;
        let mut notes = request.into_inner();
        let id = notes.message().await?.unwrap_or_default();
        let project = authz.load(|| find(&id)).await?;
        let mut count = 0;
        loop {
            let note = notes.message().await;
            let mut received = self.received.lock().unwrap();
            match note {
                Ok(Some(note)) => received.push(Ok(note)),
                Ok(None) => break,
                Err(status) => {
                    received.push(Err(status.code()));
                    return Err(status);
                }
            }
            count += 1;
        }
        Ok(Response::new(format!("{count} into {}", project.id)))
    }

    /// Takes a stream that fails for one that ends.
    async fn shrug(self, request: Request<Streaming<String>>) -> Unary {
        self.import(request).await.or_else(|_| Ok(Response::new("all done".to_owned())))
    }

    /// Reads one message, and then waits for something else.
    async fn stall(self, request: Request<Streaming<String>>) -> Unary {
        let authz = request.authz()?;
        let id = request.into_inner().message().await?.unwrap_or_default();
        let project = authz.load(|| find(&id)).await?;
        let event = self.feed(&project.id).next().await;
        Ok(Response::new(event.unwrap_or_default()))
    }

    async fn chat(self, request: Request<Streaming<String>>) -> Result<Response<Events>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let authz = request.authz()?;
        authz.load(|| find("p")).await?;
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}

/// A data function: it cannot be called without a decision.
fn done(permit: &Permit, project: &Project) -> String {
    format!("{} {} of {}", permit.action(), project.id, project.owner)
}

/// What nobody allowed.
fn leaking() -> Response<String> {
    let mut response = Response::new("canary".to_owned());
    response.metadata_mut().insert("canary", "canary".parse().unwrap());
    response
}

impl NamedService for Projects {
    const NAME: &'static str = "acme.v1.Projects";
}

impl TowerService<http::Request<Body>> for Projects {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit_once('/').unwrap().1.to_owned();
            let mut grpc = Grpc::new(ProstCodec::<String, String>::default());
            Ok(match method.as_str() {
                "Watch" | "WatchLater" | "Flood" | "ForgetStream" | "ForgetLater" | "ForgetNothing" => {
                    let serve = service_fn(|request| this.clone().watch(&method, request));
                    grpc.server_streaming(serve, request).await
                }
                "Import" => grpc.client_streaming(service_fn(|request| this.clone().import(request)), request).await,
                "Shrug" => grpc.client_streaming(service_fn(|request| this.clone().shrug(request)), request).await,
                "Stall" => grpc.client_streaming(service_fn(|request| this.clone().stall(request)), request).await,
                "Chat" => grpc.streaming(service_fn(|request| this.clone().chat(request)), request).await,
                // Success in the only block of header fields, and no message.
                "Shortcut" => Status::with_metadata(Code::Ok, "", leaking().metadata().clone()).into_http(),
                "NotServed" => Status::unimplemented("").into_http(),
                _ => grpc.unary(service_fn(|request| this.clone().unary(&method, request)), request).await,
            })
        })
    }
}
