//! Rows of `hostile-tokens.toml`, and the tokens that they describe.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::UnixTime;
use portcullis_token::{TokenType, Verifier};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::forge::{Signature, Spelling};
use crate::mint::{self, Signer};

/// All rows, by the name of their group.
pub(super) fn rows() -> BTreeMap<String, Vec<Row>> {
    toml::from_str(include_str!("../../data/hostile-tokens.toml")).unwrap_or_else(|error| panic!("{error}"))
}

/// The file says what the members mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) given: Change,
    pub(super) wrong: Option<Change>,
    pub(super) error: Option<String>,
    pub(super) right: Option<Change>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    signer: Option<Signer>,
    header: Option<String>,
    header_without: Vec<String>,
    header_text: Option<String>,
    header_hex: Option<String>,
    header_front: Option<String>,
    header_bytes: Option<usize>,
    claims: Option<String>,
    claims_without: Vec<String>,
    claims_text: Option<String>,
    claims_hex: Option<String>,
    claims_front: Option<String>,
    claims_replace: Option<[String; 2]>,
    depth: Option<usize>,
    members: Option<usize>,
    string: Option<usize>,
    items: Option<usize>,
    token_bytes: Option<usize>,
    signature: Option<Signature>,
    token: Option<String>,
    spelling: Option<Spelling>,
    now: Option<i64>,
    leeway: Option<u64>,
    token_type: Option<TokenType>,
}

/// A token, and where and when it is presented.
pub(super) struct Attempt {
    pub(super) token: String,
    pub(super) verifier: Verifier,
    pub(super) now: UnixTime,
    pub(super) header: Vec<u8>,
    pub(super) payload: Vec<u8>,
    /// Who signed it validly; nobody, if the row spoils the signature.
    pub(super) signer: Option<Signer>,
}

/// The token that comes out when the good one is changed so, one change after the other.
pub(super) fn attempt(changes: &[&Change]) -> Attempt {
    let signer = last(changes, |change| change.signer).unwrap_or(Signer::Ed25519);
    let mut header = Json::new(signer.header());
    let mut payload = Json::new(claims());
    for change in changes {
        header.set(change.header.as_deref(), &change.header_without);
        header.rewrite(change.header_text.as_deref(), change.header_hex.as_deref(), change.header_front.as_deref());
        payload.set(change.claims.as_deref(), &change.claims_without);
        payload.rewrite(change.claims_text.as_deref(), change.claims_hex.as_deref(), change.claims_front.as_deref());
        payload.replace(change.claims_replace.as_ref());
        grow(&mut payload, change);
        if let Some(bytes) = change.header_bytes {
            header.pad_to(bytes);
        }
    }
    if let Some(bytes) = last(changes, |change| change.token_bytes) {
        pad(signer, &mut header, &mut payload, bytes);
    }
    let (header, payload) = (header.octets(), payload.octets());

    let forgery = last(changes, |change| change.signature);
    let signature = forgery.map_or_else(
        || signer.sign(&mint::signing_input(&header, &payload)),
        |forgery| forgery.make(signer, &header, &payload),
    );
    let layout = last(changes, |change| change.token.clone());
    let spelling = last(changes, |change| change.spelling);
    let mut segments = [mint::encode(&header), mint::encode(&payload), mint::encode(signature)];
    if let Some(spelling) = spelling {
        spelling.apply(&mut segments);
    }
    let untouched = forgery.is_none() && layout.is_none() && spelling.is_none();
    let token = ["{header}", "{payload}", "{signature}"]
        .into_iter()
        .zip(&segments)
        .fold(layout.unwrap_or_else(|| "{header}.{payload}.{signature}".to_owned()), |token, (place, segment)| {
            token.replace(place, segment)
        });
    Attempt {
        token,
        verifier: verifier(changes),
        now: mint::time(last(changes, |change| change.now).unwrap_or(mint::NOW)),
        header,
        payload,
        signer: untouched.then_some(signer),
    }
}

/// The claims of an acceptable token. No message ever repeats them, and the word is easy to look for.
fn claims() -> Value {
    mint::claims_with(json!({ "sub": "canary-subject", "client_id": "canary-client", "jti": "canary-jti" }))
}

fn verifier(changes: &[&Change]) -> Verifier {
    let mut issuer = mint::issuer();
    if let Some(leeway) = last(changes, |change| change.leeway) {
        issuer = issuer.with_leeway(Duration::from_secs(leeway)).unwrap();
    }
    if let Some(token_type) = last(changes, |change| change.token_type) {
        issuer = issuer.with_token_type(token_type);
    }
    Verifier::new([issuer]).unwrap()
}

fn last<T>(changes: &[&Change], member: impl Fn(&Change) -> Option<T>) -> Option<T> {
    changes.iter().rev().find_map(|change| member(change))
}

/// A JSON object, until it is rewritten as text that need not be one.
enum Json {
    Object(Map<String, Value>),
    Octets(Vec<u8>),
}

impl Json {
    fn new(value: Value) -> Self {
        let Value::Object(members) = value else { panic!("an object") };
        Self::Object(members)
    }

    fn members(&mut self) -> &mut Map<String, Value> {
        let Self::Object(members) = self else { panic!("members are set before the text is rewritten") };
        members
    }

    fn set(&mut self, members: Option<&str>, without: &[String]) {
        for member in without {
            self.members().remove(member).unwrap();
        }
        if let Some(members) = members {
            let members: Map<String, Value> = serde_json::from_str(members).unwrap();
            self.members().extend(members);
        }
    }

    fn rewrite(&mut self, text: Option<&str>, hex: Option<&str>, front: Option<&str>) {
        if let Some(text) = text {
            *self = Self::Octets(text.into());
        }
        if let Some(hex) = hex {
            *self = Self::Octets(super::forge::decode_hex(hex));
        }
        if let Some(front) = front {
            let text = Value::Object(self.members().clone()).to_string();
            *self = Self::Octets(text.replacen('{', &format!("{{{front}"), 1).into());
        }
    }

    fn replace(&mut self, replacement: Option<&[String; 2]>) {
        if let Some([text, other]) = replacement {
            let before = Value::Object(self.members().clone()).to_string();
            let after = before.replace(text, other);
            assert_ne!(before, after, "{text} is not there");
            *self = Self::Octets(after.into());
        }
    }

    fn pad_to(&mut self, bytes: usize) {
        self.members().insert("pad".to_owned(), "".into());
        let missing = bytes - self.octets().len();
        self.members().insert("pad".to_owned(), "x".repeat(missing).into());
    }

    fn octets(&self) -> Vec<u8> {
        match self {
            Self::Object(members) => Value::Object(members.clone()).to_string().into(),
            Self::Octets(octets) => octets.clone(),
        }
    }
}

/// Lets the payload reach a limit.
fn grow(payload: &mut Json, change: &Change) {
    if let Some(depth) = change.depth {
        // The claims are the outermost object.
        let nested = format!("\"x\":{}{},", "[".repeat(depth - 1), "]".repeat(depth - 1));
        payload.rewrite(None, None, Some(&nested));
    }
    if let Some(members) = change.members {
        for number in 0..members - payload.members().len() {
            payload.members().insert(format!("x{number}"), number.into());
        }
    }
    if let Some(string) = change.string {
        payload.members().insert("x".to_owned(), "x".repeat(string).into());
    }
    if let Some(items) = change.items {
        payload.members().insert("x".to_owned(), vec![0; items].into());
    }
}

/// Lets the whole token have exactly `bytes`.
fn pad(signer: Signer, header: &mut Json, payload: &mut Json, bytes: usize) {
    // Three octets of the payload are four of the text, so the header takes up the difference.
    for padding in 0..4 {
        header.members().insert("x".to_owned(), "x".repeat(padding).into());
        for length in (bytes * 5 / 8..bytes * 3 / 4).rev() {
            // One string would exceed the limit of its own.
            payload.members().insert("x".to_owned(), "x".repeat(length / 2).into());
            payload.members().insert("y".to_owned(), "x".repeat(length - length / 2).into());
            let text = mint::signing_input(header.octets(), payload.octets()).len() + 1;
            let signature = mint::encode(signer.sign("")).len();
            if text + signature == bytes {
                return;
            }
            if text + signature < bytes {
                break;
            }
        }
    }
    panic!("no token of {bytes} bytes")
}
