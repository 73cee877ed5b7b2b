//! One status list: a signed token that holds a compressed array of small numbers.

use std::sync::Arc;
use std::time::Duration;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use crate::base64url;
use crate::claims::{MAX_FUTURE, NumericDate};
use crate::error::TokenError;
use crate::issuer::Issuer;
use crate::jws::UnverifiedToken;
use crate::limits::{JsonLimits, Limits};
use crate::signature;

/// The statuses of one list, and how long the issuer stands by them.
#[derive(Debug)]
pub(super) struct StatusList {
    octets: Vec<u8>,
    /// 1, 2, 4 or 8.
    bits: u8,
    /// The first second in which the list is no longer valid.
    pub(super) expires: Option<UnixTime>,
    /// After how long it should be fetched again.
    pub(super) ttl: Option<Duration>,
}

impl StatusList {
    /// Reads the text that the issuer serves at `uri` (section 8.3).
    pub(super) async fn verify(
        text: &[u8],
        issuer: &Arc<Issuer>,
        uri: &str,
        now: UnixTime,
    ) -> Result<Self, UnusableList> {
        let text = std::str::from_utf8(text).map_err(|_| UnusableList::Content("the list is not text"))?;
        let token = UnverifiedToken::parse(text, &LIMITS)?;
        let typ = token.header.typ.as_deref().unwrap_or_default();
        if ![TYPE, "application/statuslist+jwt"].iter().any(|name| typ.eq_ignore_ascii_case(name)) {
            return Err(UnusableList::Content("`typ` is not that of a status list"));
        }
        signature::check(issuer, &token, now).await?;
        Self::read(&token.claims, uri, now)
    }

    fn read(claims: &Map<String, Value>, uri: &str, now: UnixTime) -> Result<Self, UnusableList> {
        if claims.get("sub").and_then(Value::as_str) != Some(uri) {
            return Err(UnusableList::Content("`sub` is not the address of the list"));
        }
        let issued = NumericDate::of(claims, "iat")?.ok_or(UnusableList::Content("`iat` is missing"))?;
        if issued.ceil() > now.plus(MAX_FUTURE) {
            return Err(UnusableList::Content("`iat` lies in the future"));
        }
        let expires = NumericDate::of(claims, "exp")?.map(NumericDate::floor);
        if expires.is_some_and(|expires| now >= expires) {
            return Err(UnusableList::Content("the list has expired"));
        }
        let ttl = match claims.get("ttl") {
            None => None,
            Some(ttl) => Some(seconds(ttl).ok_or(UnusableList::Content("`ttl` is not a positive number"))?),
        };
        let list = claims.get("status_list").ok_or(UnusableList::Content("`status_list` is missing"))?;
        let bits = list.get("bits").and_then(Value::as_u64).and_then(|bits| u8::try_from(bits).ok());
        let bits = bits
            .filter(|bits| [1, 2, 4, 8].contains(bits))
            .ok_or(UnusableList::Content("`bits` is not one of 1, 2, 4, 8"))?;
        let compressed = list.get("lst").and_then(Value::as_str).and_then(base64url::decode);
        let compressed = compressed.ok_or(UnusableList::Content("`lst` is not base64url"))?;
        // Grows with what comes out, and stops at the limit: the size that a compressed text claims is not believed.
        let octets = decompress_to_vec_zlib_with_limit(&compressed, MAX_OCTETS)
            .map_err(|_| UnusableList::Content("`lst` is not a ZLIB stream of an acceptable size"))?;
        Ok(Self { octets, bits, expires, ttl })
    }

    /// The status of the entry `index`; `None` if the list is shorter. Entries fill each octet from its least
    /// significant bit (section 4.1).
    pub(super) fn status(&self, index: u64) -> Option<u8> {
        let per_octet = 8 / self.bits;
        let (place, entry) = (index / u64::from(per_octet), index % u64::from(per_octet));
        let octet = *self.octets.get(usize::try_from(place).ok()?)?;
        let shift = u8::try_from(entry).ok()?.checked_mul(self.bits)?;
        let mask = u8::MAX >> (8 - self.bits);
        Some((octet >> shift) & mask)
    }
}

/// Why what a server sent is no status list. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnusableList {
    #[error("{0}")]
    Content(&'static str),
    #[error("{0}")]
    Token(#[from] TokenError),
}

/// A positive number of whole seconds; a fraction is cut off, and what exceeds a day is as good as a day.
fn seconds(value: &Value) -> Option<Duration> {
    let secs = value.as_f64().filter(|secs| *secs >= 1.0)?;
    Duration::try_from_secs_f64(secs.floor().min(86_400.0)).ok()
}

/// The media type of lists, without its first half (section 5.1).
pub(super) const TYPE: &str = "statuslist+jwt";

/// What a list holds at most: 128 million tokens of one bit each.
const MAX_OCTETS: usize = 16 * 1024 * 1024;

/// What a list weighs at most on the wire. Statuses are mostly equal, so they compress well.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

const LIMITS: Limits = Limits {
    token_bytes: MAX_TEXT_BYTES,
    header_bytes: Limits::DEFAULT.header_bytes,
    json: JsonLimits { string_bytes: MAX_TEXT_BYTES, ..Limits::DEFAULT.json },
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URI: &str = "https://status.example.com/1";
    const NOW: UnixTime = UnixTime::from_secs(1_767_226_000).unwrap();

    fn read(changes: &Value) -> Result<StatusList, String> {
        let mut claims =
            json!({ "sub": URI, "iat": NOW.as_secs(), "status_list": { "bits": 1, "lst": "eNrbuRgAAhcBXQ" } });
        for (name, value) in changes.as_object().unwrap() {
            let claims = claims.as_object_mut().unwrap();
            if value.is_null() {
                claims.remove(name)
            } else {
                claims.insert(name.clone(), value.clone())
            };
        }
        StatusList::read(claims.as_object().unwrap(), URI, NOW).map_err(|error| error.to_string())
    }

    #[test]
    fn entries_are_counted_from_the_least_significant_bit() {
        // TSL-10, TSL-11: the examples of the draft (section 4.1), then one octet cut in all ways
        for (bits, lst, expected) in [
            (1, "eNrbuRgAAhcBXQ", &[1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1][..]),
            (2, "eNo76fITAAPfAgc", &[1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
            (4, "eNo76fITAAPfAgc", &[9, 0xc, 4, 4, 9, 0xf]),
            (8, "eNo76fITAAPfAgc", &[0xc9, 0x44, 0xf9]),
        ] {
            let list = read(&json!({ "status_list": { "bits": bits, "lst": lst } })).unwrap();
            let count = u64::try_from(expected.len()).unwrap();
            let statuses: Vec<u8> = (0..count).map(|index| list.status(index).unwrap()).collect();
            assert_eq!(statuses, expected, "{bits}");
            for beyond in [count, count + 7, u64::MAX] {
                assert_eq!(list.status(beyond), None, "{bits}: {beyond}");
            }
        }
    }

    #[test]
    fn a_list_that_is_not_what_it_should_be_is_unusable() {
        let now = NOW.as_secs();
        for (changes, reason) in [
            (json!({ "sub": null }), "sub"), // TSL-06
            (json!({ "sub": "https://status.example.com/2" }), "sub"),
            (json!({ "sub": "https://status.example.com/1/" }), "sub"),
            (json!({ "iat": null }), "iat"),
            (json!({ "iat": "1" }), "iat"),
            (json!({ "iat": now + 61 }), "future"),
            (json!({ "exp": now }), "expired"),
            (json!({ "exp": "x" }), "exp"),
            (json!({ "ttl": 0 }), "ttl"), // TSL-07
            (json!({ "ttl": -1 }), "ttl"),
            (json!({ "ttl": "60" }), "ttl"),
            (json!({ "status_list": null }), "status_list"),
            (json!({ "status_list": { "bits": 3, "lst": "eNrbuRgAAhcBXQ" } }), "bits"), // TSL-08
            (json!({ "status_list": { "bits": 0, "lst": "eNrbuRgAAhcBXQ" } }), "bits"),
            (json!({ "status_list": { "bits": 16, "lst": "eNrbuRgAAhcBXQ" } }), "bits"),
            (json!({ "status_list": { "bits": "1", "lst": "eNrbuRgAAhcBXQ" } }), "bits"),
            (json!({ "status_list": { "bits": 1 } }), "lst"),
            (json!({ "status_list": { "bits": 1, "lst": "eNrbuRgAAhcBXQ==" } }), "base64url"),
            (json!({ "status_list": { "bits": 1, "lst": "27kYAA" } }), "ZLIB"), // TSL-08: raw DEFLATE
            (json!({ "status_list": { "bits": 1, "lst": "eNrbuRgAAhcBXA" } }), "ZLIB"), // wrong checksum
            (json!({ "status_list": { "bits": 1, "lst": "eNrbuRg" } }), "ZLIB"), // cut off
        ] {
            let error = read(&changes).expect_err(&changes.to_string());
            assert!(error.contains(reason), "{changes}: {error}");
        }
        assert!(read(&json!({ "exp": now + 1, "ttl": 1.5 })).is_ok());
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        // TSL-09: a few KiB that would become 16 MiB and one octet
        let lst = |octets: usize| {
            use base64::Engine as _;
            let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; octets], 9);
            assert!(bomb.len() < 32 * 1024);
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bomb)
        };
        assert!(read(&json!({ "status_list": { "bits": 1, "lst": lst(MAX_OCTETS) } })).is_ok());
        assert!(read(&json!({ "status_list": { "bits": 1, "lst": lst(MAX_OCTETS + 1) } })).is_err());
    }
}
