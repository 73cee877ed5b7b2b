//! What a person has to confirm, and has confirmed: tickets and approvals, both signed by this service.
//!
//! ```text
//! denial ─► Intent ─► Ticket ─► (the person) ─► SignedApproval ─► (the same request again) ─► VerifiedApproval
//! ```
//!
//! An [`Intent`] is who wants to do what: all that a person's word binds. A [`Ticket`] is an intent with a nonce and an end. An
//! approval is a statement over a ticket, and counts for a request with the very same intent.

mod intent;
mod key;
mod rules;
mod settings;
mod signed;
mod statement;
mod ticket;

pub use intent::{Intent, IntentError};
pub use key::{ApprovalKey, ApprovalKeyError};
pub use rules::{Approvals, ApprovalsError, NotApproved};
pub use settings::{ApprovalSettings, ApprovalSettingsError};
pub use signed::{SignedApproval, UnfitApproval, VerifiedApproval};
pub use ticket::{InvalidTicket, Ticket};
