//! The only ticket is the one that this service signed, and the only approval the one of what is asked for.

use std::sync::LazyLock;

use portcullis::{ApprovalKey, Approvals, Engine, Facts, ResourceData, Session};
use portcullis_core::VerifiedClaims;
use portcullis_token::{Intent, Ticket};
use serde_json::json;

use crate::{bundle, now};

pub(super) fn run(text: &[u8]) {
    let fixed = &*FIXED;
    accepts_none_but_ours(fixed, &String::from_utf8_lossy(text));
    // What is nearly right: each three bytes change one of ours.
    for ours in [fixed.ticket.text(), &fixed.approval] {
        let mut changed = ours.as_bytes().to_vec();
        for edit in text.chunks_exact(3) {
            let place = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % changed.len();
            changed[place] ^= edit[2] & 0x7f;
        }
        accepts_none_but_ours(fixed, &String::from_utf8_lossy(&changed));
    }
}

fn accepts_none_but_ours(fixed: &Fixed, text: &str) {
    let Fixed { approvals, intent, ticket, approval } = fixed;
    let read = approvals.read(text, now());
    assert_eq!(read.is_ok(), text == ticket.text(), "a forged ticket, or ours is no longer accepted");
    // One that differs in a letter is another one: base64url has one spelling for each text of octets.
    let verified = approvals.verify(text, intent, now());
    assert_eq!(verified.is_ok(), text == approval, "a forged approval, or ours is no longer accepted");
}

struct Fixed {
    approvals: Approvals,
    intent: Intent,
    ticket: Ticket,
    approval: String,
}

static FIXED: LazyLock<Fixed> = LazyLock::new(|| {
    let approvals = Approvals::new(ApprovalKey::new(&[7; 32]).unwrap(), ["web"]).unwrap().with_scope("read:notes");
    let engine = Engine::new(bundle());
    let note = ResourceData::of(&Note).unwrap();
    let facts = Facts::from_json(&json!({ "to": ["bob"] })).unwrap();
    let intent = Intent::new(session(&engine, "phone").caller(), "GetNote", &note, &facts).unwrap();
    let ticket = approvals.issue(intent.clone(), now()).unwrap();
    let approval = approvals.approve(&ticket, &session(&engine, "web"), now()).unwrap().text().to_owned();
    Fixed { approvals, intent, ticket, approval }
});

/// Ann, who has just logged in with `client`.
fn session(engine: &Engine, client: &str) -> Session {
    let claims = json!({
        "iss": "https://as.example.com", "sub": "ann", "client_id": client, "scope": "read:notes",
        "iat": now().as_secs(), "exp": now().as_secs() + 600, "auth_time": now().as_secs(),
    });
    engine.session(&VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone())).unwrap()
}

#[derive(serde::Serialize)]
struct Note;

impl portcullis::Resource for Note {
    const TYPE: &'static str = "Note";

    fn id(&self) -> std::borrow::Cow<'_, str> {
        "n1".into()
    }

    fn version(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some("1".into())
    }
}
