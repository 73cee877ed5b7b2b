use std::fmt;

use serde::Serialize;

use super::{Offer, Told};
use crate::decision::LayerAnswer;

/// A decision in words for the person who asked: what policies say to them (`@message`), and what they can do about it.
///
/// No ids, attributes or values, and of a resource that is hidden (`@hide`) the same as of one that is not there. `Display` writes
/// it as text; it serialises as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserExplanation {
    answer: LayerAnswer,
    messages: Vec<String>,
    steps: Vec<String>,
}

impl UserExplanation {
    /// What is said of a resource that is not there.
    #[must_use]
    pub fn not_found() -> Self {
        Self::of(&Told::NotFound)
    }

    pub(in crate::decision) fn of(told: &Told) -> Self {
        let (answer, messages, steps) = match told {
            Told::Allowed => (LayerAnswer::Allow, vec!["You may do this.".to_owned()], Vec::new()),
            Told::Failed => (LayerAnswer::Error, vec![FAILED.to_owned()], Vec::new()),
            Told::NotFound => (LayerAnswer::Deny, vec!["This was not found.".to_owned()], Vec::new()),
            Told::Denied { messages, offer } => {
                let messages = if messages.is_empty() { vec![plainly(offer.as_ref())] } else { messages.clone() };
                (LayerAnswer::Deny, messages, offer.as_ref().map(steps).unwrap_or_default())
            }
        };
        Self { answer, messages, steps }
    }

    /// What to say first.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// What they can do to be allowed: all of it.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.steps
    }
}

fn plainly(offer: Option<&Offer>) -> String {
    if offer.is_some() { "You may not do this yet." } else { "You may not do this." }.to_owned()
}

fn steps(Offer { needs, consents }: &Offer) -> Vec<String> {
    let mut steps: Vec<String> =
        consents.iter().map(|meaning| format!("Allow the application you are using: {meaning}.")).collect();
    match (needs.acr_values.is_empty(), needs.max_age) {
        (true, None) => {}
        (true, Some(age)) => steps.push(format!("Log in again. Your login must not be older than {}.", duration(age))),
        (false, None) => steps.push("Log in again in a stronger way, such as with a second factor.".to_owned()),
        (false, Some(age)) => steps.push(format!(
            "Log in again in a stronger way, such as with a second factor. Your login must not be older than {}.",
            duration(age)
        )),
    }
    if !needs.binding.is_empty() {
        steps.push("Use an application that proves with each request that its access is its own.".to_owned());
    }
    if needs.confirmation {
        steps.push("Confirm it, when you are asked.".to_owned());
    }
    steps
}

/// In the largest unit that says it exactly.
fn duration(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let whole = units.into_iter().find(|(length, _)| seconds > 0 && seconds.is_multiple_of(*length));
    let (count, unit) = whole.map_or((seconds, "second"), |(length, unit)| (seconds / length, unit));
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

impl fmt::Display for UserExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.messages.iter().map(String::as_str).chain(self.steps.iter().map(String::as_str));
        if let Some(first) = lines.next() {
            f.write_str(first)?;
        }
        lines.try_for_each(|line| write!(f, "\n{line}"))
    }
}

const FAILED: &str = "Something is wrong on our side, so this could not be decided. It is not your fault.";

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn ages_are_said_as_people_say_them() {
        let cases = [(300, "5 minutes"), (60, "1 minute"), (90, "90 seconds"), (0, "0 seconds"), (7_200, "2 hours")];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }
}
