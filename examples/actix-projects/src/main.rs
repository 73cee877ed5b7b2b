//! A complete service: actix-web, a database, and every action of `policies/projects`.
//!
//! ```text
//! cargo run -p actix-projects -- --demo target/demo                 # README.md has the `curl` lines
//! cargo run -p actix-projects -- --bundle DIR --database sqlite:FILE  # for the issuers that the settings in DIR name
//! ```

mod failure;
mod service;

use std::net::TcpListener;
use std::process::ExitCode;

use actix_web::rt::System;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use projects_data::{Options, Store};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match System::new().block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("actix-projects: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let Some(options) = Options::parse("actix-projects", 8080, std::env::args().skip(1))? else {
        return Ok(());
    };
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).try_init()?;
    let listener = TcpListener::bind(options.listen)?;
    let url = format!("http://{}", listener.local_addr()?);
    let store = Store::open(&options.database).await?;
    let gate = options.gate(&url, &store).await?;
    let router = service::router(&gate)?;
    // Each worker makes the application anew. The router answers for every path, so it comes last.
    let app = move || App::new().app_data(Data::new(store.clone())).service(router.clone());
    let server = HttpServer::new(app).shutdown_timeout(GRACE).listen(listener)?.run();
    print!("{}", gate.bundle().report());
    println!("service {url}");
    // It ends with Ctrl-C, or as an orchestrator ends it.
    Ok(server.await?)
}

/// How many seconds requests may take to end.
const GRACE: u64 = 10;
