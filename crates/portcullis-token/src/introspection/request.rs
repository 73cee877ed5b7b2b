//! One request to the introspection endpoint (RFC 7662 §2.1), and what comes back.

use std::time::Duration;

use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use super::answer::{Answer, InvalidAnswer};
use super::credentials::Proof;
use super::signed::{self, InvalidSignedAnswer};
use super::{AnswerFormat, Introspection, form, tokeninfo};
use crate::http::{HttpError, Reply};
use crate::issuer::Issuer;
use crate::json::{InvalidJson, parse_object};
use crate::limits::Limits;

/// An answer, and its size in bytes.
pub(super) struct Received {
    pub(super) answer: Answer,
    pub(super) octets: usize,
}

/// Asks `issuer` about `token`.
pub(super) async fn send(
    introspection: &Introspection,
    issuer: &Issuer,
    token: &str,
    now: UnixTime,
) -> Result<Received, RequestError> {
    let reply = tokio::time::timeout(TIMEOUT, post(introspection, issuer, token, now));
    let reply = reply.await.map_err(|_| RequestError::TimedOut)??;
    let members = match (introspection.format, reply.status) {
        (AnswerFormat::TokenInfo, _) => tokeninfo::members(&reply)?,
        (_, status @ (401 | 403)) => return Err(RequestError::CredentialsRefused(status)),
        (AnswerFormat::Json, 200) => plain(&reply)?,
        (AnswerFormat::Signed, 200) => signed::open(&reply, issuer, introspection.credentials.client_id(), now).await?,
        (_, status) => return Err(RequestError::Status(status)),
    };
    Ok(Received { answer: Answer::read(issuer.identifier(), &issuer.rules, members)?, octets: reply.body.len() })
}

/// The token goes into the body, never into the URL, which servers and proxies write into their logs.
async fn post(
    introspection: &Introspection,
    issuer: &Issuer,
    token: &str,
    now: UnixTime,
) -> Result<Reply, RequestError> {
    let mut form = match introspection.format {
        AnswerFormat::TokenInfo => tokeninfo::question(token),
        AnswerFormat::Json | AnswerFormat::Signed => {
            format!("token={}&token_type_hint=access_token", form::encode(token))
        }
    };
    let proof = introspection.credentials.prove(issuer.identifier(), now).ok_or(RequestError::NoProof)?;
    let authorization = match proof {
        Proof::None => None,
        Proof::Field(field) => Some(field),
        Proof::Members(members) => {
            form.push_str(&members);
            None
        }
    };
    let accept = introspection.format.media_type();
    Ok(introspection.endpoint.post_form(form, authorization, accept, MAX_BODY_BYTES).await?)
}

pub(super) fn plain(reply: &Reply) -> Result<Map<String, Value>, RequestError> {
    let expected = AnswerFormat::Json.media_type();
    if !reply.is(expected) {
        return Err(RequestError::ContentType { expected });
    }
    Ok(parse_object(&reply.body, &Limits::DEFAULT.json)?)
}

/// Why a request brought no answer. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("the answer is not `{expected}`")]
    ContentType { expected: &'static str },
    #[error("the answer has status {0}: the client credentials are refused")]
    CredentialsRefused(u16),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    InvalidAnswer(#[from] InvalidAnswer),
    #[error("the answer is not acceptable JSON: {0}")]
    Json(#[from] InvalidJson),
    #[error("no client assertion can be signed")]
    NoProof,
    #[error(transparent)]
    Signed(#[from] InvalidSignedAnswer),
    #[error("the answer has status {0}, not 200")]
    Status(u16),
    #[error("no answer within {TIMEOUT:?}")]
    TimedOut,
}

impl RequestError {
    /// Whether every further request would fare alike. What one token can cause must not keep the issuer from being
    /// asked about others.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Http(HttpError::TooLarge { .. }) => false,
            Self::CredentialsRefused(_) | Self::Http(_) | Self::NoProof | Self::TimedOut => true,
            Self::Status(status) => *status == 429 || *status >= 500,
            Self::ContentType { .. } | Self::InvalidAnswer(_) | Self::Json(_) | Self::Signed(_) => false,
        }
    }
}

/// A request of a caller waits for this.
const TIMEOUT: Duration = Duration::from_secs(2);

/// An answer holds what a token would, and tokens have a quarter of this.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
