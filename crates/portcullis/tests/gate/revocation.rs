//! Revoked credentials, and a store that cannot tell.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use portcullis::{Kind, RevocationList, Revocations, RevocationsUnavailable, Target, UnixTime};
use portcullis_token::Presented;
use serde_json::json;

use crate::service::{NOW, Service};

#[tokio::test]
async fn a_revoked_token_is_refused_on_the_next_request() {
    // SEC-03
    let now = UnixTime::from_secs(NOW).unwrap();
    let later = now.plus(Duration::from_secs(3_600));
    for target in [
        Target::Token { source: "main".into(), id: "t1".into() },
        Target::Subject { kind: Kind::User, id: "ann".into() },
        Target::Client { source: "main".into(), id: "web".into() },
        Target::Key { source: "main".into(), id: "test-1".into() },
        Target::Everything,
    ] {
        let revoked = Arc::new(RevocationList::new(NonZeroUsize::MIN));
        let service = Service::new(|gate| gate.revocations(Arc::clone(&revoked)));
        assert!(service.open(&json!({})).await.is_ok());
        revoked.revoke(target.clone(), later, now).unwrap();
        let answer = service.open(&json!({})).await.expect_err(&format!("{target:?}"));
        assert_eq!(
            answer.headers()[WWW_AUTHENTICATE],
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the access token was revoked\""
        );
        assert_eq!(answer.status(), 401);
    }
}

#[tokio::test]
async fn another_spelling_of_a_revoked_token_does_not_escape() {
    // SEC-04: facts are looked up and not texts, so a second signature over the same claims is the same token.
    let now = UnixTime::from_secs(NOW).unwrap();
    let revoked = Arc::new(RevocationList::new(NonZeroUsize::MIN));
    revoked.revoke(Target::Token { source: "main".into(), id: "t1".into() }, now, now).unwrap();
    let service = Service::new(|gate| gate.revocations(Arc::clone(&revoked)));
    assert_ne!(service.token(&json!({})), service.token(&json!({ "x": 1 })));
    for more in [json!({}), json!({ "x": 1 })] {
        assert_eq!(service.open(&more).await.unwrap_err().status(), 401);
    }
    assert!(service.open(&json!({ "jti": "t2" })).await.is_ok());
}

#[tokio::test]
async fn a_store_that_cannot_answer_lets_nobody_in() {
    // GEN-01
    #[derive(Debug)]
    struct Lost;
    impl Revocations for Lost {
        fn is_revoked(&self, _: &Presented<'_>, _: UnixTime) -> Result<bool, RevocationsUnavailable> {
            Err(RevocationsUnavailable { reason: "lost".to_owned(), retry_after: Duration::from_secs(7) })
        }
    }
    let answer = Service::new(|gate| gate.revocations(Lost)).open(&json!({})).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), &answer.headers()[RETRY_AFTER]), (503, &"7".parse().unwrap()));
    assert!(!answer.body().contains("lost"));
}

#[tokio::test]
async fn an_invalid_token_is_not_looked_up() {
    #[derive(Debug)]
    struct NotToBeAsked;
    impl Revocations for NotToBeAsked {
        fn is_revoked(&self, _: &Presented<'_>, _: UnixTime) -> Result<bool, RevocationsUnavailable> {
            panic!("asked about a token that is not valid")
        }
    }
    let service = Service::new(|gate| gate.revocations(NotToBeAsked));
    assert_eq!(service.open(&json!({ "exp": 1 })).await.unwrap_err().status(), 401);
}
