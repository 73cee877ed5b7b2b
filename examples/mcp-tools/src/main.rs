//! Serves the notes over MCP.
//!
//! ```text
//! cargo run -p mcp-tools                                              # with an issuer of its own: README.md has `curl` lines
//! cargo run -p mcp-tools -- --as-configured --bundle DIR              # for the issuers that the settings in DIR name
//! cargo run -p mcp-tools -- --listen ADDR --origin https://app.example.com
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use mcp_tools::mcp::Origins;
use mcp_tools::service;
use portcullis::BundleFiles;
use portcullis_axum::Gate;
use portcullis_testkit::TestIssuer;
use serde_json::json;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mcp-tools: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let options = Options::parse(std::env::args().skip(1))?;
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).try_init()?;
    let listener = TcpListener::bind(options.listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let gate = match options.issuer {
        Trusted::AsConfigured => portcullis::load_dir(&options.bundle)?.gate().build()?,
        Trusted::OurOwn => with_our_own_issuer(&options.bundle, &url)?,
    };
    let app = service::app(&gate, Origins::new(options.origins))?;
    println!("service {url}/mcp");
    // The gate learns the address of the peer: it tells a proxy from a stranger, and policies may ask for it.
    Ok(axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?)
}

/// The gate, with an issuer of our own in place of the one that the settings name. Its tokens lie beside its keys: they are worth
/// nothing elsewhere.
fn with_our_own_issuer(bundle: &Path, url: &str) -> Result<Gate, Failure> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/mcp-tools"));
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let files = BundleFiles::from_dir(bundle)?;
    let mut settings: toml::Table = files.get("portcullis.toml").unwrap_or_default().parse()?;
    let resource = format!("{url}/mcp");
    settings.insert("resource".to_owned(), vec![resource.clone(), url.to_owned()].into());
    let table = settings.get_mut("issuer").and_then(|issuers| issuers.get_mut(0)?.as_table_mut());
    let table = table.ok_or("the settings name no issuer")?;
    let issuer = TestIssuer::new("https://issuer.example.com");
    table.insert("issuer".to_owned(), issuer.identifier().into());
    let keys = folder.join("keys.json");
    std::fs::write(&keys, issuer.jwks().to_string())?;
    table.insert(
        "keys".to_owned(),
        toml::Table::from_iter([("file".to_owned(), keys.display().to_string().into())]).into(),
    );

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for (name, scope) in
        [("reader", "notes:read"), ("exporter", "notes:read notes:export"), ("manager", "notes:manage")]
    {
        let token = issuer.sign(&json!({
            "iss": issuer.identifier(), "aud": resource, "sub": "ada", "client_id": "assistant", "scope": scope,
            "iat": now, "exp": now + 3_600, "jti": name,
        }));
        std::fs::write(folder.join(name), token)?;
    }
    println!("tokens  {}", folder.display());
    Ok(portcullis::load(&files.with_file("portcullis.toml", settings.to_string()))?.gate().build()?)
}

struct Options {
    bundle: PathBuf,
    listen: SocketAddr,
    origins: Vec<String>,
    issuer: Trusted,
}

/// Whose tokens are accepted.
#[derive(Debug, Clone, Copy)]
enum Trusted {
    OurOwn,
    AsConfigured,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/policies").into();
        let listen = SocketAddr::from(([127, 0, 0, 1], 8090));
        let mut options = Self { bundle, listen, origins: Vec::new(), issuer: Trusted::OurOwn };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--bundle" => options.bundle = value()?.into(),
                "--listen" => options.listen = value()?.parse()?,
                "--origin" => options.origins.push(value()?),
                "--as-configured" => options.issuer = Trusted::AsConfigured,
                _ => {
                    let known = "--as-configured, --bundle DIR, --listen ADDR and --origin URL";
                    return Err(format!("unknown argument `{argument}`; there are {known}").into());
                }
            }
        }
        Ok(options)
    }
}
