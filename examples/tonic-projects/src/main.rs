//! The service of this package. README.md has lines to try it out.
//!
//! ```text
//! cargo run -p tonic-projects -- --demo target/demo                   # tokens of an issuer of its own
//! cargo run -p tonic-projects -- --bundle DIR --database sqlite:FILE  # for the issuers that the settings in DIR name
//! ```

use std::process::ExitCode;

use projects_data::{Options, Store};
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tonic-projects: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let Some(options) = Options::parse("tonic-projects", 50051, std::env::args().skip(1))? else {
        return Ok(());
    };
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).try_init()?;
    let listener = TcpListener::bind(options.listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let store = Store::open(&options.database).await?;
    let gate = options.gate(&url, &store).await?;
    println!("service {url}");
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    Ok(tonic_projects::serve(&gate, store, listener, interrupted).await?)
}
