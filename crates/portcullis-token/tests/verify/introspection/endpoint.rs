//! An introspection endpoint that answers as it is told, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

/// Its threads end with the test process.
pub(super) struct Endpoint {
    pub(super) url: String,
    shared: Arc<Shared>,
}

/// What a client sent, the names of fields in lower case.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
}

#[derive(Clone)]
pub(super) enum Reply {
    Http {
        status: u16,
        content_type: &'static str,
        body: String,
    },
    Redirect(String),
    /// The connection is closed without an answer.
    Close,
    /// The connection stays open without an answer.
    Silence,
}

struct Shared {
    requests: Mutex<Vec<Request>>,
    reply: Mutex<Reply>,
    held: Mutex<bool>,
    released: Condvar,
}

impl Endpoint {
    pub(super) fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/introspect", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            reply: Mutex::new(reply),
            held: Mutex::default(),
            released: Condvar::new(),
        });
        let accepted = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&accepted);
                // A client that has seen enough closes the connection; that is no fault of the server.
                std::thread::spawn(move || shared.respond(stream.unwrap()));
            }
        });
        Self { url, shared }
    }

    /// One that gives this answer, with status 200.
    pub(super) fn answering(answer: Value) -> Self {
        Self::start(Reply::json(answer))
    }

    pub(super) fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().unwrap() = reply;
    }

    /// Lets clients wait until [`Endpoint::release`].
    pub(super) fn hold(&self) {
        *self.shared.held.lock().unwrap() = true;
    }

    pub(super) fn release(&self) {
        *self.shared.held.lock().unwrap() = false;
        self.shared.released.notify_all();
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.requests().len()
    }
}

impl Reply {
    pub(super) fn json(answer: Value) -> Self {
        Self::Http { status: 200, content_type: "application/json", body: answer.to_string() }
    }

    pub(super) fn status(status: u16) -> Self {
        Self::Http { status, content_type: "application/json", body: r#"{"active":true}"#.to_owned() }
    }
}

impl Request {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// A member of the form, as it is encoded.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        self.body.split('&').find_map(|member| member.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Shared {
    fn respond(&self, mut stream: TcpStream) {
        let Ok(request) = read(&stream) else { return };
        self.requests.lock().unwrap().push(request);
        drop(self.released.wait_while(self.held.lock().unwrap(), |held| *held).unwrap());
        let reply = self.reply.lock().unwrap().clone();
        let _ = match reply {
            Reply::Http { status, content_type, body } => write!(
                stream,
                "HTTP/1.1 {status} x\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len(),
            ),
            Reply::Redirect(location) => {
                write!(
                    stream,
                    "HTTP/1.1 307 x\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
            }
            Reply::Close => Ok(()),
            Reply::Silence => stream.read(&mut [0]).map(drop), // until the client gives up
        };
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(": ") else { break };
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length =
        fields.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { line: line.trim_end().to_owned(), fields, body: String::from_utf8(body).unwrap() })
}
