//! What the command line of an example service says.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use portcullis::{BundleFiles, Clock, Loaded, SystemClock};

use crate::{Demo, Store};

/// The options of an example service.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What [`Store::open`] is given.
    pub database: String,
    bundle: PathBuf,
    /// Where to write tokens of an issuer of our own.
    demo: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments of the service called `program`, which listens on `port` unless they say otherwise. `None` if help
    /// was wanted, which is printed.
    ///
    /// # Errors
    ///
    /// What cannot be understood, and how to write it.
    pub fn parse(
        program: &str,
        port: u16,
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Option<Self>, Box<dyn Error + Send + Sync>> {
        let usage = usage(program, port);
        let mut options = Self {
            listen: (Ipv4Addr::LOCALHOST, port).into(),
            database: Store::IN_MEMORY.to_owned(),
            bundle: concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/projects").into(),
            demo: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value\n{usage}"));
            match argument.as_str() {
                "--bundle" => options.bundle = value()?.into(),
                "--listen" => options.listen = value()?.parse()?,
                "--database" => options.database = value()?,
                "--demo" => options.demo = Some(value()?.into()),
                "--help" | "-h" => {
                    println!("{usage}");
                    return Ok(None);
                }
                unknown => return Err(format!("unknown argument `{unknown}`\n{usage}").into()),
            }
        }
        Ok(Some(options))
    }

    /// The bundle for a service that clients reach at `url`: as it is, or with an issuer of our own.
    ///
    /// # Errors
    ///
    /// If it does not load, or if others than this machine could use the tokens of our own issuer.
    pub fn load(&self, url: &str) -> Result<Loaded, Box<dyn Error + Send + Sync>> {
        let Some(variables) = &self.demo else {
            return Ok(portcullis::load_dir(&self.bundle)?);
        };
        if !self.listen.ip().is_loopback() {
            return Err("`--demo` is for loopback: whoever reads its tokens is anybody".into());
        }
        let demo = Demo::new(url, SystemClock.now());
        std::fs::write(variables, demo.variables()).map_err(|error| format!("{}: {error}", variables.display()))?;
        println!("tokens  {}", variables.display());
        Ok(portcullis::load(&demo.trusted_by(BundleFiles::from_dir(&self.bundle)?)?)?)
    }
}

fn usage(program: &str, port: u16) -> String {
    format!(
        "\
usage: {program} [--bundle DIR] [--listen ADDR] [--database URL] [--demo FILE]

  --bundle    schema, policies and settings; default: policies/projects
  --listen    default: 127.0.0.1:{port}
  --database  sqlite:FILE; default: sqlite::memory:
  --demo      trust an issuer of our own, and write a token for each persona to FILE"
    )
}
