//! Many requests, old answers, and issuers that are down.

use std::sync::Arc;
use std::time::Duration;

use super::endpoint::Reply;
use super::*;

#[tokio::test]
async fn one_answer_serves_until_it_is_too_old() {
    // INT-11: so long a revoked token lives
    let endpoint = Endpoint::answering(active());
    let verifier = verifier_asking(&endpoint);
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
    endpoint.reply(Reply::json(inactive()));
    assert!(verifier.verify(OPAQUE, time(NOW + 29)).await.is_ok());
    assert_eq!(endpoint.count(), 1);
    assert_eq!(verifier.verify(OPAQUE, time(NOW + 30)).await, Err(TokenError::Inactive));
    // What is inactive may be known in a moment.
    endpoint.reply(Reply::json(active()));
    assert_eq!(verifier.verify(OPAQUE, time(NOW + 34)).await, Err(TokenError::Inactive));
    assert_eq!(endpoint.count(), 2);
    assert!(verifier.verify(OPAQUE, time(NOW + 35)).await.is_ok());
    assert_eq!(endpoint.count(), 3);
}

#[tokio::test]
async fn no_answer_is_used_beyond_the_end_of_the_token() {
    // INT-10
    let endpoint = Endpoint::answering(active_with(json!({ "exp": NOW + 10 })));
    let leeway = Duration::from_secs(30);
    let introspection = introspection(&endpoint).with_cache(Duration::from_secs(300)).unwrap();
    let issuer = issuer().with_introspection(introspection).with_leeway(leeway).unwrap();
    let verifier = Verifier::new([issuer]).unwrap();
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
    assert!(verifier.verify(OPAQUE, time(NOW + 9)).await.is_ok());
    assert_eq!(endpoint.count(), 1);
    // From now on each request asks, within the leeway, and then not even the issuer can prolong it.
    assert!(verifier.verify(OPAQUE, time(NOW + 10)).await.is_ok());
    assert!(verifier.verify(OPAQUE, time(NOW + 39)).await.is_ok());
    assert_eq!(endpoint.count(), 3);
    let result = verifier.verify(OPAQUE, time(NOW + 40)).await;
    assert!(matches!(result, Err(TokenError::Expired { .. })), "{result:?}");
}

#[tokio::test]
async fn answers_are_kept_and_conclusions_are_not() {
    // INT-06: within the lifetime of one answer, the token begins and ends
    let endpoint = Endpoint::answering(active_with(json!({ "nbf": NOW + 5, "exp": NOW + 20 })));
    let verifier = verifier_asking(&endpoint);
    let result = verifier.verify(OPAQUE, time(NOW)).await;
    assert!(matches!(result, Err(TokenError::NotYetValid { .. })), "{result:?}");
    assert!(verifier.verify(OPAQUE, time(NOW + 5)).await.is_ok());
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn without_a_cache_every_request_asks() {
    // INT-11
    let endpoint = Endpoint::answering(active());
    let verifier = verifier_with(introspection(&endpoint).with_cache(Duration::ZERO).unwrap());
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
    endpoint.reply(Reply::json(inactive()));
    assert_eq!(verifier.verify(OPAQUE, time(NOW)).await, Err(TokenError::Inactive));
    assert_eq!(endpoint.count(), 2);
}

#[tokio::test]
async fn answers_are_kept_by_token() {
    let endpoint = Endpoint::answering(active());
    let verifier = verifier_asking(&endpoint);
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
    endpoint.reply(Reply::json(inactive()));
    for other in [OPAQUE.to_lowercase(), format!("{OPAQUE}x"), format!("{OPAQUE}="), OPAQUE[1..].to_owned()] {
        assert_eq!(verifier.verify(&other, time(NOW)).await, Err(TokenError::Inactive), "{other}");
    }
}

#[tokio::test]
async fn a_hundred_requests_at_one_time_share_one_call() {
    // INT-14: also where nothing is kept
    let endpoint = Endpoint::answering(active());
    let verifier = Arc::new(verifier_with(introspection(&endpoint).with_cache(Duration::ZERO).unwrap()));
    endpoint.hold();
    let ask = || {
        let verifier = Arc::clone(&verifier);
        tokio::spawn(async move { verifier.verify(OPAQUE, time(NOW)).await.is_ok() })
    };
    let tasks: Vec<_> = (0..100).map(|_| ask()).collect();
    tokio::task::yield_now().await; // each has asked, or waits for the one that has
    endpoint.release();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_on_several_threads_share_one_call() {
    // INT-14
    let endpoint = Endpoint::answering(active());
    let verifier = Arc::new(verifier_asking(&endpoint));
    let ask = || {
        let verifier = Arc::clone(&verifier);
        tokio::spawn(async move { verifier.verify(OPAQUE, time(NOW)).await.is_ok() })
    };
    for task in (0..100).map(|_| ask()).collect::<Vec<_>>() {
        assert!(task.await.unwrap());
    }
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_abort_the_call() {
    // INT-14
    let endpoint = Endpoint::answering(active());
    let verifier = verifier_asking(&endpoint);
    {
        let mut first = Box::pin(verifier.verify(OPAQUE, time(NOW)));
        assert!(matches!(
            std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context))).await,
            std::task::Poll::Pending
        ));
    }
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn what_is_no_answer_makes_no_token_invalid_and_lets_none_in() {
    // INT-12, GEN-01: (the reply, whether the endpoint counts as down)
    let html = |status| Reply::Http { status, content_type: "text/html", body: "<html>login</html>".to_owned() };
    for reply in [
        Reply::status(500),
        Reply::status(503),
        Reply::status(404),
        Reply::status(400),
        Reply::status(429),
        Reply::status(201),
        Reply::status(204),
        Reply::Close,
        html(200),
        html(502),
        Reply::Http { status: 200, content_type: "text/plain", body: active().to_string() },
        Reply::Http { status: 200, content_type: "application/json", body: "<html>".to_owned() },
    ] {
        let endpoint = Endpoint::start(reply);
        let verifier = verifier_asking(&endpoint);
        let error = verifier.verify(OPAQUE, time(NOW)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)), "{error}");
        assert_eq!(error.description(), "the access token cannot be verified now");
        // INT-11: a failure is not remembered.
        endpoint.reply(Reply::json(active()));
        assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
        assert_eq!(endpoint.count(), 2);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unavailable() {
    // INT-12, GEN-01
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    drop(listener);
    let verifier = verifier_with(Introspection::new(&url, credentials()).unwrap());
    assert!(is_unavailable(&verifier.verify(OPAQUE, time(NOW)).await));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_silent_is_waited_for_two_seconds() {
    // INT-14: the clock of the timer runs ahead as soon as there is nothing else to do
    let endpoint = Endpoint::start(Reply::Silence);
    let verifier = verifier_asking(&endpoint);
    let before = tokio::time::Instant::now();
    assert!(is_unavailable(&verifier.verify(OPAQUE, time(NOW)).await));
    assert_eq!(before.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_left_alone_and_nobody_gets_in() {
    // INT-14, GEN-01
    let endpoint = Endpoint::start(Reply::status(500));
    let verifier = verifier_asking(&endpoint);
    for n in 0..20 {
        let result = verifier.verify(&format!("token-{n}"), time(NOW)).await;
        let pause = if n < 5 { 1 } else { 5 };
        assert_eq!(result.unwrap_err().retry_after(), Some(Duration::from_secs(pause)), "{n}");
    }
    assert_eq!(endpoint.count(), 5);
    // After the pause one request asks again. Its answer ends the outage.
    endpoint.reply(Reply::json(active()));
    assert!(is_unavailable(&verifier.verify(OPAQUE, time(NOW + 4)).await));
    assert!(verifier.verify(OPAQUE, time(NOW + 5)).await.is_ok());
    assert!(verifier.verify("another", time(NOW + 5)).await.is_ok());
    assert_eq!(endpoint.count(), 7);
}

#[tokio::test]
async fn known_answers_outlive_an_outage_no_longer_than_their_time() {
    // GEN-01
    let endpoint = Endpoint::answering(active());
    let verifier = verifier_asking(&endpoint);
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
    endpoint.reply(Reply::Close);
    assert!(verifier.verify(OPAQUE, time(NOW + 29)).await.is_ok());
    assert!(is_unavailable(&verifier.verify(OPAQUE, time(NOW + 30)).await));
}

#[tokio::test]
async fn an_answer_that_one_token_provokes_does_not_shut_out_the_others() {
    // INT-14
    let endpoint = Endpoint::start(Reply::status(400));
    let verifier = verifier_asking(&endpoint);
    for n in 0..20 {
        assert!(is_unavailable(&verifier.verify(&format!("odd-{n}"), time(NOW)).await));
    }
    endpoint.reply(Reply::json(active()));
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
}

#[tokio::test]
async fn refused_credentials_are_our_fault_and_not_that_of_the_token() {
    // INT-13
    for status in [401, 403] {
        let endpoint = Endpoint::start(Reply::status(status));
        let error = verifier_asking(&endpoint).verify(OPAQUE, time(NOW)).await.unwrap_err();
        assert_eq!(error, TokenError::CredentialsRefused { issuer: "main".to_owned() });
        assert_eq!(error.description(), "the access token cannot be verified now");
    }
}
