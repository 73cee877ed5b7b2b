//! An issuer's server on this machine, which answers what it is told.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers requests whose paths begin in one of some ways, and 404 to others.
pub(crate) struct Server {
    /// Its URL, without a slash at the end.
    pub(crate) url: String,
    pages: Arc<Mutex<Vec<Page>>>,
}

/// A path, the media type of what is there, and that.
type Page = (&'static str, &'static str, Vec<u8>);

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages: Arc<Mutex<Vec<Page>>> = Arc::default();
        let served = Arc::clone(&pages);
        // A client that hangs up is nobody's fault.
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| drop(answer(stream, &served)));
        });
        Self { url, pages }
    }

    pub(crate) fn serve(&self, pages: impl IntoIterator<Item = Page>) {
        *self.pages.lock().unwrap() = pages.into_iter().collect();
    }
}

/// Answers one request, and closes the connection.
fn answer(mut stream: TcpStream, pages: &Mutex<Vec<Page>>) -> io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    request.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut octets = 0;
    while line.trim_end() != "" {
        line.clear();
        request.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            octets = value.trim().parse().unwrap_or(0);
        }
    }
    io::copy(&mut request.take(octets), &mut io::sink())?;
    let pages = pages.lock().unwrap();
    let (status, media_type, body) = match pages.iter().find(|(begin, ..)| path.starts_with(begin)) {
        Some((_, media_type, body)) => ("200 OK", *media_type, body.as_slice()),
        None => ("404 Not Found", "text/plain", &b""[..]),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}
