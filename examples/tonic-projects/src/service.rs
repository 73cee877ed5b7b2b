//! The handlers, and the gate in front of them.

use std::pin::Pin;
use std::time::Duration;

use portcullis_tonic::{Gate, GateExt, RequestExt};
use projects_data::{Change, Project as Row, Store, Title};
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::failure::Failure;
use crate::proto::projects_server::{Projects, ProjectsServer};
use crate::proto::{
    CreateProjectRequest, DeleteProjectRequest, DeleteProjectResponse, GetProjectRequest, ListProjectsRequest,
    ListProjectsResponse, Project, UpdateProjectRequest, WhoAmIRequest, WhoAmIResponse,
};

/// Serves who connects to `listener`, until `stopped`. The layer of the gate stands before all services.
///
/// # Errors
///
/// If the server cannot go on.
pub async fn serve(
    gate: &Gate,
    store: Store,
    listener: TcpListener,
    stopped: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let (_, health) = tonic_health::server::health_reporter();
    let mut server = Server::builder().layer(gate.layer());
    let server = server.add_service(ProjectsServer::new(Service { store })).add_service(health);
    server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stopped).await
}

struct Service {
    store: Store,
}

/// The id of a resource stands in the message, so handlers ask, on the row that is shown or changed.
#[tonic::async_trait]
impl Projects for Service {
    /// Everybody may ask for the list; each project in it is decided by itself (`@lists`).
    async fn list_projects(
        &self,
        request: Request<ListProjectsRequest>,
    ) -> Result<Response<ListProjectsResponse>, Status> {
        let authz = request.authz()?;
        let workspace = authz.load(|| self.store.workspace(&request.get_ref().workspace)).await?;
        let projects = self.store.projects(workspace.permit()).await.map_err(Failure::from)?;
        let projects = authz.filter(projects)?.into_iter().map(Project::from).collect();
        Ok(Response::new(ListProjectsResponse { projects }))
    }

    async fn create_project(&self, request: Request<CreateProjectRequest>) -> Result<Response<Project>, Status> {
        let authz = request.authz()?;
        let CreateProjectRequest { workspace, title } = request.into_inner();
        let workspace = authz.load(|| self.store.workspace(&workspace)).await?;
        let title = Title::try_from(title).map_err(Failure::from)?;
        let project = self.store.create(workspace.permit(), &title).await.map_err(Failure::from)?;
        Ok(Response::new(project.into()))
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Result<Response<Project>, Status> {
        let project = request.authz()?.load(|| self.store.project(&request.get_ref().id)).await?;
        let (_, project) = project.into_parts();
        Ok(Response::new(project.into()))
    }

    type WatchProjectStream = Pin<Box<dyn Stream<Item = Result<Project, Status>> + Send>>;

    async fn watch_project(
        &self,
        request: Request<GetProjectRequest>,
    ) -> Result<Response<Self::WatchProjectStream>, Status> {
        let authz = request.authz()?;
        let id = request.into_inner().id;
        let store = self.store.clone();
        let (_, first) = authz.load(|| store.project(&id)).await?.into_parts();
        let (sender, events) = tokio::sync::mpsc::channel(1);
        // The layer ends the stream with the token. What changes besides is decided on again with each row.
        tokio::spawn(async move {
            let mut seen = first.version;
            let mut event = Ok(first.into());
            while sender.send(event).await.is_ok() {
                event = loop {
                    tokio::select! {
                        () = sender.closed() => return,
                        () = tokio::time::sleep(LOOK) => {}
                    }
                    match authz.load(|| store.project(&id)).await {
                        Ok(project) if project.version == seen => {}
                        Ok(project) => {
                            seen = project.version;
                            break Ok(project.into_parts().1.into());
                        }
                        Err(rejection) => {
                            let _gone = sender.send(Err(rejection.into())).await;
                            return;
                        }
                    }
                };
            }
        });
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(events))))
    }

    async fn update_project(&self, request: Request<UpdateProjectRequest>) -> Result<Response<Project>, Status> {
        let authz = request.authz()?;
        let UpdateProjectRequest { id, title, owner } = request.into_inner();
        let mut change = Change::default();
        change.title = title.map(Title::try_from).transpose().map_err(Failure::from)?;
        change.owner = owner;
        let project = authz.load_with(|| self.store.project(&id), &change.facts()).await?;
        let project = self.store.update(project.permit(), &project, &change).await.map_err(Failure::from)?;
        Ok(Response::new(project.into()))
    }

    async fn delete_project(
        &self,
        request: Request<DeleteProjectRequest>,
    ) -> Result<Response<DeleteProjectResponse>, Status> {
        let project = request.authz()?.load(|| self.store.project(&request.get_ref().id)).await?;
        self.store.delete(project.permit(), &project).await.map_err(Failure::from)?;
        Ok(Response::new(DeleteProjectResponse {}))
    }

    /// Decided before the handler: its resource is always the same.
    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        let (_, caller) = (request.permit()?, request.caller()?);
        Ok(Response::new(WhoAmIResponse {
            kind: caller.subject().kind.as_str().to_owned(),
            id: caller.subject().id.clone(),
            actor: caller.actor().map(|actor| actor.id.clone()),
        }))
    }
}

impl From<Row> for Project {
    fn from(row: Row) -> Self {
        let Row { id, title, workspace, owner, collaborators, archived, .. } = row;
        Self { id, title, workspace, owner, collaborators, archived }
    }
}

/// How often it is looked whether a project has changed.
const LOOK: Duration = Duration::from_millis(200);
