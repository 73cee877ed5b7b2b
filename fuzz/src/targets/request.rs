//! Of all requests, only those with the signed token are admitted; the answer to the others repeats none of them.
// GEN-10

use std::sync::LazyLock;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use portcullis::{Gate, RequestHead, RouteMatch};

use crate::{Fixed, RUNTIME, SIGNED, TRUSTED_KEY, bundle, trusting};

pub(super) fn run(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let Ok(field) = HeaderValue::from_bytes(lines.next().unwrap_or_default()) else { return };
    let note = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, field.clone())]);
    let target = Uri::from_static("/notes/n");
    let route = RouteMatch::new("/notes/{id}", [note]);
    match RUNTIME.block_on(GATE.open(&RequestHead::new(&Method::GET, &target, &headers, Some(&route)))) {
        Ok(_) => assert!(field.as_bytes().ends_with(SIGNED.as_bytes()), "admitted without the token"),
        Err(answer) => {
            assert!(answer.status().is_client_error(), "a stranger's mistake looks like ours");
            let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter();
            let sent = challenges.map(|challenge| challenge.to_str().unwrap()).chain([answer.body()]);
            let secret = field.to_str().ok().and_then(|field| field.rsplit(' ').next()).filter(|word| word.len() >= 32);
            assert!(
                secret.is_none_or(|secret| sent.into_iter().all(|text| !text.contains(secret))),
                "repeats the token"
            );
        }
    }
}

static GATE: LazyLock<Gate> =
    LazyLock::new(|| Gate::builder(bundle(), trusting(TRUSTED_KEY)).clock(Fixed).build().unwrap());
