//! One JSON Web Key to one key, or the reason why not (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Map, Value};

use super::Key;
use crate::algorithm::{Algorithm, KeyType};
use crate::base64url;

/// Reads one key: a member of `keys`, or the one in a proof.
pub(crate) fn parse(jwk: &Value) -> Result<Key, IgnoredReason> {
    let jwk = jwk.as_object().ok_or(IgnoredReason::NotAnObject)?;
    let kty = string(jwk, "kty")?.ok_or(IgnoredReason::Member { member: "kty" })?;
    if kty == "oct" || PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member)) {
        return Err(IgnoredReason::Secret);
    }
    require_signature_use(jwk)?;
    let kid = string(jwk, "kid")?.map(str::to_owned);
    let (key_type, octets) = material(kty, jwk)?;
    let algorithm = match string(jwk, "alg")? {
        None => None,
        Some(name) => {
            let algorithm: Algorithm = name.parse().map_err(|_| IgnoredReason::Unsupported)?;
            if algorithm.key_type() != key_type {
                return Err(IgnoredReason::Member { member: "alg" });
            }
            Some(algorithm)
        }
    };
    // A point off its curve is found here, except for Ed25519, where each check of a signature finds it.
    Key::new(kid, key_type, algorithm, octets).map_err(|_| IgnoredReason::Unsound)
}

/// Why a key of a set is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoredReason {
    /// A member is missing, has the wrong type, or is not in its one canonical form.
    #[error("member `{member}` is missing or malformed")]
    Member {
        /// The member.
        member: &'static str,
    },
    /// It is not a JSON object.
    #[error("it is not an object")]
    NotAnObject,
    /// `use` or `key_ops` say that it is for something else, such as encryption. Normal in many sets.
    #[error("it is not for verifying signatures")]
    OtherUse,
    /// It is a symmetric key or holds private members. Whoever reads the set can sign tokens with it: the issuer must
    /// replace the key.
    #[error("it is secret material, published: tell the issuer to replace the key")]
    Secret,
    /// Its type, curve or algorithm is not known here.
    #[error("its type, curve or algorithm is not supported")]
    Unsupported,
    /// It is too weak, too large or not on its curve.
    #[error("it is not a sound public key")]
    Unsound,
}

/// RFC 7517 §4.2 and §4.3: what a key may be used for.
fn require_signature_use(jwk: &Map<String, Value>) -> Result<(), IgnoredReason> {
    if string(jwk, "use")?.is_some_and(|usage| usage != "sig") {
        return Err(IgnoredReason::OtherUse);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(IgnoredReason::OtherUse),
        Some(_) => Err(IgnoredReason::Member { member: "key_ops" }),
    }
}

/// The public key in the form of the signature library.
fn material(kty: &str, jwk: &Map<String, Value>) -> Result<(KeyType, Vec<u8>), IgnoredReason> {
    if kty == "RSA" {
        return rsa(&octets(jwk, "n")?, &octets(jwk, "e")?);
    }
    match (kty, string(jwk, "crv")?.ok_or(IgnoredReason::Unsupported)?) {
        ("EC", "P-256") => elliptic(KeyType::P256, 32, jwk),
        ("EC", "P-384") => elliptic(KeyType::P384, 48, jwk),
        ("OKP", "Ed25519") => edwards(octets(jwk, "x")?),
        _ => Err(IgnoredReason::Unsupported),
    }
}

fn rsa(n: &[u8], e: &[u8]) -> Result<(KeyType, Vec<u8>), IgnoredReason> {
    // RFC 7518 §3.3 asks for 2048 bits or more. The upper bounds cap what one verification costs: its time grows with
    // the square of the modulus and with the exponent. Leading zeros are not canonical (RFC 7518 §2, Base64urlUInt).
    let modulus_bits = n.len().saturating_mul(8).saturating_sub(leading_zero_bits(n));
    let exponent_is_sound = e.len() <= 4 && e.last().is_some_and(|last| last % 2 == 1) && e != [1];
    if !(2048..=8192).contains(&modulus_bits) || !exponent_is_sound || n.first() == Some(&0) || e.first() == Some(&0) {
        return Err(IgnoredReason::Unsound);
    }
    let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
    Ok((KeyType::Rsa, key.map_err(|_| IgnoredReason::Unsound)?.as_ref().to_vec()))
}

fn elliptic(
    key_type: KeyType,
    coordinate_octets: usize,
    jwk: &Map<String, Value>,
) -> Result<(KeyType, Vec<u8>), IgnoredReason> {
    let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
    // RFC 7518 §6.2.1.2: coordinates have their full length, leading zeros included.
    if x.len() != coordinate_octets || y.len() != coordinate_octets {
        return Err(IgnoredReason::Unsound);
    }
    // An uncompressed point (SEC 1 §2.3.3).
    Ok((key_type, [&[4][..], &x, &y].concat()))
}

fn edwards(x: Vec<u8>) -> Result<(KeyType, Vec<u8>), IgnoredReason> {
    // The sign of the other coordinate, the highest bit, does not matter here.
    let mut y = x.clone();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    if y.len() != 32 || !is_canonical(&y) || SMALL_ORDER.iter().any(|small| y == small) {
        return Err(IgnoredReason::Unsound);
    }
    Ok((KeyType::Ed25519, x))
}

/// RFC 8032 §5.1.3: a coordinate is less than p = 2^255 - 19, so a point has one encoding. Not every build of the backend
/// looks.
fn is_canonical(y: &[u8]) -> bool {
    match y {
        [first, middle @ .., last] => *first < 0xed || *last < 0x7f || middle.iter().any(|octet| *octet < 0xff),
        _ => false,
    }
}

fn leading_zero_bits(octets: &[u8]) -> usize {
    octets.first().map_or(0, |first| first.leading_zeros() as usize)
}

fn string<'j>(jwk: &'j Map<String, Value>, member: &'static str) -> Result<Option<&'j str>, IgnoredReason> {
    match jwk.get(member) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(IgnoredReason::Member { member }),
    }
}

fn octets(jwk: &Map<String, Value>, member: &'static str) -> Result<Vec<u8>, IgnoredReason> {
    string(jwk, member)?.and_then(base64url::decode).ok_or(IgnoredReason::Member { member })
}

/// RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2; RFC 9964 for `priv`.
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// The y-coordinates of points whose order divides 8. Under such a key one signature fits many messages, and the backend
/// leaves the check to us, as RFC 8032 does.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    [
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];
