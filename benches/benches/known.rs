//! Where does the time of a known token go?
//!
//! A request through the gate, from the header field to the end of its admission, and what of it can be asked for alone. What is
//! left is the gate's own: reading the request, finding the caller, admission, log event and counter.

use std::hint::black_box;

use benches::{Asker, Bench, Person, bare_project, claims, engine, must, now, ready, served, session};
use portcullis::RouteMatch;
use portcullis_core::Request;
use portcullis_testkit::SigningAlgorithm;
use portcullis_token::{PresentedToken, Recheck, TokenHash};

fn main() {
    let columns = &["the whole", "hash of the token", "recheck", "route", "decision"];
    let bench = Bench::from_arguments(columns).with_calls(CALLS);
    let (issuer, verifier) = benches::trusted(SigningAlgorithm::Es256);
    let token = issuer.sign(&claims(Person::Consented));
    let presented = PresentedToken::bearer(&token);
    let verified = must(ready(verifier.verify_presented(&presented, now())));
    let known = must(verified.into_parts().1.ok_or("the token is not known"));
    let hash = TokenHash::of(&token);
    let recheck = || {
        let again = ready(verifier.verify_known(black_box(&known), &presented, hash, now()));
        assert!(matches!(again, Ok(Recheck::Accepted { .. })));
    };

    let (other, others_verifier) = benches::trusted(SigningAlgorithm::Es256);
    let asker = Asker::new(&served::gate(others_verifier), &other.sign(&claims(Person::Consented)));
    // Asking the directory for the first time needs a timer.
    let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
    drop(runtime.block_on(asker.open()));
    let whole = || drop(black_box(ready(asker.open())));

    let engine = engine(10);
    let (session, project) = (session(&engine, &claims(Person::Consented)), bare_project());
    let decision = || drop(black_box(session.decide(black_box(&Request::new("GetProject", &project, now())))));
    let route = || drop(black_box(RouteMatch::new(black_box("/projects/{project}"), ["apollo"])));
    let hash_alone = || {
        black_box(TokenHash::of(black_box(&token)));
    };
    bench.compare("known", &[&whole, &hash_alone, &recheck, &route, &decision]);
}

/// A call takes microseconds at most, so a turn makes enough of them for the grain of the clock.
const CALLS: u32 = 500;
