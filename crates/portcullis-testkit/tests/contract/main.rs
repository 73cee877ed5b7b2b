//! The contract of adapters is kept by an adapter that does nothing but that, and broken by each that is broken on purpose.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

mod framework;

use std::path::Path;

use framework::{Fault, serve};
use portcullis_testkit::contract::{self, Report};

async fn check(fault: Option<Fault>) -> Report {
    contract::check(async |app| serve(app, fault)).await
}

#[tokio::test]
async fn a_plain_adapter_keeps_the_contract() {
    let report = check(None).await;
    if std::env::var_os("PORTCULLIS_RECORD").is_some() {
        record(&report);
    }
    assert!(report.rows() >= 300, "{} rows", report.rows());
    report.assert_kept();
}

#[tokio::test]
async fn every_fault_of_an_adapter_is_found_and_the_report_says_where_and_what() {
    // (fault, file, row, what is missing or there instead)
    for (fault, file, row, line) in [
        (Fault::SkipsTheGate, "handlers", "a forgotten decision, and no token", "+ 200 OK"),
        (Fault::CallsTheHandlerFirst, "bearer", "no credentials", "+ 401 Unauthorized (a handler ran)"),
        (Fault::IgnoresConclude, "handlers", "a forgotten decision", "+ a canary"),
        (Fault::IgnoresConclude, "handlers", "an ignored denial", "- 403 Forbidden (a handler ran)"),
        (
            Fault::IgnoresConclude,
            "handlers",
            "a list that nobody filtered",
            "- 500 Internal Server Error (a handler ran)",
        ),
        (Fault::IgnoresFilter, "handlers", "a list that nobody filtered", "+ ListCarelessly apollo banned old"),
        (Fault::OwnNotFound, "routes", "no such route, and no token", "+ 404 Not Found"),
        (Fault::TrimsSlashes, "routes", "a trailing slash makes another route", "+ 200 OK"),
        (
            Fault::DecodesTwice,
            "routes",
            "what is encoded twice is decoded once, even if it would be forbidden",
            "+ 403 Forbidden",
        ),
        (Fault::DecodesNever, "routes", "an encoded id is the same id", "- 403 Forbidden"),
        (Fault::LosesTheQuery, "strict", "a token in the query", "- 400 Bad Request"),
        (Fault::JoinsFields, "bearer", "two fields, both good", "- www-authenticate: Bearer"),
        (Fault::LosesTheConnection, "certificates", "a token bound to a certificate helps", "- 200 OK"),
        (Fault::DropsChallenges, "dpop", "no credentials", "- www-authenticate: Bearer"),
        (Fault::DropsChallenges, "api-key-scheme", "an expired token", "- www-authenticate: DPoP"),
        (Fault::OwnMediaType, "decisions", "a token without scopes", "+ content-type: application/json"),
        (Fault::TellsMethods, "routes", "OPTIONS without a token", "+ allow: GET"),
        (
            Fault::RepeatsTheNonce,
            "nonces",
            "an ageing nonce is good, and the next one comes with the answer",
            "+ dpop-nonce: <nonce>",
        ),
        (Fault::LosesTheLimits, "limits", "the first of three", "- ratelimit: "),
        (
            Fault::LosesTheNonce,
            "nonces",
            "an ageing nonce is good, and the next one comes with the answer",
            "- dpop-nonce",
        ),
        (
            Fault::LetsCachesKeepTheNonce,
            "nonces",
            "no cache keeps a nonce, whatever the handler says",
            "- cache-control: no-store",
        ),
        (Fault::LetsCachesKeepAnswers, "handlers", "a success is private", "- cache-control: private"),
        (Fault::SendsBodiesToHead, "routes", "HEAD is GET without its body", "+ GetProject Project apollo"),
        (Fault::RefusesHead, "routes", "HEAD where the handler decides", "- 200 OK"),
    ] {
        let report = check(Some(fault)).await;
        let found = report.differences().iter().find(|found| found.file == format!("{file}.http") && found.row == row);
        let said = found.unwrap_or_else(|| panic!("{fault:?} is not found in `{row}`: {report}")).to_string();
        assert!(
            said.starts_with(&format!("{file}.http: {row}\n")) && said.contains(&format!("\n  {line}")),
            "{fault:?}: {said}"
        );
        assert!(report.to_string().contains(&said));
    }
}

#[tokio::test]
#[should_panic(expected = "routes.http: HEAD where the handler decides")]
async fn a_test_fails_where_the_contract_is_not_kept() {
    check(Some(Fault::RefusesHead)).await.assert_kept();
}

/// Writes down what was answered, for rows that are new. Read what has changed before you believe it.
fn record(report: &Report) {
    for difference in report.differences() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract/rows").join(difference.file);
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(&format!("\n### {}\n", difference.row)).unwrap();
        let (row, after) =
            rest.split_once("\n### ").map_or((rest, String::new()), |(row, after)| (row, format!("\n\n### {after}")));
        let request = row.split_once("\n\n").map_or(row.trim_end(), |(request, _)| request);
        let after = if after.is_empty() { "\n".to_owned() } else { after };
        let text = format!("{before}\n### {}\n{request}\n\n{}{after}", difference.row, difference.actual);
        std::fs::write(&path, text).unwrap();
    }
}
