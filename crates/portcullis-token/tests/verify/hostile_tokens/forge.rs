//! What an attacker does to a signature and to the text of a token.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::mint::{Signer, decode, encode, signing_input};

/// What stands in place of the valid signature.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Signature {
    // Valid signatures, over something else or of another kind.
    OverAnotherText,
    OverCompactJson,
    OverTheJson,
    OverThePayload,
    Pkcs1,
    #[serde(rename = "pkcs1_sha512")]
    Pkcs1Sha512,
    Pss,
    #[serde(rename = "pss_sha512")]
    PssSha512,
    // HMACs under what everybody knows.
    HmacOfDer,
    HmacOfJwk,
    HmacOfNothing,
    HmacOfOctets,
    HmacOfPem,
    // Other lengths.
    Der,
    Doubled,
    LastOctetCut,
    #[serde(rename = "padded_to_48")]
    PaddedTo48,
    ZeroAppended,
    ZeroPrepended,
    // Other numbers.
    AllBits,
    HalvesSwapped,
    Modulus,
    Ones,
    OrderMinusS,
    PlusModulus,
    RIsOrder,
    RNotCanonical,
    ROfSmallOrder,
    RZero,
    SIsOrder,
    SPlusOrder,
    SZero,
    Zeros,
}

impl Signature {
    pub(super) fn make(self, signer: Signer, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let text = signing_input(header, payload);
        let valid = signer.sign(&text);
        let (r, s) = valid.split_at(valid.len() / 2);
        let (zero, numbers) = (vec![0; r.len()], Numbers::of(signer));
        match self {
            Self::OverAnotherText => signer.sign(&format!("{text}A")),
            Self::OverCompactJson => {
                let header: Value = serde_json::from_slice(header).unwrap();
                signer.sign(&signing_input(header.to_string(), payload))
            }
            Self::OverTheJson => {
                signer.sign(&format!("{}.{}", str::from_utf8(header).unwrap(), str::from_utf8(payload).unwrap()))
            }
            Self::OverThePayload => signer.sign(&encode(payload)),
            Self::Pkcs1 => Signer::Rs256.sign(&text),
            Self::Pkcs1Sha512 => Signer::Rs512.sign(&text),
            Self::Pss => Signer::Ps256.sign(&text),
            Self::PssSha512 => Signer::Ps512.sign(&text),

            Self::HmacOfDer => hmac(header, &text, &der(signer)),
            Self::HmacOfJwk => hmac(header, &text, signer.jwk().to_string().as_bytes()),
            Self::HmacOfNothing => hmac(header, &text, b""),
            Self::HmacOfOctets => hmac(header, &text, &signer.public_octets()),
            Self::HmacOfPem => hmac(header, &text, pem(signer).as_bytes()),

            Self::Der => as_der(r, s),
            Self::Doubled => [&valid[..], &valid].concat(),
            Self::LastOctetCut => valid[..valid.len() - 1].to_vec(),
            Self::PaddedTo48 => [&[0; 16], r, &[0; 16], s].concat(),
            Self::ZeroAppended => [&valid[..], &[0]].concat(),
            Self::ZeroPrepended => [&[0], &valid[..]].concat(),

            Self::AllBits => vec![0xff; valid.len()],
            Self::HalvesSwapped => [s, r].concat(),
            Self::Modulus => decode(signer.jwk()["n"].as_str().unwrap()),
            Self::Ones => [numbers.one(), numbers.one()].concat(),
            Self::OrderMinusS => [r, &numbers.difference(&numbers.order, s)].concat(),
            Self::PlusModulus => numbers.sum(&valid, &decode(signer.jwk()["n"].as_str().unwrap())),
            Self::RIsOrder => [&numbers.order, s].concat(),
            // The y-coordinate 1 + p, of the neutral point (RFC 8032 §5.1.3 refuses it).
            Self::RNotCanonical => [&[0xee], &[0xff; 30][..], &[0x7f], s].concat(),
            Self::ROfSmallOrder => [&numbers.one(), s].concat(),
            Self::RZero => [&zero, s].concat(),
            Self::SIsOrder => [r, &numbers.order].concat(),
            Self::SPlusOrder => [r, &numbers.sum(s, &numbers.order)].concat(),
            Self::SZero => [r, &zero].concat(),
            Self::Zeros => vec![0; valid.len()],
        }
    }
}

/// How the text is changed once everything is signed.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spelling {
    #[serde(rename = "header_cut_to_1_mod_4")]
    HeaderCutTo1Mod4,
    StandardAlphabet,
    UnusedBitsOfPayload,
    UnusedBitsOfSignature,
}

impl Spelling {
    pub(super) fn apply(self, [header, payload, signature]: &mut [String; 3]) {
        match self {
            Self::HeaderCutTo1Mod4 => header.truncate(header.len() / 4 * 4 - 3),
            Self::StandardAlphabet => *signature = signature.replace('-', "+").replace('_', "/"),
            Self::UnusedBitsOfPayload => set_unused_bit(payload),
            Self::UnusedBitsOfSignature => set_unused_bit(signature),
        }
    }
}

pub(super) fn decode_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The same octets, with one more bit set in the last letter.
fn set_unused_bit(text: &mut String) {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(text.len() % 4, 0, "no bits are unused");
    let letter = text.pop().unwrap();
    text.push(ALPHABET.chars().nth(ALPHABET.find(letter).unwrap() + 1).unwrap());
}

/// The valid HMAC for the algorithm in the header, or for HS256.
fn hmac(header: &[u8], text: &str, key: &[u8]) -> Vec<u8> {
    let header: Value = serde_json::from_slice(header).unwrap();
    let algorithm = match header["alg"].as_str().unwrap() {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    hmac::sign(&hmac::Key::new(algorithm, key), text.as_bytes()).as_ref().to_vec()
}

/// A public RSA key as `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn der(signer: Signer) -> Vec<u8> {
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer.public_octets()).unwrap();
    key.as_der().unwrap().as_ref().to_vec()
}

fn pem(signer: Signer) -> String {
    let text = STANDARD.encode(der(signer));
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// ECDSA-Sig-Value of RFC 3279 §2.2.3.
fn as_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |octets: &[u8]| [&[2, 33, 0], octets].concat();
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

/// How the numbers of a signature are written, and the order of the group that they belong to.
struct Numbers {
    little_endian: bool,
    order: Vec<u8>,
}

impl Numbers {
    fn of(signer: Signer) -> Self {
        let little_endian = signer.alg() == "EdDSA";
        let order = match signer {
            Signer::Ed25519 => "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
            _ => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        };
        Self { little_endian, order: decode_hex(order) }
    }

    fn one(&self) -> Vec<u8> {
        self.written(vec![1; 1].into_iter().chain([0; 31]).collect())
    }

    fn sum(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut carry = 0;
        let mut sum: Vec<u8> = self
            .digits(a)
            .into_iter()
            .zip(self.digits(b))
            .map(|(a, b)| {
                let total = u16::from(a) + u16::from(b) + carry;
                carry = total >> 8;
                u8::try_from(total & 0xff).unwrap()
            })
            .collect();
        sum.extend((carry > 0).then_some(1));
        self.written(sum)
    }

    fn difference(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut borrow = false;
        let digits = self.digits(a).into_iter().zip(self.digits(b)).map(|(a, b)| {
            let (less, first) = a.overflowing_sub(b);
            let (less, second) = less.overflowing_sub(u8::from(borrow));
            borrow = first || second;
            less
        });
        self.written(digits.collect())
    }

    /// Octets, the lowest first.
    fn digits(&self, octets: &[u8]) -> Vec<u8> {
        self.written(octets.to_vec())
    }

    fn written(&self, mut digits: Vec<u8>) -> Vec<u8> {
        if !self.little_endian {
            digits.reverse();
        }
        digits
    }
}
