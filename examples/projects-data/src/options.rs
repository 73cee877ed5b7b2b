//! What the command line of an example service says.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis::audit::{AuditLog, FileSink};
use portcullis::{BundleFiles, Clock, Gate, GateBuilder, Loaded, SystemClock};
use portcullis_redis::{RedisLimitStore, RedisReplayStore, RedisRevocations, RedisSettings};

use crate::{Demo, Store};

type Failure = Box<dyn Error + Send + Sync>;

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
    /// What the replicas of the service share.
    redis: Option<String>,
    /// Where a record of each request is written.
    audit: Option<PathBuf>,
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
    ) -> Result<Option<Self>, Failure> {
        let usage = usage(program, port);
        let mut options = Self {
            listen: (Ipv4Addr::LOCALHOST, port).into(),
            database: Store::IN_MEMORY.to_owned(),
            bundle: concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/projects").into(),
            demo: None,
            redis: None,
            audit: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value\n{usage}"));
            match argument.as_str() {
                "--bundle" => options.bundle = value()?.into(),
                "--listen" => options.listen = value()?.parse()?,
                "--database" => options.database = value()?,
                "--demo" => options.demo = Some(value()?.into()),
                "--redis" => options.redis = Some(value()?),
                "--audit" => options.audit = Some(value()?.into()),
                "--help" | "-h" => {
                    println!("{usage}");
                    return Ok(None);
                }
                unknown => return Err(format!("unknown argument `{unknown}`\n{usage}").into()),
            }
        }
        Ok(Some(options))
    }

    /// The gate of a service that clients reach at `url`, which knows what `store` holds.
    ///
    /// # Errors
    ///
    /// If the bundle does not load, if others than this machine could use the tokens of our own issuer, or if Redis does not
    /// answer.
    pub async fn gate(&self, url: &str, store: &Store) -> Result<Gate, Failure> {
        let gate = self.load(url)?.gate().directory(store.clone());
        let gate = match &self.redis {
            Some(redis) => shared(gate, redis).await?,
            None => gate,
        };
        let gate = match &self.audit {
            Some(path) => gate.audit(audited(path)),
            None => gate,
        };
        // Whoever tries the demonstration wants to know why.
        let gate = match &self.demo {
            Some(_) => gate.explain_denials(|denial| eprintln!("{denial}")),
            None => gate,
        };
        Ok(gate.build()?)
    }

    /// The bundle: as it is, or with an issuer of our own.
    fn load(&self, url: &str) -> Result<Loaded, Failure> {
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

/// One of several replicas: what one counts, has seen or has revoked, the others know.
async fn shared(gate: GateBuilder, redis: &str) -> Result<GateBuilder, Failure> {
    let redis = RedisSettings::new(redis)?.with_prefix("projects:").connect().await?;
    let revocations = RedisRevocations::start(&redis, REVOCATIONS).await?;
    Ok(gate
        .limit_store(Arc::new(RedisLimitStore::new(&redis)))
        .replay_store(Arc::new(RedisReplayStore::new(&redis)))
        .revocations(revocations))
}

/// A log with its heads beside it, for want of a better place: they should be out of reach for whoever can alter the log.
fn audited(path: &Path) -> AuditLog {
    let mut heads = path.as_os_str().to_owned();
    heads.push(".heads");
    let log = AuditLog::new(FileSink::new(path).rotate_at(100_000_000));
    log.heads(FileSink::new(heads), HEAD_EVERY, Duration::from_secs(1))
}

fn usage(program: &str, port: u16) -> String {
    format!(
        "\
usage: {program} [--bundle DIR] [--listen ADDR] [--database URL] [--demo FILE] [--redis URL] [--audit FILE]

  --bundle    schema, policies and settings; default: policies/projects
  --listen    default: 127.0.0.1:{port}
  --database  sqlite:FILE; default: sqlite::memory:
  --demo      trust an issuer of our own, write a token for each persona to FILE, and explain denials on the terminal
  --redis     what the replicas of the service share; default: each is alone
  --audit     write a record of each request to FILE, and the heads of their chain to FILE.heads"
    )
}

/// A tail that is cut off is noticed to so many lines.
const HEAD_EVERY: NonZeroU64 = NonZeroU64::MIN.saturating_add(99);

/// Room for so many.
const REVOCATIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);
