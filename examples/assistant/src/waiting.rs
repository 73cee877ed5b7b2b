//! What waits for a person's word.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis::Ticket;
use portcullis_axum::UnixTime;
use serde::Serialize;

use crate::draft::Recipients;

/// Everything that was asked and has not expired. Cheap to clone. A service of several replicas keeps it in its database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<Vec<Question>>>);

/// A mail that somebody wants to send, and what the person said.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) ticket: Ticket,
    pub(crate) to: Recipients,
    /// Whether the person has approved the same before.
    pub(crate) again: bool,
    pub(crate) word: Word,
}

/// What became of a question, as the agent that asked learns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Word {
    Waiting,
    Declined,
    Approved {
        /// What belongs into the field `Portcullis-Approval`.
        approval: String,
    },
}

impl Waiting {
    /// Keeps what a denial asks for. What the same agent asks again replaces what it asked before; and where the person has
    /// declined, that was the answer until the question expires.
    pub(crate) fn ask(&self, ticket: Ticket, to: Recipients, now: UnixTime) {
        let mut questions = self.questions();
        questions.retain(|question| question.ticket.expires() > now);
        let same = |question: &Question| question.is(&ticket, &to);
        let declined = questions.iter().any(|question| same(question) && question.word == Word::Declined);
        let again = questions.iter().any(|question| same(question) && matches!(question.word, Word::Approved { .. }));
        questions.retain(|question| !(same(question) && question.word == Word::Waiting));
        let of_person = questions.iter().filter(|question| question.ticket.subject() == ticket.subject());
        if of_person.count() >= MOST_QUESTIONS {
            tracing::warn!("a person is asked too much");
            return;
        }
        let word = if declined { Word::Declined } else { Word::Waiting };
        questions.push(Question { ticket, to, again, word });
    }

    /// What waits for `person`, in the order in which it was asked.
    pub(crate) fn of(&self, person: &str, now: UnixTime) -> Vec<Question> {
        let questions = self.questions();
        let open = questions.iter().filter(|question| question.word == Word::Waiting);
        open.filter(|question| question.ticket.subject() == person && question.ticket.expires() > now)
            .cloned()
            .collect()
    }

    /// The question of the ticket `id`.
    pub(crate) fn find(&self, id: &str) -> Option<Question> {
        self.questions().iter().find(|question| question.ticket.id() == id).cloned()
    }

    /// Notes what `word` makes of a question that waits. `None` if there is no such question, or the person has answered it.
    pub(crate) fn answer<E>(&self, id: &str, word: impl FnOnce(&Question) -> Result<Word, E>) -> Option<Result<(), E>> {
        // Held until it is noted: whoever has said no in one window does not say yes in another.
        let mut questions = self.questions();
        let open =
            questions.iter_mut().find(|question| question.ticket.id() == id && question.word == Word::Waiting)?;
        Some(word(open).map(|word| open.word = word))
    }

    fn questions(&self) -> MutexGuard<'_, Vec<Question>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// Whether it is what `ticket` and `to` ask, by the same agent for the same person.
    fn is(&self, ticket: &Ticket, to: &Recipients) -> bool {
        let whole = |ticket: &Ticket| {
            let (kind, id) = ticket.resource();
            let who = [Some(ticket.subject()), ticket.actor(), ticket.client()].map(|name| name.map(str::to_owned));
            let what = [ticket.action(), kind, id, ticket.version()].map(str::to_owned);
            (who, what)
        };
        whole(&self.ticket) == whole(ticket) && self.to == *to
    }
}

/// Of one person, with those that are answered and have not expired.
const MOST_QUESTIONS: usize = 50;
