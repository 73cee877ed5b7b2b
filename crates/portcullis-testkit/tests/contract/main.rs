//! The contract of adapters is kept by an adapter that does nothing but that, and broken by each that is broken on purpose.

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
