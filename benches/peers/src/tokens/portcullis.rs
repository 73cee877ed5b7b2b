//! This verifier, for a token that it has not seen, and for one that it has.

use std::hint::black_box;
use std::rc::Rc;

use portcullis_testkit::TestIssuer;
use portcullis_token::{Algorithm, Issuer, KeySet, PresentedToken, Recheck, TokenHash, Verifier};

use super::{AUDIENCE, Check, ISSUER, Library, now};
use crate::measure::ready;

pub fn new_token(issuer: &TestIssuer) -> Library {
    let verifier = Rc::new(verifier(issuer));
    Box::new(move |token| {
        let (verifier, token) = (Rc::clone(&verifier), token.to_owned());
        Box::new(move || ready(verifier.verify_presented(&PresentedToken::bearer(black_box(&token)), now())).is_ok())
    })
}

/// Everything is checked again but the signature.
pub fn known_token(issuer: &TestIssuer, token: &str) -> Check {
    let (verifier, token) = (verifier(issuer), token.to_owned());
    let (_, known) = ready(verifier.verify_presented(&PresentedToken::bearer(&token), now())).unwrap().into_parts();
    let known = known.expect("it is signed");
    Box::new(move || {
        let presented = PresentedToken::bearer(black_box(&token));
        let hash = TokenHash::of(presented.token());
        matches!(ready(verifier.verify_known(&known, &presented, hash, now())), Ok(Recheck::Accepted { .. }))
    })
}

fn verifier(issuer: &TestIssuer) -> Verifier {
    let algorithm: Algorithm = issuer.algorithm().as_str().parse().unwrap();
    let keys = KeySet::try_from(&issuer.jwks()).unwrap();
    Verifier::new([Issuer::new("main", ISSUER, [AUDIENCE], [algorithm], keys).unwrap()]).unwrap()
}
