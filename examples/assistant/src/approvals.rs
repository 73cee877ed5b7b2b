//! What the person's page asks: what waits, and what they say.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use portcullis::SystemClock;
use portcullis_axum::{Authz, Caller, Clock as _, Permit};
use serde::{Deserialize, Serialize};

use crate::draft::{ATTACHMENTS, Content, Recipients};
use crate::failure::Failure;
use crate::service::Desk;
use crate::store::address_of;
use crate::waiting::{Question, Word};

/// A question as it is shown: all that is signed, and no more.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    ticket: String,
    /// Who wants to act: the agent, or a client of which nothing more is known.
    who: String,
    /// Whether the person has approved the same before.
    again: bool,
    from: String,
    to: Recipients,
    attachments: u32,
    #[serde(flatten)]
    content: Content,
    expires_at: String,
}

pub(crate) async fn list(State(desk): State<Desk>, _: Permit, caller: Caller) -> Json<Vec<Shown>> {
    let waiting = desk.waiting.of(&caller.subject().id, SystemClock.now());
    Json(waiting.iter().filter_map(|question| shown(&desk, question)).collect())
}

/// `None` if the draft is no longer what was asked about: nobody is shown what the ticket does not cover.
fn shown(desk: &Desk, question: &Question) -> Option<Shown> {
    let Question { ticket, to, again, .. } = question;
    let (_, id) = ticket.resource();
    let draft = desk.store.draft(id).filter(|draft| ticket.covers(draft, &to.facts()))?;
    Some(Shown {
        ticket: ticket.text().to_owned(),
        who: ticket.actor().or(ticket.client()).unwrap_or("unknown").to_owned(),
        again: *again,
        from: address_of(&draft.owner),
        to: to.clone(),
        attachments: ATTACHMENTS,
        content: draft.content,
        expires_at: ticket.expires().to_string(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    ticket: String,
    word: Spoken,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Spoken {
    Approve,
    Decline,
}

pub(crate) async fn answer(
    State(desk): State<Desk>,
    _: Permit,
    authz: Authz,
    Json(Answer { ticket, word }): Json<Answer>,
) -> Result<StatusCode, Failure> {
    // This service's own, not expired, and for this person.
    let ticket = authz.ticket(&ticket)?;
    let answered = desk.waiting.answer(ticket.id(), |question| match word {
        Spoken::Decline => Ok(Word::Declined),
        Spoken::Approve => {
            shown(&desk, question).ok_or(Failure::Changed)?;
            // Only the person themselves, with the right client and scope, and a fresh login.
            Ok::<_, Failure>(Word::Approved { approval: authz.approve(&ticket)?.text().to_owned() })
        }
    });
    answered.ok_or(Failure::Changed)??;
    Ok(StatusCode::NO_CONTENT)
}
