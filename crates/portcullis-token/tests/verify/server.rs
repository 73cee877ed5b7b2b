//! A web server on this machine, with and without TLS. Its threads end with the test process.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use tokio::sync::Notify;

/// Answers what it was told to; 404 at other paths.
pub(crate) struct Server {
    origin: String,
    site: Arc<Site>,
}

#[derive(Default)]
struct Site {
    answers: Mutex<HashMap<String, Answer>>,
    requested: Mutex<Vec<String>>,
    hanging: Notify,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: String,
    body: String,
    hangs: bool,
}

/// A certificate of the test data.
#[derive(Clone, Copy)]
pub(crate) enum Certificate {
    Localhost,
    /// For another name.
    Other,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::listen("http", "127.0.0.1", |stream, site| site.answer(stream))
    }

    pub(crate) fn start_tls(certificate: Certificate) -> Self {
        let config = Arc::new(tls_config(certificate));
        Self::listen("https", "localhost", move |stream, site| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            site.answer(StreamOwned::new(connection, stream))
        })
    }

    fn listen(
        scheme: &str,
        host: &str,
        serve: impl Fn(TcpStream, &Site) -> io::Result<()> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("{scheme}://{host}:{}", listener.local_addr().unwrap().port());
        let site = Arc::new(Site::default());
        let shared = Arc::clone(&site);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, site, serve) = (stream.unwrap(), Arc::clone(&shared), serve.clone());
                // A client that has seen enough closes the connection; that is no fault of the server.
                std::thread::spawn(move || serve(stream, &site));
            }
        });
        Self { origin, site }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub(crate) fn serve(&self, path: &str, answer: Answer) {
        self.site.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// The paths that were asked for, in order.
    pub(crate) fn requested(&self) -> Vec<String> {
        self.site.requested.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.requested().len()
    }

    pub(crate) fn requests_for(&self, path: &str) -> usize {
        self.requested().iter().filter(|requested| *requested == path).count()
    }

    /// Waits until it has sent the first half of [`Answer::hanging`].
    pub(crate) async fn is_hanging(&self) {
        self.site.hanging.notified().await;
    }
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self::text("application/json", &body.to_string())
    }

    pub(crate) fn text(media_type: &str, body: &str) -> Self {
        Self { body: body.to_owned(), ..Self::status(200) }.with_header("content-type", media_type)
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: String::new(), body: String::new(), hangs: false }
    }

    /// The head and a little of the body, and then nothing more.
    pub(crate) fn hanging() -> Self {
        Self { hangs: true, ..Self::text("application/json", "{") }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }
}

impl Site {
    fn answer(&self, mut stream: impl Read + Write) -> io::Result<()> {
        let path = read_request(&mut stream)?;
        self.requested.lock().unwrap().push(path.clone());
        let answer = self.answers.lock().unwrap().get(&path).cloned().unwrap_or_else(|| Answer::status(404));
        let Answer { status, headers, body, hangs } = answer;
        let length = body.len() + usize::from(hangs);
        write!(stream, "HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")?;
        stream.flush()?;
        if hangs {
            self.hanging.notify_one();
            stream.read_exact(&mut [0])?; // until the client gives up
        }
        Ok(())
    }
}

/// The path of a request without a body.
fn read_request(stream: &mut impl Read) -> io::Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let request_line = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    Ok(request_line.split(' ').nth(1).unwrap_or_default().to_owned())
}

fn tls_config(certificate: Certificate) -> ServerConfig {
    let (certificate, key) = match certificate {
        Certificate::Localhost => {
            (&include_bytes!("../data/tls/localhost.pem")[..], &include_bytes!("../data/tls/localhost-key.pem")[..])
        }
        Certificate::Other => {
            (&include_bytes!("../data/tls/other.pem")[..], &include_bytes!("../data/tls/other-key.pem")[..])
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    config.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap()).unwrap()
}
