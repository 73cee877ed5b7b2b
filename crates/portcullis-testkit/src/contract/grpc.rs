//! The same questions over gRPC.

use http::{HeaderMap, Method, StatusCode};
use portcullis::Connection;

use super::answer::mask_nonce;
use super::row::{Grpc, Row};
use super::{Answered, App, Difference, Report, Sender, World, audit, files};

/// A call of an adapter for gRPC: the method, what stands in its metadata, and which resource its message names.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Call {
    /// As in the schema's `@grpc`: `portcullis.contract.v1.Projects/GetProject`. There is no `NoSuchMethod`.
    pub method: String,
    /// The metadata.
    pub metadata: HeaderMap,
    /// What the server knows of the connection.
    pub connection: Option<Connection>,
    /// The id in the message. The handler loads the resource and checks, as the one for HTTP does.
    pub id: String,
}

/// How a call ended.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "an adapter's test makes it")]
pub struct Status {
    /// The status code; 0 for success.
    pub code: u8,
    /// The metadata that came with it. Of them the entries `www-authenticate`, `dpop-nonce` and `retry-after` are looked at
    /// (GRP-05).
    pub metadata: HeaderMap,
}

/// Sends the rows that mean something over gRPC, and compares status and metadata with what follows from the answer over
/// HTTP.
///
/// `serve` is asked as by [`check`](super::check); it makes the call, whatever the transport is.
pub async fn check<S>(serve: impl AsyncFn(App) -> S) -> Report
where
    S: AsyncFn(Call) -> Status,
{
    let mut report = Report::new();
    for file in files() {
        let world = World::new(file.settings);
        let mut sender = Sender::new(&world);
        let served = serve(world.app.clone()).await;
        let asked = || file.rows.iter().filter_map(|row| Some((row, row.grpc.as_ref()?)));
        let (mut answered, mut secrets) = (Vec::new(), Vec::new());
        let before = report.differences().len();
        for (row, grpc) in asked() {
            let method = format!("portcullis.contract.v1.Projects/{}", grpc.action);
            // Proofs are made for the request that is sent (GRP-08).
            let sent = Row { method: Method::POST, target: format!("/{method}"), ..row.clone() };
            let (head, _) = sender.request(&sent).into_parts();
            secrets.extend(sender.secrets());
            let connection = head.extensions.get().copied();
            let status = served(Call { method, metadata: head.headers, connection, id: grpc.id.clone() }).await;
            answered.push(Answered::Grpc(status.code));
            let (expected, actual) = (expected(row, grpc), written(&status));
            let request = format!("{} {}", grpc.action, grpc.id);
            report.add((expected != actual).then(|| Difference {
                file: file.name,
                row: row.name.clone(),
                request,
                expected,
                actual,
            }));
        }
        drop((served, sender));
        if report.differences().len() == before {
            report.append(audit(&file, asked().map(|(row, _)| row), world, &answered, &secrets));
        }
    }
    report
}

/// The status code for an answer over HTTP (GRP-02), unless the row has one of its own. It has where gRPC tells apart what
/// HTTP does not: callers who are not identified are never told 7, so plain text is 16; our own deadline is 4 (GRP-12); and a
/// method that nobody has is denied (GRP-11).
fn code(status: StatusCode) -> u8 {
    match status.as_u16() {
        200..=299 => 0,
        400 => 3,  // INVALID_ARGUMENT
        401 => 16, // UNAUTHENTICATED
        403 => 7,  // PERMISSION_DENIED
        404 => 5,  // NOT_FOUND
        405 => 12, // UNIMPLEMENTED
        429 => 8,  // RESOURCE_EXHAUSTED
        503 => 14, // UNAVAILABLE: clients keep their tokens
        _ => 13,   // INTERNAL
    }
}

fn expected(row: &Row, grpc: &Grpc) -> String {
    let status = row.answer.split(' ').next().and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    let code = grpc.code.unwrap_or_else(|| code(status.unwrap_or_default()));
    let head: Vec<_> = row.answer.lines().take_while(|line| !line.is_empty()).collect();
    let entries = NAMES.iter().flat_map(|name| {
        let entry = |line: &&&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "));
        head.iter().filter(entry).map(|line| format!("\n{line}")).collect::<Vec<_>>()
    });
    std::iter::once(format!("grpc-status: {code}")).chain(entries).collect()
}

fn written(status: &Status) -> String {
    let entries = NAMES.iter().flat_map(|name| {
        let text = |value: &http::HeaderValue| mask_nonce(String::from_utf8_lossy(value.as_bytes()).into_owned());
        status.metadata.get_all(*name).iter().map(move |value| format!("\n{name}: {}", text(value)))
    });
    std::iter::once(format!("grpc-status: {}", status.code)).chain(entries).collect()
}

/// The metadata that say what HTTP says in fields of these names.
const NAMES: [&str; 3] = ["www-authenticate", "dpop-nonce", "retry-after"];
