//! The same questions over gRPC.

use http::HeaderMap;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::row::Row;
use super::{App, Difference, Report, Sender, World, files};

/// A call of an adapter for gRPC: the method, what stands in its metadata, and which resource its message names.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Call {
    /// As in the schema's `@grpc`: `portcullis.contract.v1.Projects/GetProject`.
    pub method: String,
    /// The metadata.
    pub metadata: HeaderMap,
    /// The id in the message. The handler loads the resource and checks, as the one for HTTP does.
    pub id: String,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an adapter's test makes it")]
pub struct Status {
    /// The status code; 0 for success.
    pub code: u8,
    /// The entries `www-authenticate` of the metadata, in their order (GRP-05).
    pub challenges: Vec<String>,
}

/// Sends the rows that mean something over gRPC, and compares the status and the challenges with what follows from the
/// answer over HTTP.
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
        for row in file.rows.iter().filter(|row| row.grpc.is_some()) {
            let Some(grpc) = &row.grpc else { continue };
            let method = format!("portcullis.contract.v1.Projects/{}", grpc.action);
            let metadata = sender.request(row).headers().clone();
            let status = served(Call { method, metadata, id: grpc.id.clone() }).await;
            let (expected, actual) = (written(&expected(row)), written(&status));
            let request = format!("{} {}", grpc.action, grpc.id);
            report.add((expected != actual).then(|| Difference {
                file: file.name,
                row: row.name.clone(),
                request,
                expected,
                actual,
            }));
        }
    }
    report
}

/// The status code for an answer over HTTP (GRP-02): one table for all rows.
///
/// ```
/// use http::StatusCode;
/// use portcullis_testkit::contract::grpc::code;
///
/// assert_eq!(code(StatusCode::UNAUTHORIZED), 16); // UNAUTHENTICATED
/// assert_eq!(code(StatusCode::SERVICE_UNAVAILABLE), 14); // UNAVAILABLE: clients keep their tokens
/// ```
#[must_use]
pub fn code(status: StatusCode) -> u8 {
    match status.as_u16() {
        200..=299 => 0,
        400 => 3,  // INVALID_ARGUMENT
        401 => 16, // UNAUTHENTICATED
        403 => 7,  // PERMISSION_DENIED
        404 => 5,  // NOT_FOUND
        405 => 12, // UNIMPLEMENTED
        429 => 8,  // RESOURCE_EXHAUSTED
        503 => 14, // UNAVAILABLE
        _ => 13,   // INTERNAL
    }
}

fn expected(row: &Row) -> Status {
    let status = row.answer.split(' ').next().and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    let head = row.answer.lines().take_while(|line| !line.is_empty());
    let challenge = |line: &str| line.strip_prefix(&format!("{WWW_AUTHENTICATE}: ")).map(str::to_owned);
    Status { code: code(status.unwrap_or_default()), challenges: head.filter_map(challenge).collect() }
}

fn written(status: &Status) -> String {
    let challenges = status.challenges.iter().map(|challenge| format!("\nwww-authenticate: {challenge}"));
    std::iter::once(format!("grpc-status: {}", status.code)).chain(challenges).collect()
}
