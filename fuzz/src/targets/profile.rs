//! Whatever a profile reads out of whatever claims, it confers nothing that its source may not confer.
// GEN-10

use std::collections::BTreeSet;

use portcullis::{Kind, Profile, Source, SourceSettings};
use portcullis_core::{AgentType, Caller, Confers, Listing, Sources, VerifiedClaims};
use serde_json::Value;

use crate::{PART, text};

pub(super) fn run(octets: &[u8]) {
    let mut parts = text(octets).split(PART);
    let mut next = || parts.next().unwrap_or_default();
    let (profile, claims, header) = (next(), next(), next());
    let profile = match serde_json::from_str::<Profile>(profile) {
        Ok(profile) => profile,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let Ok(Value::Object(claims)) = serde_json::from_str(claims) else { return };
    let header = serde_json::from_str::<Value>(header).ok().and_then(|header| header.as_object().cloned());
    let of = |source: &str| {
        VerifiedClaims::assume_verified(source, claims.clone()).with_header(header.clone().unwrap_or_default())
    };
    for refused in Kind::ALL {
        let source = |alias| Source::new(alias, settings(refused), profile.clone()).unwrap();
        let alone = Sources::new([source("main")], AgentType::Undeclared).unwrap().read(of("main"));
        alone.iter().for_each(|caller| check(caller, refused));
        let both = Sources::new([source("main"), source("other")], AgentType::Undeclared).unwrap();
        let (main, other) = (both.read(of("main")), both.read(of("other")));
        assert_eq!(main.is_ok(), alone.is_ok(), "who else issues tokens changes how they are read");
        if let (Ok(main), Ok(other)) = (&main, &other) {
            check(main, refused);
            assert!(main.subject().id.starts_with("main|") && !main.subject().id["main|".len()..].is_empty());
            assert!(ids(main).is_disjoint(&ids(other)), "one id at two sources");
        }
    }
}

/// May confer what is named here, and not the kind `refused`.
fn settings(refused: Kind) -> SourceSettings {
    let only = |name: &str| Some(Confers::Only(BTreeSet::from([name.to_owned()])));
    let mut settings = SourceSettings::default();
    settings.kinds = Some(Confers::Only(Kind::ALL.into_iter().filter(|kind| *kind != refused).collect()));
    settings.scopes = only(SCOPE);
    settings.roles = only(ROLE);
    settings
}

fn check(caller: &Caller, refused: Kind) {
    let kinds = [Some(caller.subject().kind), caller.actor().map(|actor| actor.kind)];
    assert!(kinds.into_iter().flatten().all(|kind| kind != refused), "a kind that is not conferred");
    assert!(!caller.subject().id.is_empty(), "nobody");
    assert!(caller.scopes().unwrap_or_default().iter().all(|scope| scope == SCOPE), "a scope that is not conferred");
    for list in [caller.roles(), caller.groups(), caller.permissions(), caller.entitlements()] {
        let Listing::Known(names) = list else { continue };
        assert!(names.iter().all(|name| name == ROLE), "a role that is not conferred");
    }
    assert!(!caller.is_consent_exempt(), "nobody is exempt");
}

fn ids(caller: &Caller) -> BTreeSet<&str> {
    let actor = caller.actor().map(|actor| actor.id.as_str());
    actor.into_iter().chain([caller.subject().id.as_str()]).collect()
}

const SCOPE: &str = "read:notes";

const ROLE: &str = "reader";
