//! What must not be seen is not seen.

use crate::{API, World};

#[tokio::test]
async fn no_token_reaches_the_log_even_at_the_finest_level() {
    // GEN-04, O21-01, O21-03
    let World { server, service } = World::start();
    let good = server.log_in("ada", "read:projects", API).await;
    let foreign = server.log_in("ada", "read:projects", "https://other.example.com").await;
    assert_eq!(service.get("/projects/apollo", &good).await.status, 200);
    assert_eq!(service.ask("DELETE", "/projects/apollo", &good).await.status, 403);
    assert_eq!(service.get("/projects/apollo", &foreign).await.status, 401);
    assert_eq!(service.get(&format!("/projects/apollo?access_token={good}"), "x").await.status, 401);

    let log = service.log();
    assert!(log.contains("route=\"/projects/{}\""), "the requests are in the log:\n{log}");
    assert_no_token_in(&log, [good.as_str(), &foreign]);
}

#[track_caller]
pub(crate) fn assert_no_token_in<const N: usize>(log: &str, tokens: [&str; N]) {
    for token in tokens {
        for (part, segment) in ["header", "claims", "signature"].into_iter().zip(token.split('.')).skip(1) {
            assert!(!log.contains(segment), "the {part} of a token stands in the log");
        }
    }
}
