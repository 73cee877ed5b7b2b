//! A real `redis-server`, with a folder and a port of its own, that can be killed, paused and started again.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running server, or one that was killed and can be started again.
pub(crate) struct RedisServer {
    port: u16,
    folder: PathBuf,
    options: Vec<String>,
    process: Child,
}

/// What a server keeps when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    None,
    /// Every write, before it is answered.
    All,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::with(Persistence::None, &[])
    }

    /// A server with the options `more`, such as `--maxmemory 2mb`.
    pub(crate) fn with(persistence: Persistence, more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::on_port(port, persistence, more)
    }

    pub(crate) fn on_port(port: u16, persistence: Persistence, more: &[&str]) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("portcullis-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let kept: &[&str] = match persistence {
            Persistence::None => &["--save", "", "--appendonly", "no"],
            Persistence::All => &["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
        };
        let options: Vec<String> = kept.iter().chain(more).map(|option| (*option).to_owned()).collect();
        let process = Self::spawn(port, &folder, &options);
        let server = Self { port, folder, options, process };
        server.wait();
        server
    }

    fn spawn(port: u16, folder: &PathBuf, options: &[String]) -> Child {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]).args(options);
        let started = command.current_dir(folder).stdout(Stdio::null()).stdin(Stdio::null()).spawn();
        started.expect("`redis-server` is needed (on Debian and Ubuntu: apt-get install redis-server)")
    }

    /// Until it accepts commands.
    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.answers() {
            assert!(Instant::now() < end, "redis-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it answers, be it that it wants a password.
    fn answers(&self) -> bool {
        let Ok(mut connection) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        if self.options.iter().any(|option| option == "--tls-port") {
            return true;
        }
        let mut answer = [0; 5];
        let asked = connection.write_all(b"PING\r\n").and_then(|()| connection.read_exact(&mut answer));
        asked.is_ok() && matches!(&answer, b"+PONG" | b"-NOAU")
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(2))
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What the server answers to `command`.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, arguments) = command.split_first().unwrap();
        redis::cmd(name).arg(arguments).query(&mut self.connect().unwrap()).unwrap()
    }

    /// As when the power fails.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// After it was killed.
    pub(crate) fn start_again(&mut self) {
        self.start_again_with(&[]);
    }

    pub(crate) fn start_again_with(&mut self, more: &[&str]) {
        self.options.extend(more.iter().map(|option| (*option).to_owned()));
        self.process = Self::spawn(self.port, &self.folder, &self.options);
        self.wait();
    }

    /// Connections stay open, and nothing is answered.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

static STARTED: AtomicU32 = AtomicU32::new(0);
