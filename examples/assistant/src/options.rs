//! What the command line says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is to run.
#[derive(Debug)]
pub(crate) enum Options {
    Help,
    /// The service. Without `smtp`, a sink of its own takes what it sends.
    Serve {
        listen: SocketAddr,
        smtp: Option<SocketAddr>,
        trusted: Trusted,
    },
    /// A mail server that keeps what it gets.
    Sink {
        listen: SocketAddr,
        into: Option<PathBuf>,
    },
    /// The agent, with the token in a file.
    Agent {
        url: String,
        token: PathBuf,
    },
}

/// Whose tokens are accepted.
#[derive(Debug)]
pub(crate) enum Trusted {
    /// Those of an issuer of our own. With a file, tokens are written to it; without one, the agent runs in this program.
    Demo { variables: Option<PathBuf> },
    /// Those of the issuers that the settings in this folder name.
    AsConfigured { bundle: PathBuf },
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut kind = None;
        let (mut listen, mut smtp, mut into, mut url, mut token, mut bundle, mut tokens) =
            (None, None, None, None, None, None, None);
        let mut demo = false;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value\n{USAGE}"));
            match argument.as_str() {
                "sink" | "agent" if kind.is_none() => kind = Some(argument),
                "--demo" => demo = true,
                "--tokens" => tokens = Some(value()?.into()),
                "--bundle" => bundle = Some(value()?.into()),
                "--listen" => listen = Some(value()?.parse()?),
                "--smtp" => smtp = Some(value()?.parse()?),
                "--into" => into = Some(value()?.into()),
                "--url" => url = Some(value()?),
                "--token" => token = Some(value()?.into()),
                "--help" | "-h" => return Ok(Self::Help),
                unknown => return Err(format!("unknown argument `{unknown}`\n{USAGE}").into()),
            }
        }
        let on = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match (kind.as_deref(), demo, bundle, url.zip(token)) {
            (Some("sink"), false, None, None) => Ok(Self::Sink { listen: listen.unwrap_or(on(2525)), into }),
            (Some("agent"), false, None, Some((url, token))) => Ok(Self::Agent { url, token }),
            (None, true, None, None) => {
                let listen = listen.unwrap_or(on(8092));
                if !listen.ip().is_loopback() {
                    return Err("`--demo` is for loopback: whoever reaches it is anybody".into());
                }
                Ok(Self::Serve { listen, smtp, trusted: Trusted::Demo { variables: tokens } })
            }
            (None, false, Some(bundle), None) => {
                let listen = listen.unwrap_or(on(8092));
                Ok(Self::Serve { listen, smtp, trusted: Trusted::AsConfigured { bundle } })
            }
            _ => Err(USAGE.into()),
        }
    }
}

pub(crate) const USAGE: &str = "\
usage: assistant --demo [--listen ADDR] [--smtp ADDR] [--tokens FILE]
       assistant --bundle DIR --smtp ADDR [--listen ADDR]
       assistant agent --url URL --token FILE
       assistant sink [--listen ADDR] [--into DIR]

  --demo    the whole story, with an issuer of our own: a mail server, the service, the page, and the agent
  --tokens  write tokens of the demo to FILE, and start no agent
  --bundle  the service for the issuers that the settings in DIR name, and without the page
  --smtp    the mail server; with --demo, one of our own unless it is stated
  --listen  default: 127.0.0.1:8092; of the sink: 127.0.0.1:2525
  --into    the folder in which the sink keeps each mail as a file";
