//! The service of this package. README.md has lines to try it out.
//!
//! ```text
//! cargo run -p tonic-projects -- --demo target/demo                   # tokens of an issuer of its own
//! cargo run -p tonic-projects -- --bundle DIR --database sqlite:FILE  # for the issuers that the settings in DIR name
//! ```

mod options;

use std::process::ExitCode;

use portcullis::{BundleFiles, Clock, Loaded, SystemClock};
use projects_data::{Demo, Store};
use tokio::net::TcpListener;

use crate::options::{Options, USAGE};

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
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).try_init()?;
    let listener = TcpListener::bind(options.listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let store = Store::open(&options.database).await?;
    let gate = load(&options, &url)?.gate().directory(store.clone()).build()?;
    println!("service {url}");
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    Ok(tonic_projects::serve(&gate, store, listener, interrupted).await?)
}

/// The bundle: as it is, or with an issuer of our own.
fn load(options: &Options, url: &str) -> Result<Loaded, Error> {
    let Some(variables) = &options.demo else {
        return Ok(portcullis::load_dir(&options.bundle)?);
    };
    if !options.listen.ip().is_loopback() {
        return Err("`--demo` is for loopback: whoever reads its tokens is anybody".into());
    }
    let demo = Demo::new(url, SystemClock.now());
    std::fs::write(variables, demo.variables()).map_err(|error| format!("{}: {error}", variables.display()))?;
    println!("tokens  {}", variables.display());
    Ok(portcullis::load(&demo.trusted_by(BundleFiles::from_dir(&options.bundle)?)?)?)
}
