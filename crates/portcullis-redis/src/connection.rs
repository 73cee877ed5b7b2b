//! The connection to Redis.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo, Script, ScriptInvocation,
    TlsCertificates,
};

use crate::failure::RedisFailure;
use crate::script;

/// Where Redis is, and how it is used.
///
/// # Defaults
///
/// Keys begin with `portcullis:`. A command that takes longer than 500 milliseconds has failed, and so has an attempt to
/// connect.
#[derive(Clone)]
pub struct RedisSettings {
    server: ConnectionInfo,
    root: Option<Vec<u8>>,
    prefix: String,
    timeout: Duration,
}

impl RedisSettings {
    /// Redis at `url`: `redis://[user][:password@]host[:port][/database]`, or `rediss://` for TLS. The certificate must then
    /// come from an authority that the operating system trusts, or from [`RedisSettings::with_root_certificate`].
    ///
    /// # Errors
    ///
    /// If `url` is not one of these. The error does not repeat it, since it may hold a password.
    pub fn new(url: &str) -> Result<Self, RedisFailure> {
        let server = url.into_connection_info().map_err(|_| RedisFailure::Url)?;
        // `#insecure`: TLS with whoever answers.
        if let ConnectionAddr::TcpTls { insecure: true, .. } = server.addr() {
            return Err(RedisFailure::Url);
        }
        let tcp = TcpSettings::default().set_nodelay(true);
        // Of a host that is gone without a word, the kernel would otherwise hope for a quarter of an hour.
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(GONE_AFTER);
        Ok(Self { server: server.set_tcp_settings(tcp), root: None, prefix: PREFIX.to_owned(), timeout: TIMEOUT })
    }

    /// Believes certificates of the authority `pem`, in place of those that the operating system trusts.
    #[must_use]
    pub fn with_root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root = Some(pem.into());
        self
    }

    /// Lets keys begin with `prefix`. The replicas of one service have the same; services with different limits or different
    /// revocations have their own.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Waits for an answer for at most `timeout`. So long a request can be held up while Redis does not answer.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects, and asks whether the server keeps what it is given. The connection lives on the Tokio runtime on which this
    /// is called.
    ///
    /// # Errors
    ///
    /// If the server does not answer, does not let us in, or is set up to evict keys; if there is a root certificate, and the
    /// URL is not one of TLS.
    pub async fn connect(self) -> Result<Redis, RedisFailure> {
        let client = match (self.server.addr(), self.root) {
            (ConnectionAddr::TcpTls { .. }, root) => {
                // Without a default, rustls panics where a program has several cryptographic backends. A default that is
                // there already stays.
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
                Client::build_with_tls(self.server, TlsCertificates { client_tls: None, root_cert: root })
            }
            (_, Some(_)) => return Err(RedisFailure::PlainText),
            (_, None) => Client::open(self.server),
        }
        .map_err(RedisFailure::of)?;
        let manager = manager(&client, self.timeout)?;
        let redis = Redis(Arc::new(Inner {
            client,
            manager: RwLock::new(Arc::new(manager)),
            prefix: self.prefix,
            timeout: self.timeout,
        }));
        let connect = Script::new(script::CONNECT);
        let _: String = redis.run(&connect.key(redis.key(MEMORY))).await?;
        Ok(redis)
    }
}

/// A connection to Redis, which comes back by itself. Clones share it.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    manager: RwLock<Arc<ConnectionManager>>,
    prefix: String,
    timeout: Duration,
}

impl Redis {
    /// The key `name` of ours.
    pub(crate) fn key(&self, name: impl AsRef<[u8]>) -> Vec<u8> {
        [self.0.prefix.as_bytes(), name.as_ref()].concat()
    }

    /// Runs a script, and waits no longer than the settings say: for a connection, a turn and the answer together.
    pub(crate) async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, RedisFailure> {
        let used = Arc::clone(&self.0.manager.read().unwrap_or_else(PoisonError::into_inner));
        let mut connection = (*used).clone();
        let timed_out = RedisFailure::TimedOut { after: self.0.timeout };
        match tokio::time::timeout(self.0.timeout, call.invoke_async(&mut connection)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_timeout() => Err(timed_out),
            Ok(Err(error)) => {
                if error.code() == Some("READONLY") {
                    self.replace(&used)?;
                }
                Err(RedisFailure::of(error))
            }
            Err(_) => Err(timed_out),
        }
    }

    /// After a failover, the old server may go on as a replica. Who asks for the name again finds the new one.
    fn replace(&self, used: &Arc<ConnectionManager>) -> Result<(), RedisFailure> {
        let mut manager_now = self.0.manager.write().unwrap_or_else(PoisonError::into_inner);
        // Of many requests that saw it, one replaces it.
        if Arc::ptr_eq(&manager_now, used) {
            *manager_now = Arc::new(manager(&self.0.client, self.0.timeout)?);
        }
        Ok(())
    }
}

/// Connects when it is first used, and again when the connection is lost. While that fails, commands fail at once.
fn manager(client: &Client, timeout: Duration) -> Result<ConnectionManager, RedisFailure> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout))
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(50));
    ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(RedisFailure::of)
}

/// The URL may hold a password.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("server", &self.server.addr().to_string())
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("server", &self.0.client.get_connection_info().addr().to_string())
            .field("prefix", &self.0.prefix)
            .finish_non_exhaustive()
    }
}

/// The key under which a server says since when it remembers.
pub(crate) const MEMORY: &str = "memory";

/// How far the clocks of Redis and of the replicas may be apart, and Redis' own may be put back, before something is
/// forgotten that still counts.
pub(crate) const CLOCK_MARGIN: Duration = Duration::from_secs(60);

const PREFIX: &str = "portcullis:";
const TIMEOUT: Duration = Duration::from_millis(500);
#[cfg(target_os = "linux")]
const GONE_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        // GEN-04
        let settings = RedisSettings::new("redis://svc:hunter2@127.0.0.1:6379/3").unwrap();
        let printed = format!("{settings:?}");
        assert!(
            printed.contains("127.0.0.1:6379") && !printed.contains("hunter2") && !printed.contains("svc"),
            "{printed}"
        );
        for url in [
            "redis//:hunter2@host",
            "http://:hunter2@host",
            "redis://:hunter2@host:port",
            "",
            "redis://:hunter2@h/x",
            "rediss://:hunter2@h/#insecure",
        ] {
            let error = RedisSettings::new(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
