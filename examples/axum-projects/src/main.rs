//! A complete service: axum, a database, and every action of `policies/projects`.
//!
//! ```text
//! cargo run -p axum-projects -- --demo target/demo                 # README.md has the `curl` lines
//! cargo run -p axum-projects -- --bundle DIR --database sqlite:FILE  # for the issuers that the settings in DIR name
//! ```

mod failure;
mod service;

use std::process::ExitCode;
use std::time::Duration;

use projects_data::{Options, Store};
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axum-projects: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let Some(options) = Options::parse("axum-projects", 8080, std::env::args().skip(1))? else {
        return Ok(());
    };
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).try_init()?;
    let listener = TcpListener::bind(options.listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let store = Store::open(&options.database).await?;
    let gate = options.gate(&url, &store).await?;
    let server = axum::serve(listener, service::app(&gate, store)?).with_graceful_shutdown(stopped());
    print!("{}", gate.bundle().report());
    println!("service {url}");
    tokio::select! {
        served = async { server.await } => Ok(served?),
        // A client that takes its time does not keep the service from stopping.
        () = async { stopped().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// Waits until somebody wants the service to end: with Ctrl-C, or as an orchestrator does.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        _ = interrupted => {}
        () = terminated => {}
    }
}

/// How long requests may take to end.
const GRACE: Duration = Duration::from_secs(10);
