//! Decisions as audit records keep them: what was asked, by whom, and what was answered, so that it can be asked again.

mod answer;
mod question;
mod replay;
pub(crate) mod time;

pub use answer::{RecordedAnswer, RecordedLayer};
pub use question::RecordedQuestion;
pub use replay::ReplayError;
