//! The contract of adapters: whatever the framework, a request has one answer, byte for byte.
//!
//! The contract is a table of requests to one small service, with the answer to each, in the files `rows/*.http`: credentials,
//! routes, both times of decision, and everything that can go wrong. The service is an [`App`]: a gate that is ready, and
//! what the handlers do. The author of an adapter connects that to handlers of the framework, and hands over a function that
//! serves a request.
//!
//! ```
//! use http::{Request, Response};
//! use portcullis_testkit::contract::{self, App};
//!
//! /// The routes of the schema, each with a handler of the framework; here none, so nothing is answered as it should be.
//! async fn serve(app: App) -> impl AsyncFn(Request<Vec<u8>>) -> Response<Vec<u8>> {
//!     let (gate, handlers) = (app.gate().clone(), app.handlers().clone());
//!     async move |request| {
//!         let _ = (&gate, &handlers, request);
//!         Response::new(Vec::new())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = contract::check(serve).await;
//! assert_eq!(report.differences().len(), report.rows());
//! # }
//! ```
//!
//! A test of an adapter ends with [`Report::assert_kept`], as `crates/portcullis-axum/tests/contract.rs` does. Neither the
//! function nor its futures need to be `Send`. What the server says of a connection is a
//! [`Connection`](portcullis::Connection) in the extensions of the request.
//!
//! An adapter for gRPC is asked with [`grpc::check`], as `crates/portcullis-tonic/tests/contract.rs` does. A row has `@grpc` with
//! an action and an id if it means something there, and a status code besides if that does not follow from the answer.
//!
//! # What is connected to what
//!
//! Each action of [`App::gate`]'s bundle has its routes in the schema, and a method of [`Handlers`] with its name in the
//! documentation. A handler takes what the adapter hands to handlers: a permit, a caller, or that which decides; it passes it
//! to [`Handlers`], and sends the answer as it is. It fails with what the adapter fails with. [`SHOWN`] are those that are
//! all the same.
//!
//! # What is compared
//!
//! Status, header fields sorted by name, and body. The id of a decision and the nonce of the moment are masked if they have the
//! right form; `Date` is left out, and so is a right `Content-Length`, which servers add on the way. That a handler ran
//! although the answer is not a success is part of the answer. Where all answers of a file are right, each request must have
//! left one audit record with its status, whose decisions can be made again, and in which no credentials stand; so an adapter
//! keeps no handle of the gate once it is dropped. Where frameworks may differ, the contract says nothing: in
//! which routes match a path that is not in its normal form, and in what becomes of a handler that panics.

mod answer;
mod app;
mod audited;
pub mod grpc;
mod handlers;
mod limited;
mod report;
mod request;
mod row;
#[cfg(test)]
mod tests;

use http::{Request, Response};
use portcullis::{Engine, RequestHead};

pub use app::App;
use app::{World, ready};
use audited::Answered;
pub use handlers::{Handlers, OutOfReach, Payment, Project, Rpc, SHOWN, Secret};
pub use report::{Difference, Report};
use request::Sender;
use row::{File, Row};

/// Sends all rows to what `serve` makes of an [`App`], and compares the answers.
///
/// `serve` is called once for each file: the services differ in their settings.
pub async fn check<S>(serve: impl AsyncFn(App) -> S) -> Report
where
    S: AsyncFn(Request<Vec<u8>>) -> Response<Vec<u8>>,
{
    let mut report = Report::new();
    for file in files() {
        let world = World::new(file.settings);
        let mut sender = Sender::new(&world);
        let served = serve(world.app.clone()).await;
        let (mut answered, mut secrets) = (Vec::new(), Vec::new());
        let before = report.differences().len();
        for row in &file.rows {
            world.app.handlers().take_calls();
            let request = sender.request(row);
            secrets.extend(sender.secrets());
            let is_metadata =
                world.app.gate().metadata(&RequestHead::new(request.method(), request.uri(), request.headers(), None));
            let response = served(request).await;
            let handler_ran = world.app.handlers().take_calls() > 0;
            let actual = answer::transcript(&row.method, &response, handler_ran);
            report.add((actual != row.answer).then(|| difference(&file, row, actual)));
            answered.push(match is_metadata {
                Some(_) => Answered::Metadata,
                None => Answered::Http(response.status().as_u16()),
            });
        }
        drop((served, sender));
        if report.differences().len() == before {
            report.append(audit(&file, &file.rows, world, &answered, &secrets));
        }
    }
    report
}

/// The first row whose record is missing or wrong. All but the gate of `world` must be gone.
fn audit<'a>(
    file: &File,
    rows: impl IntoIterator<Item = &'a Row>,
    world: World,
    answered: &[Answered],
    secrets: &[String],
) -> Option<Difference> {
    let World { app, records, .. } = world;
    let engine = Engine::new(app.gate().bundle());
    drop(app);
    let (index, expected, actual) = records.mismatch(&engine, answered, secrets)?;
    let row = rows.into_iter().nth(index)?;
    let request = format!("{} {}", row.method, row.target);
    Some(Difference { file: file.name, row: row.name.clone(), request, expected, actual })
}

fn difference(file: &File, row: &Row, actual: String) -> Difference {
    let request = format!("{} {}", row.method, row.target);
    Difference { file: file.name, row: row.name.clone(), request, expected: row.answer.clone(), actual }
}

fn files() -> Vec<File> {
    let files = FILES.iter().map(|(name, text)| row::parse(name, text));
    files.map(ready).collect()
}

/// The rows, as they stand in the folder `rows`.
const FILES: &[(&str, &str)] = &[
    ("bearer.http", include_str!("rows/bearer.http")),
    ("decisions.http", include_str!("rows/decisions.http")),
    ("handlers.http", include_str!("rows/handlers.http")),
    ("confirmation.http", include_str!("rows/confirmation.http")),
    ("routes.http", include_str!("rows/routes.http")),
    ("strict.http", include_str!("rows/strict.http")),
    ("metadata.http", include_str!("rows/metadata.http")),
    ("dpop.http", include_str!("rows/dpop.http")),
    ("nonces.http", include_str!("rows/nonces.http")),
    ("api-keys.http", include_str!("rows/api-keys.http")),
    ("api-key-scheme.http", include_str!("rows/api-key-scheme.http")),
    ("certificates.http", include_str!("rows/certificates.http")),
    ("proxies.http", include_str!("rows/proxies.http")),
    ("limits.http", include_str!("rows/limits.http")),
];
