//! Sends mail over SMTP.

use std::net::SocketAddr;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use portcullis_axum::Permit;

use crate::draft::{Draft, Recipients};
use crate::failure::Failure;
use crate::store::{address_of, fits};

/// The mail server that takes what is sent.
#[derive(Debug, Clone)]
pub(crate) struct Post(AsyncSmtpTransport<Tokio1Executor>);

impl Post {
    /// The server at `address`, in plain text: it is on this machine. A real one wants TLS and a password.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string());
        Self(transport.port(address.port()).timeout(Some(WITHIN)).build())
    }

    /// Sends `draft` as it was decided on, once. `permit` is for `SendEmail`.
    ///
    /// Nothing is tried again: nobody knows whether a server that breaks off has delivered.
    pub(crate) async fn send(&self, permit: &Permit, draft: &Draft, to: &Recipients) -> Result<(), Failure> {
        fits(permit, "SendEmail", ("Draft", &draft.id))?;
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!("a mail was not sent: {error}");
            Failure::NotSent
        };
        let from = address_of(&draft.owner).parse().map_err(|error| failed(&error))?;
        let message = to.iter().fold(Message::builder().from(from), |message, to| message.to(to.mailbox()));
        let message = message.subject(draft.content.subject.as_str()).header(ContentType::TEXT_PLAIN);
        let message = message.body(draft.content.text.as_str().to_owned()).map_err(|error| failed(&error))?;
        self.0.send(message).await.map_err(|error| failed(&error))?;
        Ok(())
    }
}

const WITHIN: Duration = Duration::from_secs(10);
