//! What the command line says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use projects_data::Store;

use crate::Error;

pub(crate) struct Options {
    pub(crate) bundle: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) database: String,
    /// Where to write tokens of an issuer of our own.
    pub(crate) demo: Option<PathBuf>,
}

impl Options {
    /// `None` if help is wanted.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Error> {
        let mut options = Self {
            bundle: concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/projects").into(),
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            database: Store::IN_MEMORY.to_owned(),
            demo: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value\n{USAGE}"));
            match argument.as_str() {
                "--bundle" => options.bundle = value()?.into(),
                "--listen" => options.listen = value()?.parse()?,
                "--database" => options.database = value()?,
                "--demo" => options.demo = Some(value()?.into()),
                "--help" | "-h" => return Ok(None),
                unknown => return Err(format!("unknown argument `{unknown}`\n{USAGE}").into()),
            }
        }
        Ok(Some(options))
    }
}

pub(crate) const USAGE: &str = "\
usage: actix-projects [--bundle DIR] [--listen ADDR] [--database URL] [--demo FILE]

  --bundle    schema, policies and settings; default: policies/projects
  --listen    default: 127.0.0.1:8080
  --database  sqlite:FILE; default: sqlite::memory:
  --demo      trust an issuer of our own, and write a token for each persona to FILE";
