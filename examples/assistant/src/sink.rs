//! A mail server that keeps what it gets and sends nothing on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Where mail ends.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    /// Each mail becomes a file in this folder, `1.eml` and so on; without one it is printed.
    into: Option<PathBuf>,
    mails: Arc<AtomicU64>,
}

impl Sink {
    pub(crate) fn new(into: Option<PathBuf>) -> Self {
        Self { into, mails: Arc::default() }
    }

    /// Takes mail until the program ends.
    pub(crate) async fn run(self, listener: TcpListener) -> io::Result<()> {
        loop {
            let (connection, _) = listener.accept().await?;
            let sink = self.clone();
            tokio::spawn(async move {
                if let Ok(Err(error)) = timeout(FOR, sink.talk(connection)).await {
                    eprintln!("sink: {error}");
                }
            });
        }
    }

    /// Speaks SMTP (RFC 5321), as far as a client needs it.
    async fn talk(&self, mut connection: TcpStream) -> io::Result<()> {
        let (reader, mut writer) = connection.split();
        let mut lines = BufReader::new(reader.take(MOST_OCTETS)).split(b'\n');
        let mut envelope = String::new();
        writer.write_all(b"220 sink\r\n").await?;
        while let Some(line) = lines.next_segment().await? {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" => "250-sink\r\n250 8BITMIME",
                "HELO" | "NOOP" => "250 sink",
                "MAIL" | "RCPT" => {
                    envelope.push_str(&format!("X-{line}\n"));
                    "250 ok"
                }
                "RSET" => {
                    envelope.clear();
                    "250 ok"
                }
                "DATA" => {
                    writer.write_all(b"354 until a dot\r\n").await?;
                    let mut mail = std::mem::take(&mut envelope);
                    loop {
                        let Some(line) = lines.next_segment().await? else { return Ok(()) };
                        let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
                        if line == "." {
                            break;
                        }
                        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.push('\n');
                    }
                    self.keep(&mail).await?;
                    "250 kept"
                }
                "QUIT" => return writer.write_all(b"221 bye\r\n").await,
                _ => "502 not here",
            };
            writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
        }
        Ok(())
    }

    async fn keep(&self, mail: &str) -> io::Result<()> {
        let number = self.mails.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.into {
            Some(folder) => tokio::fs::write(folder.join(format!("{number}.eml")), mail).await?,
            None => {
                println!("sink     mail {number}:");
                mail.lines().for_each(|line| println!("sink       {line}"));
            }
        }
        Ok(())
    }
}

const MOST_OCTETS: u64 = 1 << 20;

const FOR: Duration = Duration::from_secs(60);
