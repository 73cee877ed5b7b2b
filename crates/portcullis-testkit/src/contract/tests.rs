//! What the stored answers have in common. Adapters are compared with them byte for byte, so it holds for adapters, too.

use std::collections::{BTreeMap, BTreeSet};

use super::files;
use super::row::Row;

fn rows() -> impl Iterator<Item = (&'static str, Row)> {
    files().into_iter().flat_map(|file| file.rows.into_iter().map(move |row| (file.name, row)))
}

impl Row {
    fn head(&self) -> &str {
        self.answer.split_once("\n\n").map_or(&self.answer, |(head, _)| head)
    }

    fn body(&self) -> &str {
        self.answer.split_once("\n\n").map_or("", |(_, body)| body)
    }

    fn status(&self) -> u16 {
        self.answer.split(' ').next().unwrap().parse().unwrap()
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head().lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn is_problem(&self) -> bool {
        self.values("content-type").eq(["application/problem+json"])
    }
}

#[test]
fn every_row_has_a_name_of_its_own_in_its_file() {
    let mut names = BTreeSet::new();
    for (file, row) in rows() {
        assert!(names.insert((file, row.name.clone())), "{file}: {}", row.name);
    }
    assert!(names.len() >= 300);
}

#[test]
fn nobody_learns_more_from_an_answer_than_from_those_that_are_alike() {
    // GEN-13: absent and hidden, no token here and there: one answer, byte for byte
    let mut groups: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (file, row) in rows() {
        let seen = row.answer.replacen(" (a handler ran)", "", 1);
        if let Some(label) = &row.alike {
            groups.entry(label.clone()).or_default().push((format!("{file}: {}", row.name), seen));
        }
    }
    for (label, members) in groups {
        let (first, answer) = &members[0];
        assert!(members.len() >= 2, "{label}: nothing is like {first}");
        for (name, other) in &members {
            assert_eq!(other, answer, "{label}: {name} is unlike {first}");
        }
    }
}

#[test]
fn what_holds_for_all_answers_holds_for_the_stored_ones() {
    for (file, row) in rows() {
        let name = format!("{file}: {}", row.name);
        let challenges: Vec<&str> = row.values("www-authenticate").collect();
        assert!(row.status() != 401 || !challenges.is_empty(), "{name}"); // HTP-05
        assert_eq!(row.values("proxy-authenticate").count(), 0, "{name}"); // HTP-08
        assert!(challenges.iter().all(|challenge| challenge.contains(" realm=\"")), "{name}"); // BRR-10
        let exposed = row.values("access-control-expose-headers").next().unwrap_or_default();
        if row.is_problem() {
            // HTP-11
            let has_nonce = row.values("dpop-nonce").next().is_some();
            assert_eq!(exposed.contains("WWW-Authenticate"), has_nonce || !challenges.is_empty(), "{name}");
            assert_eq!(exposed.contains("DPoP-Nonce"), has_nonce, "{name}");
            assert!(row.values("cache-control").eq(["no-store"]), "{name}"); // HTP-12
            assert_eq!(row.values("location").count(), 0, "{name}"); // HTP-14
            // GEN-08: nothing of what the handler said, or of what went wrong inside
            assert!(!row.answer.contains("canary"), "{name}");
        } else if !row.target.starts_with("/.well-known/") {
            let kept = row.values("cache-control").collect::<Vec<_>>().join(", ");
            assert!(kept.contains("private") || kept.contains("no-store"), "{name}"); // HTP-12
        }
        assert!(row.method != "HEAD" || row.body().is_empty(), "{name}");
        assert!(!row.answer.contains("eyJ"), "{name}"); // GEN-04
    }
}

#[test]
fn every_kind_of_problem_has_a_row() {
    let said: BTreeSet<String> = rows().map(|(_, row)| row.body().to_owned()).collect();
    for kind in [
        "malformed-credentials",
        "https-required",
        "credentials-required",
        "invalid-token",
        "invalid-proof",
        "nonce-required",
        "stronger-login-required",
        "insufficient-scope",
        "dpop-required",
        "proof-of-possession-required",
        "confirmation-required",
        "denied",
        "not-found",
        "method-not-allowed",
        "too-many-proofs",
        "internal-error",
        "unavailable",
    ] {
        let kind = format!("urn:problem-type:portcullis:{kind}\"");
        assert!(said.iter().any(|body| body.contains(&kind)), "{kind}");
    }
}
