//! Calls the service: what `grpcurl` would do, without having to install it.

use std::process::ExitCode;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Request, Status};
use tonic_projects::proto::projects_client::ProjectsClient;
use tonic_projects::proto::{
    CreateProjectRequest, DeleteProjectRequest, GetProjectRequest, ListProjectsRequest, UpdateProjectRequest,
    WhoAmIRequest,
};
use tonic_types::StatusExt as _;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let error = match call(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await {
        Ok(()) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    match error.downcast_ref::<Status>() {
        Some(status) => print_status(status),
        None => eprintln!("client: {error}"),
    }
    ExitCode::FAILURE
}

async fn call(arguments: &[&str]) -> Result<(), Error> {
    let [url, command @ ..] = arguments else { return Err(USAGE.into()) };
    let channel = Endpoint::new((*url).to_owned())?.connect().await?;
    // Without a token the service says what is missing.
    let token = std::env::var("TOKEN").ok();
    let bearer = token.map(|token| format!("Bearer {token}").parse::<MetadataValue<Ascii>>()).transpose()?;
    let mut client = ProjectsClient::with_interceptor(channel, move |mut request: Request<()>| {
        if let Some(bearer) = bearer.clone() {
            request.metadata_mut().insert("authorization", bearer);
        }
        Ok(request)
    });
    let text = |text: &str| text.to_owned();
    match *command {
        ["list", workspace] => {
            let answer = client.list_projects(ListProjectsRequest { workspace: text(workspace) }).await?.into_inner();
            answer.projects.iter().for_each(|project| println!("{project:?}"));
        }
        ["create", workspace, title] => {
            let request = CreateProjectRequest { workspace: text(workspace), title: text(title) };
            println!("{:?}", client.create_project(request).await?.into_inner());
        }
        ["get", id] => println!("{:?}", client.get_project(GetProjectRequest { id: text(id) }).await?.into_inner()),
        ["watch", id] => {
            let mut events = client.watch_project(GetProjectRequest { id: text(id) }).await?.into_inner();
            while let Some(project) = events.message().await? {
                println!("{project:?}");
            }
        }
        ["rename", id, title] => {
            let request = UpdateProjectRequest { id: text(id), title: Some(text(title)), owner: None };
            println!("{:?}", client.update_project(request).await?.into_inner());
        }
        ["hand-over", id, owner] => {
            let request = UpdateProjectRequest { id: text(id), title: None, owner: Some(text(owner)) };
            println!("{:?}", client.update_project(request).await?.into_inner());
        }
        ["delete", id] => {
            client.delete_project(DeleteProjectRequest { id: text(id) }).await?;
            println!("deleted");
        }
        ["whoami"] => println!("{:?}", client.who_am_i(WhoAmIRequest {}).await?.into_inner()),
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

/// A refusal, with what helps to lift it.
fn print_status(status: &Status) {
    println!("{} {:?}: {}", status.code() as i32, status.code(), status.message());
    for challenge in status.metadata().get_all("www-authenticate") {
        println!("  www-authenticate: {}", challenge.to_str().unwrap_or_default());
    }
    if let Some(info) = status.get_details_error_info() {
        println!("  reason: {}", info.reason);
    }
}

const USAGE: &str = "\
usage: TOKEN=… client URL COMMAND

  list WORKSPACE | create WORKSPACE TITLE | get ID | watch ID
  rename ID TITLE | hand-over ID OWNER | delete ID | whoami";
