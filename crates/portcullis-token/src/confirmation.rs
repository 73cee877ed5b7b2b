//! Which keys a token is bound to, and whether its sender proved to hold them (RFC 7800 §3, RFC 8705 §3, RFC 9449 §6).

use portcullis_core::{Binding, UnixTime};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::dpop::{ProofRequest, ProofVerifier, Thumbprint};
use crate::error::TokenError;
use crate::mtls::CertificateThumbprint;
use crate::presented::PresentedToken;

/// How the tokens of an issuer must be bound to their holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BindingRule {
    /// They need not be. One that is bound is never taken without its proof.
    #[default]
    None,
    /// To a key by DPoP (RFC 9449).
    Dpop,
    /// To a TLS client certificate (RFC 8705).
    Mtls,
    /// In one of these ways.
    AnyBound,
}

impl BindingRule {
    fn is_met(self, proven: &[Binding]) -> bool {
        match self {
            Self::None => true,
            Self::Dpop => proven.contains(&Binding::Dpop),
            Self::Mtls => proven.contains(&Binding::Mtls),
            Self::AnyBound => !proven.is_empty(),
        }
    }
}

/// What was proven about the sender of a token.
#[derive(Debug, Default)]
pub(crate) struct Possession {
    pub(crate) proven: Vec<Binding>,
    /// The value of `DPoP-Nonce` for the answer.
    pub(crate) next_nonce: Option<String>,
}

/// Checks that whoever presents a token with this `confirmation` holds every key that it is bound to.
///
/// There is no way down: a bound token is never a bearer token, the scheme `DPoP` is for bound tokens only, and a token with
/// two confirmations needs both proofs.
pub(crate) async fn prove(
    confirmation: &Confirmation,
    rule: BindingRule,
    presented: &PresentedToken<'_>,
    proofs: Option<&ProofVerifier>,
    now: UnixTime,
) -> Result<Possession, TokenError> {
    let mut possession = Possession::default();
    if let Some(expected) = confirmation.certificate {
        if presented.certificate != Some(expected) {
            return Err(TokenError::CertificateMismatch);
        }
        possession.proven.push(Binding::Mtls);
    }
    match (confirmation.key, &presented.proof) {
        (Some(key), Some(proof)) => {
            let proofs = proofs.ok_or(TokenError::BindingUnsupported)?;
            let request = ProofRequest::new(proof.method, proof.path, presented.token, key);
            // In a box, as it is large, and most tokens are not bound.
            let proven = Box::pin(proofs.verify(proof.fields, &request, now)).await?;
            possession.next_nonce = proven.next_nonce().map(str::to_owned);
            possession.proven.push(Binding::Dpop);
        }
        // RFC 9449 §7.2: even if a proof lies beside it.
        (Some(_), None) => return Err(TokenError::BoundTokenAsBearer),
        (None, Some(_)) => return Err(TokenError::NotBound),
        (None, None) => {}
    }
    if rule.is_met(&possession.proven) { Ok(possession) } else { Err(TokenError::BindingRequired { rule }) }
}

/// The claim `cnf`, as far as it is understood.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    key: Option<Thumbprint>,
    certificate: Option<CertificateThumbprint>,
}

impl Confirmation {
    pub(crate) fn of(claims: &Map<String, Value>) -> Result<Self, TokenError> {
        let invalid = |expected| TokenError::InvalidClaim { claim: "cnf", expected };
        let members = match claims.get("cnf") {
            None => return Ok(Self::default()),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(invalid("an object")),
        };
        let text = |name| members.get(name).map(|value| value.as_str().unwrap_or_default());
        let key =
            text("jkt").map(|jkt| jkt.parse().map_err(|_| invalid("an object with a SHA-256 thumbprint in `jkt`")));
        let certificate = text("x5t#S256").map(|x5t| {
            CertificateThumbprint::from_confirmation(x5t)
                .ok_or_else(|| invalid("an object with a SHA-256 thumbprint in `x5t#S256`"))
        });
        let confirmation = Self { key: key.transpose()?, certificate: certificate.transpose()? };
        match confirmation {
            // RFC 7800 §3.1 lets a recipient ignore what it does not know. Then a stolen token would pass as a bearer token.
            Self { key: None, certificate: None } => Err(TokenError::BindingUnsupported),
            // Beside a key whose possession is proven, a thief has nothing to gain from what is not understood.
            known => Ok(known),
        }
    }
}
