//! The law of Portcullis on real requests, in one process: an issuer with a fresh key, the service behind its gate, and
//! clients that call it over HTTP.
//!
//! ```text
//! cargo run -p quickstart                                # the table of requests; fails if an answer is not as meant
//! cargo run -p quickstart -- --serve                     # keeps the service running and prints `curl` lines
//! cargo run -p quickstart -- --bundle DIR --listen ADDR  # other policies, another address
//! ```
//!
//! With an authorization server of your own: copy `policies/projects`, name your issuer in its `portcullis.toml`, and
//!
//! ```text
//! cargo run -p quickstart -- --serve --as-configured --bundle DIR  # the service alone; its log goes to standard error
//! ```

mod issuer;
mod log;
mod service;
mod store;
mod story;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_axum::Gate;
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::issuer::Issuer;
use crate::log::{Entry, Log};
use crate::store::Store;
use crate::story::Step;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("quickstart: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Failure> {
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    let listener = TcpListener::bind(options.listen).await?;
    match options.mode {
        Mode::AsConfigured => serve_as_configured(&options, listener).await,
        Mode::Story | Mode::Serve => play(&options, listener).await,
    }
}

/// The service alone, for the issuers that the bundle's settings name.
async fn serve_as_configured(options: &Options, listener: TcpListener) -> Result<ExitCode, Failure> {
    tracing_subscriber::fmt().with_max_level(options.log).with_ansi(false).with_writer(std::io::stderr).try_init()?;
    let store = Store::with_sample_data();
    let loaded = portcullis::load_dir(&options.bundle)?;
    let gate = loaded.gate().directory(store.clone()).build()?;
    announce(options, &gate, listener.local_addr()?)?;
    axum::serve(listener, service::app(&gate, store)?).await?;
    Ok(ExitCode::SUCCESS)
}

/// The service and an issuer of our own.
async fn play(options: &Options, listener: TcpListener) -> Result<ExitCode, Failure> {
    let log = Log::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log.clone()))?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let address = listener.local_addr()?;
    let issuer = Issuer::start(&identifier(address), now).await?;

    let store = Store::with_sample_data();
    let gate = gate(&options.bundle, &issuer, store.clone())?;
    let app = service::app(&gate, store)?;
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    println!("issuer  {}  (a fresh ES256 key at {})", issuer.identifier(), issuer.jwks_url());
    announce(options, &gate, address)?;
    let steps = story::steps(now);
    if options.mode == Mode::Serve {
        print_curl_lines(&steps, &issuer, address);
        server.await??;
        return Ok(ExitCode::SUCCESS);
    }
    tell(&steps, &issuer, &format!("http://{address}"), &log).await
}

fn announce(options: &Options, gate: &Gate, address: SocketAddr) -> Result<(), Failure> {
    println!(
        "service http://{address}  (policies: {}, bundle {:.12})\n",
        std::fs::canonicalize(&options.bundle)?.display(),
        gate.bundle().hash().to_string()
    );
    Ok(())
}

/// The gate, with the bundle's policies and our issuer in place of the one that its settings name.
fn gate(bundle: &str, issuer: &Issuer, store: Store) -> Result<Gate, Failure> {
    let files = portcullis::BundleFiles::from_dir(bundle)?;
    let mut settings: toml::Table = files.get("portcullis.toml").unwrap_or_default().parse()?;
    settings.insert("resource".to_owned(), vec![issuer.audience()].into());
    if let Some(table) = settings.get_mut("issuer").and_then(|issuers| issuers.get_mut(0)?.as_table_mut()) {
        table.insert("issuer".to_owned(), issuer.identifier().into());
        table.insert("keys".to_owned(), toml::Table::from_iter([("url".to_owned(), issuer.jwks_url().into())]).into());
    }
    let files = files.with_file("portcullis.toml", settings.to_string());
    Ok(portcullis::load(&files)?.gate().directory(store).build()?)
}

/// Sends every request and prints who asked, with what, and what came of it.
async fn tell(steps: &[Step], issuer: &Issuer, base: &str, log: &Log) -> Result<ExitCode, Failure> {
    let client = reqwest::Client::new();
    let mut surprises = 0;
    println!("{:<16} {:<31} {:<31} answer", "who", "token", "request");
    for step in steps {
        let mut request = client.request(step.method.parse()?, format!("{base}{}", step.path));
        if let Some(token) = step.token(issuer) {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &step.body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let challenge = response.headers().get("www-authenticate").and_then(|value| value.to_str().ok());
        let entry = log.take();
        let meant = as_meant(step, response.status().as_u16(), challenge, &entry);
        surprises += u32::from(!meant);
        print_step(step, response.status().as_u16(), challenge, &entry, meant);
    }
    if surprises == 0 {
        println!("\nAll {} answers are what the policies' author meant.", steps.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("\n{surprises} of {} answers are NOT what the policies' author meant.", steps.len());
    Ok(ExitCode::FAILURE)
}

fn as_meant(step: &Step, status: u16, challenge: Option<&str>, entry: &Entry) -> bool {
    let expected = &step.expect;
    let challenged = match (expected.challenge, challenge) {
        (None, None) => true,
        (Some(part), Some(challenge)) => challenge.contains(part),
        _ => false,
    };
    status == expected.status && entry.layers.as_deref().unwrap_or_default() == expected.layers && challenged
}

fn print_step(step: &Step, status: u16, challenge: Option<&str>, entry: &Entry, meant: bool) {
    let request = format!("{} {}", step.method, step.path);
    println!(
        "{:<16} {:<31} {:<31} {status}{}",
        step.who,
        step.token_words(),
        request,
        if meant { "" } else { "  <- NOT MEANT" }
    );
    let mut notes = Vec::new();
    if let Some(layers) = &entry.layers {
        notes.push(format!("denied by: {layers}"));
        notes.push(match &entry.remedy {
            Some(remedy) => format!("would help: {remedy}"),
            None => "nothing would help".to_owned(),
        });
    } else if let Some(reason) = &entry.reason {
        notes.push(reason.clone());
    }
    if !notes.is_empty() {
        println!("{:<16}   {}", "", notes.join("; "));
    }
    if let Some(challenge) = challenge {
        println!("{:<16}   {}", "", challenge.replace("Bearer realm=\"api\", ", "Bearer … "));
    }
    if !meant {
        let Expected { status, layers, challenge } = Expected::of(step);
        println!("{:<16}   meant: {status}, denied by: {layers:?}, challenge with: {challenge:?}", "");
    }
}

/// The intended answer, for people.
struct Expected<'a> {
    status: u16,
    layers: &'a str,
    challenge: &'a str,
}

impl<'a> Expected<'a> {
    fn of(step: &'a Step) -> Self {
        let expect = &step.expect;
        Self { status: expect.status, layers: expect.layers, challenge: expect.challenge.unwrap_or("nothing") }
    }
}

fn print_curl_lines(steps: &[Step], issuer: &Issuer, address: SocketAddr) {
    println!("Tokens are valid for an hour. Stop with Ctrl-C.\n");
    for step in steps {
        println!("# {} ({}): {}", step.who, step.token_words(), step.expect.status);
        let token = step.token(issuer).map(|token| format!(" -H 'Authorization: Bearer {token}'")).unwrap_or_default();
        let body = step.body.as_ref().map(|body| format!(" --json '{body}'")).unwrap_or_default();
        println!("curl -i -X {} http://{address}{}{token}{body}\n", step.method, step.path);
    }
}

struct Options {
    bundle: String,
    listen: SocketAddr,
    mode: Mode,
    log: LevelFilter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The table of requests, with our own issuer.
    Story,
    /// The service and our own issuer, until somebody stops it.
    Serve,
    /// The service, with the issuers that its bundle names.
    AsConfigured,
}

impl Options {
    /// `None` if help is wanted.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let mut options = Self {
            bundle: concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/projects").to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            mode: Mode::Story,
            log: LevelFilter::INFO,
        };
        let mut serve = false;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value\n{USAGE}"));
            match argument.as_str() {
                "--bundle" => options.bundle = value()?,
                "--listen" => options.listen = value()?.parse()?,
                "--log" => options.log = value()?.parse()?,
                "--serve" => serve = true,
                "--as-configured" => options.mode = Mode::AsConfigured,
                "--help" | "-h" => return Ok(None),
                unknown => return Err(format!("unknown argument `{unknown}`\n{USAGE}").into()),
            }
        }
        match (serve, options.mode) {
            (true, Mode::Story) => options.mode = Mode::Serve,
            (false, Mode::AsConfigured) => {
                return Err(
                    "`--as-configured` goes with `--serve`: the table of requests needs an issuer of its own".into()
                );
            }
            _ => {}
        }
        Ok(Some(options))
    }
}

/// What the service is called in `aud` and in its metadata: the URL that clients call. Plain http is for loopback only.
fn identifier(address: SocketAddr) -> String {
    if address.ip().is_loopback() { format!("http://{address}") } else { "https://api.example.com".to_owned() }
}

const USAGE: &str = "\
usage: quickstart [--serve [--as-configured]] [--bundle DIR] [--listen ADDR] [--log LEVEL]

  --serve          keep the service running and print `curl` lines
  --as-configured  trust the issuers that the settings of the bundle name, instead of one of our own
  --log            what --as-configured logs: off, error, warn, info (default), debug or trace";
