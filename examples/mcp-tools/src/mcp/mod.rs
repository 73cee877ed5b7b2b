//! What any MCP server over streamable HTTP has to look at before its library reads a request. Nothing in here knows of tools.
//!
//! ```text
//! Origins ──► the gate ──► Posted ──► mirror::verify ──► Sessions ──► each message is judged ──► the library
//!   403        401, 403      400           400            403, 404         401, 403
//! ```

mod error;
mod json;
mod message;
pub mod mirror;
mod origin;
mod session;

pub use error::ProtocolError;
pub use message::{MAX_BATCH, MAX_BYTES, Message, Posted};
pub use origin::Origins;
pub use session::{SESSION_ID, Sessions};
