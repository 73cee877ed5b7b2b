//! An assistant that sends mail after its person has approved each one: service, page, agent and mail server.
//!
//! ```text
//! cargo run -p assistant -- --demo        # README.md says what is to be seen
//! ```

mod agent;
mod approvals;
mod calendar;
mod demo;
mod draft;
mod failure;
mod options;
mod page;
mod post;
mod service;
mod sink;
mod store;
mod tools;
mod waiting;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use portcullis::{ApprovalKey, Approvals, BundleFiles, SystemClock};
use portcullis_axum::{Clock as _, Gate, GateBuilder, Grant, Obligation};
use projects_data::Demo;
use tokio::net::TcpListener;

use options::{Options, Trusted, USAGE};
use post::Post;
use service::Desk;
use sink::Sink;
use store::Store;
use waiting::Waiting;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("assistant: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    match Options::parse(std::env::args().skip(1))? {
        Options::Help => println!("{USAGE}"),
        Options::Sink { listen, into } => {
            let listener = TcpListener::bind(listen).await?;
            println!("sink {}", listener.local_addr()?);
            Sink::new(into).run(listener).await?;
        }
        Options::Agent { url, token } => {
            let token = std::fs::read_to_string(&token).map_err(|error| format!("{}: {error}", token.display()))?;
            agent::run(&url, token.trim()).await?;
        }
        Options::Serve { listen, smtp, trusted } => serve(listen, smtp, trusted).await?,
    }
    Ok(())
}

/// Runs the service, and what belongs to it where nobody else does.
async fn serve(listen: SocketAddr, smtp: Option<SocketAddr>, trusted: Trusted) -> Result<(), Failure> {
    // Where all of it happens in one terminal, the story is not to drown in decisions.
    let story = matches!(trusted, Trusted::Demo { variables: None });
    let level = if story { tracing::Level::ERROR } else { tracing::Level::INFO };
    tracing_subscriber::fmt().with_ansi(false).with_max_level(level).with_writer(std::io::stderr).try_init()?;
    let listener = TcpListener::bind(listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let smtp = match (smtp, &trusted) {
        (Some(smtp), _) => smtp,
        (None, Trusted::Demo { .. }) => own_sink().await?,
        (None, Trusted::AsConfigured { .. }) => return Err("`--smtp` is missing: who takes the mail".into()),
    };
    let desk =
        Desk { store: Store::with_sample_data(SystemClock.now()), waiting: Waiting::default(), post: Post::new(smtp) };
    let (gate, page, agent) = match trusted {
        Trusted::AsConfigured { bundle } => (finish(portcullis::load_dir(&bundle)?.gate())?, Router::new(), None),
        Trusted::Demo { variables } => {
            let demo = Demo::new(&url, SystemClock.now());
            let files = demo.trusted_by(BundleFiles::from_dir(Path::new(POLICIES))?)?;
            // In place of the key that the settings want. It is new each time, and so are the tickets worth nothing later.
            let approvals = Approvals::new(ApprovalKey::random()?, ["web"])?;
            let gate = finish(portcullis::load(&files)?.gate().approvals(approvals))?;
            let agent = told(&demo, &url, variables)?;
            (gate, page::routes()?.merge(demo::sign_in(Arc::new(demo))), agent)
        }
    };
    let app = service::app(&gate, desk, page, &url)?;
    println!("service {url}");
    if let Some(token) = agent {
        println!("page     {url}/ — open it to approve or decline");
        let url = url.clone();
        tokio::spawn(async move {
            if let Err(failure) = agent::run(&url, &token).await {
                eprintln!("agent    {failure}");
            }
        });
    }
    Ok(axum::serve(listener, app).await?)
}

/// The gate. Notes of events are in no answer, so that they are redacted is seen to.
fn finish(gate: GateBuilder) -> Result<Gate, Failure> {
    Ok(gate.obligation("redact", |_: &Obligation, _: &Grant| Ok(())).build()?)
}

/// Writes tokens to the file that somebody wants them in. If nobody does, the agent's token is for the agent of this program.
fn told(demo: &Demo, url: &str, variables: Option<PathBuf>) -> Result<Option<String>, Failure> {
    let text = demo::variables(demo, url);
    match variables {
        Some(file) => {
            std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
            Ok(None)
        }
        None => {
            let line = text.lines().find_map(|line| line.strip_prefix("CLAIRE="));
            Ok(line.and_then(|line| line.split(' ').next()).map(str::to_owned))
        }
    }
}

async fn own_sink() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(Sink::new(None).run(listener));
    Ok(address)
}

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/assistant");
