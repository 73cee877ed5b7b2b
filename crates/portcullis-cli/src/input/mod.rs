//! What commands are told.

mod bundle;
mod json;
mod log;
mod question;
mod time;

pub(crate) use bundle::{BundleArgs, Opened};
pub(crate) use json::secret;
pub(crate) use log::{LogArgs, each_record, files_of};
pub(crate) use question::{Asked, QuestionArgs, claim};
pub(crate) use time::{now, parse_time};
