//! The requests, and what the author of the policies meant to happen.

use serde_json::{Value, json};

use crate::issuer::Issuer;

/// One request and its intended answer.
pub(crate) struct Step {
    pub(crate) who: &'static str,
    token: Token,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Option<Value>,
    pub(crate) expect: Expect,
}

/// What the policies' author meant.
pub(crate) struct Expect {
    pub(crate) status: u16,
    /// The layers that deny; empty for an allow and for a token that gets nobody anywhere.
    pub(crate) layers: &'static str,
    /// What the challenge says, in part; `None` where there is none.
    pub(crate) challenge: Option<&'static str>,
}

enum Token {
    None,
    Valid(Value),
    Forged(Value),
}

impl Step {
    /// The token of the request, as text.
    pub(crate) fn token(&self, issuer: &Issuer) -> Option<String> {
        match &self.token {
            Token::None => None,
            Token::Valid(claims) => Some(issuer.token(claims)),
            Token::Forged(claims) => Some(issuer.forged_token(claims)),
        }
    }

    /// What is in the token, in a few words.
    pub(crate) fn token_words(&self) -> String {
        let (claims, prefix) = match &self.token {
            Token::None => return "none".to_owned(),
            Token::Valid(claims) => (claims, ""),
            Token::Forged(claims) => (claims, "forged: "),
        };
        let words = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let actor = claims.pointer("/act/sub").and_then(Value::as_str).map(|sub| format!(", by {sub}"));
        let kind = ["exp", "aud"].into_iter().find(|name| claims.get(name).is_some());
        let kind = match kind {
            Some("exp") => "expired: ",
            Some(_) => "for another API: ",
            None => prefix,
        };
        format!("{kind}{}{}", words("scope"), actor.unwrap_or_default())
    }
}

/// All steps. `now` is the time in seconds since the epoch.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn steps(now: i64) -> Vec<Step> {
    let user = |sub: &str, role: &str, scope: &str| json!({ "sub": sub, "roles": [role], "scope": scope });
    let with = |mut claims: Value, more: Value| {
        if let (Some(claims), Some(more)) = (claims.as_object_mut(), more.as_object()) {
            claims.extend(more.clone());
        }
        claims
    };
    let by = |claims: Value, agent: &str| with(claims, json!({ "act": { "sub": agent, "sub_profile": "ai_agent" } }));
    let stale = json!({ "auth_time": now - 86_400 });
    let password = json!({ "acr": "urn:acme:pwd" });
    let expired = json!({ "exp": now - 120 });
    let elsewhere = json!({ "aud": "https://other.example.com" });
    let service = json!({ "sub": "nightly-report", "client_id": "nightly-report", "scope": "read:projects" });
    let admin = |scope: &str| user("ada", "admin", scope);
    let step = |who, token, method, path, body, expect| Step { who, token, method, path, body, expect };
    let valid = Token::Valid;
    let title = || Some(json!({ "title": "Apollo 11" }));
    vec![
        step("nobody", Token::None, "GET", "/projects/apollo", None, refused(401, "", "resource_metadata=")),
        step("nobody", Token::None, "GET", "/.well-known/oauth-protected-resource", None, allowed(200)),
        step("nobody", Token::None, "GET", "/health", None, allowed(200)),
        step("viewer", valid(user("vic", "viewer", "read:projects")), "GET", "/projects/apollo", None, allowed(200)),
        step(
            "viewer",
            valid(user("vic", "viewer", "manage:projects")),
            "PATCH",
            "/projects/apollo",
            title(),
            denied(404, "roles"),
        ),
        step(
            "admin",
            valid(admin("read:profile")),
            "GET",
            "/projects/apollo",
            None,
            refused(403, "consent", "scope=\"read:projects\""),
        ),
        step("admin", valid(admin("manage:projects")), "GET", "/projects/apollo", None, allowed(200)),
        step("admin", valid(admin("read:projects")), "GET", "/projects/soyuz", None, denied(404, "guardrails")),
        step("admin", valid(admin("manage:projects")), "PATCH", "/projects/gemini", title(), denied(404, "guardrails")),
        step(
            "owner",
            valid(json!({ "sub": "olga", "scope": "read:projects" })),
            "GET",
            "/workspaces/space/projects",
            None,
            allowed(200),
        ),
        // Nothing is there, and the answer is the same.
        step("admin", valid(admin("manage:projects")), "PATCH", "/projects/vostok", title(), denied(404, "")),
        step(
            "agent of admin",
            valid(by(admin("manage:projects"), "summariser")),
            "GET",
            "/projects/apollo",
            None,
            allowed(200),
        ),
        step(
            "agent of admin",
            valid(by(admin("manage:projects"), "summariser")),
            "PATCH",
            "/projects/apollo",
            title(),
            denied(404, "ceilings"),
        ),
        step(
            "agent of admin",
            valid(by(admin("manage:projects"), "summariser")),
            "POST",
            "/workspaces/space/projects",
            None,
            denied(403, "ceilings"),
        ),
        step(
            "agent of viewer",
            valid(by(user("vic", "viewer", "manage:projects"), "drafter")),
            "PATCH",
            "/projects/apollo",
            title(),
            denied(404, "roles"),
        ),
        step(
            "unknown agent",
            valid(by(admin("manage:projects"), "stranger")),
            "GET",
            "/projects/apollo",
            None,
            denied(404, "ceilings"),
        ),
        step("service", valid(service.clone()), "POST", "/workspaces/space/reports", None, allowed(200)),
        step("service", valid(service), "GET", "/projects/apollo", None, denied(404, "ceilings, roles")),
        step(
            "admin, old login",
            valid(with(admin("manage:projects"), stale.clone())),
            "DELETE",
            "/projects/apollo",
            None,
            refused(401, "guardrails", "max_age=\"300\""),
        ),
        step(
            "admin, old login",
            valid(with(admin(""), stale)),
            "DELETE",
            "/projects/apollo",
            None,
            refused(401, "consent, guardrails", "scope=\"manage:projects\""),
        ),
        step(
            "admin, password",
            valid(with(admin("manage:projects"), password)),
            "DELETE",
            "/projects/apollo",
            None,
            refused(401, "guardrails", "acr_values=\"urn:acme:mfa urn:acme:phr\""),
        ),
        step("admin", valid(admin("manage:projects")), "DELETE", "/projects/apollo", None, allowed(204)),
        step(
            "admin",
            valid(with(admin("read:projects"), expired)),
            "GET",
            "/projects/apollo",
            None,
            refused(401, "", "error=\"invalid_token\""),
        ),
        step(
            "admin",
            valid(with(admin("read:projects"), elsewhere)),
            "GET",
            "/projects/apollo",
            None,
            refused(401, "", "error=\"invalid_token\""),
        ),
        step(
            "impostor",
            Token::Forged(admin("read:projects")),
            "GET",
            "/projects/apollo",
            None,
            refused(401, "", "error=\"invalid_token\""),
        ),
    ]
}

fn allowed(status: u16) -> Expect {
    Expect { status, layers: "", challenge: None }
}

/// Denied, and nothing that the caller could obtain would help.
fn denied(status: u16, layers: &'static str) -> Expect {
    Expect { status, layers, challenge: None }
}

/// Refused, with a challenge that says what would help.
fn refused(status: u16, layers: &'static str, challenge: &'static str) -> Expect {
    Expect { status, layers, challenge: Some(challenge) }
}
