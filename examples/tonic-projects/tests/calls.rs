//! The service from outside: a real client, a real server, and the bundle of `policies/projects`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use portcullis::{BundleFiles, Clock, SystemClock};
use projects_data::{Demo, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_projects::proto::projects_client::ProjectsClient;
use tonic_projects::proto::{
    CreateProjectRequest, DeleteProjectRequest, GetProjectRequest, ListProjectsRequest, UpdateProjectRequest,
    WhoAmIRequest,
};

struct Service {
    demo: Demo,
    channel: Channel,
}

type Bearer = Box<dyn FnMut(Request<()>) -> Result<Request<()>, Status> + Send>;

impl Service {
    async fn start() -> Self {
        let demo = Demo::new("https://api.example.com", SystemClock.now());
        let files = BundleFiles::from_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/projects")).unwrap();
        let loaded = portcullis::load(&demo.trusted_by(files).unwrap()).unwrap();
        let store = Store::open(Store::IN_MEMORY).await.unwrap();
        let gate = loaded.gate().directory(store.clone()).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { tonic_projects::serve(&gate, store, listener, std::future::pending()).await });
        Self { demo, channel: Endpoint::new(url).unwrap().connect().await.unwrap() }
    }

    /// A client with a token that has `claims`.
    fn client(&self, claims: Value) -> ProjectsClient<InterceptedService<Channel, Bearer>> {
        let bearer: MetadataValue<Ascii> = format!("Bearer {}", self.demo.token(claims)).parse().unwrap();
        let send = move |mut request: Request<()>| {
            request.metadata_mut().insert("authorization", bearer.clone());
            Ok(request)
        };
        ProjectsClient::with_interceptor(self.channel.clone(), Box::new(send))
    }

    /// A client of a person who let it do everything.
    fn person(&self, name: &str) -> ProjectsClient<InterceptedService<Channel, Bearer>> {
        self.client(json!({ "sub": name, "scope": "manage:projects read:profile" }))
    }
}

fn project(id: &str) -> GetProjectRequest {
    GetProjectRequest { id: id.to_owned() }
}

fn rename(id: &str, title: &str) -> UpdateProjectRequest {
    UpdateProjectRequest { id: id.to_owned(), title: Some(title.to_owned()), owner: None }
}

#[tokio::test]
async fn who_may_see_a_project_sees_it_and_for_others_it_does_not_exist() {
    let service = Service::start().await;
    for name in ["ada", "ed", "vic", "olga", "carl"] {
        assert_eq!(service.person(name).get_project(project("apollo")).await.unwrap().get_ref().title, "Apollo");
    }
    let absent = service.person("ada").get_project(project("nothing")).await.unwrap_err();
    let denied = service.person("ada").get_project(project("soyuz")).await.unwrap_err();
    assert_eq!((absent.code(), absent.message()), (denied.code(), denied.message()));
    assert_eq!(absent.code(), Code::NotFound);
}

#[tokio::test]
async fn a_list_shows_what_each_caller_may_see() {
    let service = Service::start().await;
    let titles = async |name: &str| {
        let request = ListProjectsRequest { workspace: "space".to_owned() };
        let answer = service.person(name).list_projects(request).await.map(tonic::Response::into_inner);
        answer.map(|answer| answer.projects.into_iter().map(|project| project.id).collect::<Vec<_>>())
    };
    assert_eq!(titles("vic").await.unwrap(), ["apollo", "gemini", "mercury"]);
    // Of another tenant: she may ask, and nothing is shown.
    assert!(titles("eve").await.unwrap().is_empty());
}

#[tokio::test]
async fn scopes_roles_and_guardrails_all_have_to_agree() {
    let service = Service::start().await;
    let reading = json!({ "sub": "ada", "scope": "read:projects" });
    let status = service.client(reading).update_project(rename("apollo", "x")).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let challenge = status.metadata().get("www-authenticate").unwrap().to_str().unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\", scope=\"write:projects\""), "{challenge}");
    // A viewer, and an archived project.
    for (name, id) in [("vic", "apollo"), ("olga", "gemini")] {
        let status = service.person(name).update_project(rename(id, "x")).await.unwrap_err();
        assert!(matches!(status.code(), Code::PermissionDenied | Code::NotFound), "{name} {status:?}");
    }
    let renamed = service.person("ed").update_project(rename("apollo", "Apollo 11")).await.unwrap();
    assert_eq!(renamed.get_ref().title, "Apollo 11");
    // A reading agent does not change what its user may.
    let agent =
        json!({ "sub": "ed", "scope": "manage:projects", "act": { "sub": "summariser", "sub_profile": "ai_agent" } });
    let status = service.client(agent).update_project(rename("apollo", "x")).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
}

#[tokio::test]
async fn a_project_is_created_and_deleted_by_who_may() {
    let service = Service::start().await;
    let create = || CreateProjectRequest { workspace: "space".to_owned(), title: "Skylab".to_owned() };
    assert_eq!(service.person("vic").create_project(create()).await.unwrap_err().code(), Code::PermissionDenied);
    let created = service.person("ed").create_project(create()).await.unwrap().into_inner();
    let delete = || DeleteProjectRequest { id: created.id.clone() };
    // The login is too old: the challenge says what would do.
    let yesterday = SystemClock.now().as_secs() - 86_400;
    let stale = json!({ "sub": "ada", "scope": "manage:projects", "auth_time": yesterday });
    let status = service.client(stale).delete_project(delete()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let challenge = status.metadata().get("www-authenticate").unwrap().to_str().unwrap();
    assert!(challenge.contains("insufficient_user_authentication") && challenge.contains("max_age"), "{challenge}");
    service.person("ada").delete_project(delete()).await.unwrap();
    assert_eq!(service.person("ada").get_project(project(&created.id)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn whoever_watches_a_project_sees_its_changes_until_it_is_gone() {
    let service = Service::start().await;
    let mut events = service.person("vic").watch_project(project("apollo")).await.unwrap().into_inner();
    assert_eq!(events.message().await.unwrap().unwrap().title, "Apollo");
    service.person("ed").update_project(rename("apollo", "Apollo 11")).await.unwrap();
    assert_eq!(events.message().await.unwrap().unwrap().title, "Apollo 11");
    service.person("ada").delete_project(DeleteProjectRequest { id: "apollo".to_owned() }).await.unwrap();
    assert_eq!(events.message().await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn nobody_comes_in_without_a_token_but_to_ask_how_the_service_is() {
    let service = Service::start().await;
    let mut anybody = ProjectsClient::new(service.channel.clone());
    assert_eq!(anybody.who_am_i(WhoAmIRequest {}).await.unwrap_err().code(), Code::Unauthenticated);
    let check = HealthCheckRequest { service: String::new() };
    assert_eq!(HealthClient::new(service.channel.clone()).check(check).await.unwrap().get_ref().status, 1);
    let who = service.person("ada").who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
    assert_eq!((who.kind.as_str(), who.id.as_str(), who.actor), ("user", "ada", None));
}
