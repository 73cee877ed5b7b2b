use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Request};
use portcullis::{Connection, Engine, Facts, ResourceData, Session, Ticket};
use portcullis_core::VerifiedClaims;
use portcullis_token::Intent;
use serde_json::{Map, Value, json};

use super::app::{ISSUER, NOW, RESOURCE, World, ago, approvals, nonces, now, ready};
use super::handlers::Project;
use super::row::Row;
use crate::TestIssuer;

/// Fills in what rows leave out: tokens and proofs, which are others each time.
pub(super) struct Sender<'a> {
    world: &'a World,
    /// The last token that was sent: what proofs are about, and for a row that repeats it.
    token: String,
    /// The last proof that was sent.
    proof: String,
    /// The last approval that was sent.
    approval: String,
}

impl<'a> Sender<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self { world, token: String::new(), proof: String::new(), approval: String::new() }
    }

    /// The request of `row`. What the server knows of the connection is a [`Connection`] in the extensions.
    pub(super) fn request(&mut self, row: &Row) -> Request<Vec<u8>> {
        let mut request = Request::new(self.fill_in(&row.body, row));
        *request.method_mut() = row.method.clone();
        *request.uri_mut() = ready(row.target.parse());
        for (name, value) in &row.fields {
            let value = ready(HeaderValue::from_bytes(&self.fill_in(value, row)));
            request.headers_mut().append(ready(HeaderName::from_bytes(name.as_bytes())), value);
        }
        if let Some(connection) = connection(row) {
            request.extensions_mut().insert(connection);
        }
        request
    }

    /// What no log may have: the last token and the last proof.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        // The last part of a JWT is in it as often as the whole is.
        let last = |text: &String| text.rsplit('.').next().map(str::to_owned);
        let keys = self.world.keys.iter().map(|key| key.text.reveal().to_owned());
        [&self.token, &self.proof].into_iter().filter_map(last).filter(|text| text.len() > 20).chain(keys)
    }

    /// `value` with its placeholders replaced.
    fn fill_in(&mut self, value: &str, row: &Row) -> Vec<u8> {
        let mut filled = Vec::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('<') {
            let (placeholder, after) = ready(after.split_once('>').ok_or_else(|| format!("no `>` in `{value}`")));
            filled.extend(before.bytes());
            filled.extend(self.placeholder(placeholder, row));
            rest = after;
        }
        filled.extend(rest.bytes());
        filled
    }

    fn placeholder(&mut self, text: &str, row: &Row) -> Vec<u8> {
        let (name, more) = text
            .split_once(" {")
            .map_or((text, json!({})), |(name, rest)| (name, ready(serde_json::from_str(&format!("{{{rest}")))));
        let text = match name {
            "octet ff" => return vec![0xff],
            "tab" => "\t".to_owned(),
            "certificate" => STANDARD.encode(CERTIFICATE),
            "same token" => self.token.clone(),
            "same proof" => self.proof.clone(),
            "same approval" => self.approval.clone(),
            "ticket" => self.ticket(&more, NOW).text().to_owned(),
            "stale ticket" => self.ticket(&more, NOW - 900).text().to_owned(),
            "approval" => {
                self.approval = self.approve(&self.ticket(&more, NOW));
                self.approval.clone()
            }
            _ if name.ends_with("token") => {
                self.token = self.token(name, &more);
                self.token.clone()
            }
            _ if name.starts_with("proof") => {
                self.proof = self.proof(name, &more, row);
                self.proof.clone()
            }
            _ if name.ends_with("key") => self.key(name).to_owned(),
            _ => {
                let count = name.strip_prefix("as ").and_then(|count| count.parse().ok());
                "a".repeat(ready(count.ok_or_else(|| format!("`<{name}>` means nothing"))))
            }
        };
        text.into_bytes()
    }

    fn token(&self, name: &str, more: &Value) -> String {
        let World { issuer, holder, .. } = self.world;
        match name {
            "token" => issuer.sign(&with(standard(), more)),
            "bound token" => {
                let bound = with(standard(), &json!({ "cnf": { "jkt": holder.thumbprint() } }));
                issuer.sign(&with(bound, more))
            }
            "foreign token" => TestIssuer::new(ISSUER).sign(&with(standard(), more)),
            "unsigned token" => issuer.sign_with(&json!({ "alg": "none", "typ": "at+jwt" }), &with(standard(), more)),
            "id token" => {
                issuer.sign_with(&json!({ "alg": "ES256", "typ": "JWT", "kid": issuer.kid() }), &with(standard(), more))
            }
            _ => ready(Err(format!("nobody issues a `<{name}>`"))),
        }
    }

    /// A ticket of the time `at` for `Mail` on the project `apollo`, which the client `robot` asked for, with some claims of its
    /// token replaced.
    fn ticket(&self, more: &Value, at: i64) -> Ticket {
        let robot = self.session(&with(json!({ "client_id": "robot" }), more));
        let project = ready(ResourceData::of(&Project::new("apollo")));
        let intent = ready(Intent::new(robot.caller(), "Mail", &project, &Facts::none()));
        ready(approvals().issue(intent, ago(NOW - at)))
    }

    /// What `ann` says to `ticket`.
    fn approve(&self, ticket: &Ticket) -> String {
        let ann = self.session(&json!({ "auth_time": NOW, "scope": "profile" }));
        ready(approvals().approve(ticket, &ann, now())).text().to_owned()
    }

    fn session(&self, more: &Value) -> Session {
        let claims = with(standard(), more).as_object().cloned().unwrap_or_default();
        let engine = Engine::new(self.world.app.gate().bundle());
        ready(engine.session(&VerifiedClaims::assume_verified("main", claims)))
    }

    /// A proof for the request of `row`, with some claims replaced.
    fn proof(&self, name: &str, more: &Value, row: &Row) -> String {
        let World { holder, thief, .. } = self.world;
        let nonce = |seconds| json!({ "nonce": nonces().issue(ago(seconds)) });
        let (client, more) = match name {
            "proof" => (holder, more.clone()),
            "proof with nonce" => (holder, nonce(0)),
            "proof with ageing nonce" => (holder, nonce(180)),
            "proof with stale nonce" => (holder, nonce(600)),
            "proof of a thief" => (thief, more.clone()),
            _ => ready(Err(format!("nobody makes a `<{name}>`"))),
        };
        let path = row.target.split('?').next().unwrap_or_default();
        let claims = client.claims(row.method.as_str(), &format!("{RESOURCE}{path}"), &self.token, NOW);
        client.proof(&with(claims, &more))
    }

    fn key(&self, name: &str) -> &str {
        let [active, disabled, expired] = &self.world.keys;
        match name {
            "key" => active.text.reveal(),
            "disabled key" => disabled.text.reveal(),
            "expired key" => expired.text.reveal(),
            _ => ready(Err(format!("nobody has a `<{name}>`"))),
        }
    }
}

/// The claims of the user `ann`, who logged in 100 minutes ago.
fn standard() -> Value {
    json!({
        "iss": ISSUER, "aud": RESOURCE, "sub": "ann", "client_id": "web",
        "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "auth_time": NOW - 6000,
        "scope": "read:projects projects.write", "roles": [], "groups": [], "entitlements": [],
    })
}

/// `claims` with the members of `more`. What is `null` is left out; a text such as `now-60` is that time.
fn with(claims: Value, more: &Value) -> Value {
    let mut members: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
    for (name, value) in more.as_object().into_iter().flatten() {
        let time = value.as_str().and_then(|text| text.strip_prefix("now")?.parse::<i64>().ok());
        match time {
            _ if value.is_null() => members.remove(name),
            Some(time) => members.insert(name.clone(), (NOW + time).into()),
            None => members.insert(name.clone(), value.clone()),
        };
    }
    members.into()
}

fn connection(row: &Row) -> Option<Connection> {
    let stated = |word: &str| row.connection.iter().find(|(stated, _)| stated == word).map(|(_, value)| value);
    let connection = stated("@peer").map(|peer| Connection::from_peer(ready(peer.parse())));
    match stated("@certificate") {
        Some(of) => Some(connection.unwrap_or_default().with_client_certificate(of.as_bytes())),
        None => connection,
    }
}

/// The certificate that proxies pass on: nobody parses it.
const CERTIFICATE: &str = "a certificate";
