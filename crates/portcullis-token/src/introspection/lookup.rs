//! From a token to what its issuer says about it, with as few requests as can be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::UnixTime;
use tokio::sync::watch;

use super::Introspection;
use super::answer::Answer;
use super::request::{self, RequestError};
use crate::issuer::Issuer;
use crate::known::TokenHash;

/// Nobody knows what the issuer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It does not believe that it is us who ask.
    CredentialsRefused,
    /// It does not answer, or not so that it can be understood.
    Unavailable { retry_after: Duration },
}

/// The requests under way, one for each token. Whoever asks about a token that is asked about already waits for the same
/// answer.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<TokenHash, watch::Receiver<Option<Outcome>>>>);

type Outcome = Result<Answer, Failure>;

impl Introspection {
    /// What `issuer` says about `token`.
    pub(super) async fn look_up(self: &Arc<Self>, issuer: &Arc<Issuer>, token: &str, now: UnixTime) -> Outcome {
        let key = TokenHash::of(token);
        if let Some(answer) = self.cache.get(&key, now) {
            return Ok(answer);
        }
        let mut flight = match self.board(issuer, key, token, now)? {
            Boarding::Landed(answer) => return Ok(answer),
            Boarding::Flying(flight) => flight,
        };
        match flight.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
            Ok(Some(outcome)) => outcome,
            // The task fails only when the runtime shuts down.
            Ok(None) | Err(_) => Err(Failure::Unavailable { retry_after: RETRY_AFTER }),
        }
    }

    fn board(
        self: &Arc<Self>,
        issuer: &Arc<Issuer>,
        key: TokenHash,
        token: &str,
        now: UnixTime,
    ) -> Result<Boarding, Failure> {
        let unavailable = |retry_after| Failure::Unavailable { retry_after };
        let mut flights = self.flights.lock();
        // An answer may have come since the caller looked. Landing takes the same lock after the answer is kept.
        if let Some(answer) = self.cache.get(&key, now) {
            return Ok(Boarding::Landed(answer));
        }
        if let Some(flight) = flights.get(&key) {
            return Ok(Boarding::Flying(flight.clone()));
        }
        if flights.len() >= MAX_FLIGHTS {
            return Err(unavailable(RETRY_AFTER));
        }
        self.breaker.admit(now).map_err(unavailable)?;
        let (sender, receiver) = watch::channel(None);
        flights.insert(key, receiver.clone());
        let (this, issuer, token) = (Arc::clone(self), Arc::clone(issuer), token.to_owned());
        // A task of its own: a client that hangs up must not take the answer away from the others who wait for it.
        tokio::spawn(async move {
            let landing = Landing { flights: &this.flights, key };
            let outcome = this.ask(&issuer, key, &token, now).await;
            drop(landing);
            sender.send_replace(Some(outcome));
        });
        Ok(Boarding::Flying(receiver))
    }

    async fn ask(&self, issuer: &Issuer, key: TokenHash, token: &str, now: UnixTime) -> Outcome {
        let error = match request::send(self, issuer, token, now).await {
            Ok(received) => {
                self.breaker.answered();
                self.cache.put(key, &received.answer, received.octets, now);
                return Ok(received.answer);
            }
            Err(error) => error,
        };
        let (issuer, client) = (issuer.alias(), self.credentials.client_id());
        if error.is_outage() {
            self.breaker.failed(now);
        } else {
            self.breaker.answered();
        }
        if let RequestError::CredentialsRefused(_) = error {
            tracing::error!(issuer, client, %error, "the introspection endpoint does not accept this resource server");
            return Err(Failure::CredentialsRefused);
        }
        tracing::warn!(issuer, client, %error, "no answer of the introspection endpoint");
        Err(Failure::Unavailable { retry_after: RETRY_AFTER })
    }
}

enum Boarding {
    Landed(Answer),
    Flying(watch::Receiver<Option<Outcome>>),
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, watch::Receiver<Option<Outcome>>>> {
        // A poisoned lock holds a whole table all the same.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the flight of one token however its task ends.
struct Landing<'f> {
    flights: &'f Flights,
    key: TokenHash,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

/// Strangers can name any token, and each costs a connection.
const MAX_FLIGHTS: usize = 256;

/// After a request that failed, while the breaker still lets others through.
const RETRY_AFTER: Duration = Duration::from_secs(1);
