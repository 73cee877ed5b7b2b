//! A service that terminates mutual TLS itself, and believes tokens only of who holds the certificate that they are bound
//! to (RFC 8705).
//!
//! ```text
//! cargo run -p mtls                                # README.md has the `curl` lines
//! cargo run -p mtls -- --listen ADDR --folder DIR  # another address, another place for certificates and tokens
//! ```

mod certificates;
mod listener;
mod service;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;

use crate::certificates::{Authority, Identity};
use crate::listener::TlsListener;
use crate::service::Issuer;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Options { listen, folder } = Options::parse(std::env::args().skip(1))?;
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let authority = Authority::new()?;
    let (owner, other) = (authority.client("payroll")?, authority.client("other")?);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let issuer = Issuer::new(now);
    save(&folder.join("authority.pem"), &authority.pem())?;
    save(&folder.join("token"), &issuer.token_for(&owner))?;
    for (name, Identity { certificate, key }) in [("owner", &owner), ("other", &other)] {
        save(&folder.join(format!("{name}.pem")), &certificate.pem())?;
        save(&folder.join(format!("{name}.key")), &key.serialize_pem())?;
    }

    let gate = service::gate(&issuer, &folder)?;
    let tcp = TcpListener::bind(listen).await?;
    println!("https://localhost:{}  (certificates and a token: {})", tcp.local_addr()?.port(), folder.display());
    let tls = TlsListener::new(tcp, listener::tls(&authority.server()?, &authority)?);
    service::serve(tls, &gate).await
}

/// Whoever may read the folder may use the keys: they are worth nothing elsewhere.
fn save(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
}

struct Options {
    listen: SocketAddr,
    folder: PathBuf,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/mtls").into();
        let mut options = Self { listen: SocketAddr::from(([127, 0, 0, 1], 8443)), folder };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--listen" => options.listen = value()?.parse()?,
                "--folder" => options.folder = value()?.into(),
                _ => {
                    return Err(
                        format!("unknown argument `{argument}`; there are --listen ADDR and --folder DIR").into()
                    );
                }
            }
        }
        Ok(options)
    }
}
