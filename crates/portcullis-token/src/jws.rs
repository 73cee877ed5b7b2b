//! The syntax of a signed JWT (RFC 7515 §7.1, RFC 7519 §7.2).

use std::fmt;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::error::{Malformed, Segment, TokenError};
use crate::excerpt::Excerpt;
use crate::json::parse_object;
use crate::limits::Limits;

/// A token of which nothing is known but that it is well formed.
///
/// Its claims are read to find the issuer and for nothing else until [`crate::verifier`] has checked the signature.
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
    /// The received text that the signature covers (RFC 7515 §5.2): never encoded again.
    pub(crate) signing_input: &'a str,
    pub(crate) signature: Vec<u8>,
}

/// The protected header, as far as it is understood.
pub(crate) struct Header {
    pub(crate) alg: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
    /// All parameters, for profiles that read others. None of `jwk`, `jku`, `x5u`, `x5c` is ever used as a key.
    pub(crate) parameters: Map<String, Value>,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes `token` apart.
    pub(crate) fn parse(token: &'a str, limits: &Limits) -> Result<Self, TokenError> {
        if token.len() > limits.token_bytes {
            return Err(Malformed::TooLarge { segment: Segment::Whole, limit: limits.token_bytes }.into());
        }
        let (signing_input, header, payload, signature) = split(token)?;

        let header = decode(header, Segment::Header)?;
        if header.len() > limits.header_bytes {
            return Err(Malformed::TooLarge { segment: Segment::Header, limit: limits.header_bytes }.into());
        }
        let header = Header::new(object(&header, Segment::Header, limits)?)?;

        let signature = decode(signature, Segment::Signature)?;
        let claims = object(&decode(payload, Segment::Payload)?, Segment::Payload, limits)?;
        Ok(Self { header, claims, signing_input, signature })
    }
}

impl Header {
    fn new(parameters: Map<String, Value>) -> Result<Self, TokenError> {
        let alg = string(&parameters, "alg")?;
        let alg = alg.ok_or(Malformed::Header { parameter: "alg", expected: "present" })?;
        let alg = alg.parse().map_err(|_| TokenError::AlgorithmNotAllowed { alg: Excerpt::new(alg) })?;
        let kid = string(&parameters, "kid")?.map(str::to_owned);
        let typ = string(&parameters, "typ")?.map(str::to_owned);
        refuse_extensions(&parameters)?;
        Ok(Self { alg, kid, typ, parameters })
    }
}

/// A token is a credential: nothing of it prints.
impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedToken").finish_non_exhaustive()
    }
}

/// Whether `token` is a JWT by its shape, well formed or not: three parts or, encrypted, five, the first of which is a
/// JSON object in base64url. An opaque token may have dots as well, but does not begin so.
pub(crate) fn has_shape(token: &str) -> bool {
    let dots = token.bytes().filter(|byte| *byte == b'.').count();
    let header = token.split('.').next().and_then(base64url::decode).unwrap_or_default();
    matches!(dots, 2 | 4) && header.starts_with(b"{") && header.ends_with(b"}")
}

/// The signing input, then its two segments, then the signature; none of them is empty.
fn split(token: &str) -> Result<(&str, &str, &str, &str), Malformed> {
    match token.bytes().filter(|byte| *byte == b'.').count() {
        2 => {}
        4 => return Err(Malformed::Encrypted),
        _ => return Err(Malformed::Segments),
    }
    let (signing_input, signature) = token.rsplit_once('.').ok_or(Malformed::Segments)?;
    let (header, payload) = signing_input.split_once('.').ok_or(Malformed::Segments)?;
    if header.is_empty() || payload.is_empty() || signature.is_empty() {
        return Err(Malformed::Segments);
    }
    Ok((signing_input, header, payload, signature))
}

fn decode(text: &str, segment: Segment) -> Result<Vec<u8>, Malformed> {
    base64url::decode(text).ok_or(Malformed::Encoding { segment })
}

fn object(octets: &[u8], segment: Segment, limits: &Limits) -> Result<Map<String, Value>, Malformed> {
    parse_object(octets, &limits.json).map_err(|reason| Malformed::Json { segment, reason })
}

/// A header parameter that must be a string if it is there.
fn string<'h>(parameters: &'h Map<String, Value>, parameter: &'static str) -> Result<Option<&'h str>, Malformed> {
    match parameters.get(parameter) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(Malformed::Header { parameter, expected: "a string" }),
    }
}

/// Refuses what would change the meaning of the token, were it understood.
fn refuse_extensions(parameters: &Map<String, Value>) -> Result<(), Malformed> {
    // RFC 7515 §4.1.11: a token with a critical parameter that is not understood is invalid. None is understood, so
    // the form of `crit` does not matter.
    if parameters.contains_key("crit") {
        return Err(Malformed::Header { parameter: "crit", expected: "absent: no extension is understood" });
    }
    // RFC 7797 §7: JWTs never have an unencoded payload.
    if parameters.get("b64").is_some_and(|b64| *b64 != Value::Bool(true)) {
        return Err(Malformed::Header { parameter: "b64", expected: "absent or true" });
    }
    // RFC 7519 §5.2: the payload is another JWT. The claims of a token inside a token are not ours to believe.
    if let Some(cty) = string(parameters, "cty")? {
        let subtype = cty.rsplit('/').next().unwrap_or(cty);
        if subtype.eq_ignore_ascii_case("jwt") || subtype.to_ascii_lowercase().ends_with("+jwt") {
            return Err(Malformed::Header { parameter: "cty", expected: "absent: nested tokens are not accepted" });
        }
    }
    Ok(())
}
