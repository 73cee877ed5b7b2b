//! The `Portcullis` namespace that every bundle gets.

use std::collections::BTreeSet;

use crate::claims::{Binding, Credential, Kind};

/// The namespace of the prelude.
pub(crate) const NAMESPACE: &str = "Portcullis";

/// Who reads the prelude: only ceilings may know who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Ceilings,
    OtherLayers,
}

/// The prelude as Cedar schema text for a bundle whose schema declares the principals `kinds`.
///
/// Closed vocabularies are enumerated entities, so a policy that misspells one does not load. `scopes` is in no layer:
/// deciding about them is the consent layer's job.
pub(super) fn text(kinds: &BTreeSet<Kind>, audience: Audience) -> String {
    let quoted = |names: Vec<&str>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let kind_names = quoted(Kind::ALL.iter().map(|kind| kind.as_str()).collect());
    let credentials = quoted(vec![Credential::AccessToken.as_str(), Credential::ApiKey.as_str()]);
    let bindings = quoted(Binding::ALL.iter().map(|binding| binding.as_str()).collect());
    let (approval_type, person) = if kinds.contains(&Kind::User) {
        ("type Approval = { by: User, at: datetime };", "user?: User, approval?: Approval,")
    } else {
        ("", "")
    };
    let actor = match audience {
        Audience::Ceilings => "actor?: { kind: Kind, id: String, class?: String, depth: Long },",
        Audience::OtherLayers => "",
    };
    format!(
        "namespace {NAMESPACE} {{
  entity Anonymous;
  entity Kind enum [{kind_names}];
  entity Credential enum [{credentials}];
  entity Binding enum [{bindings}];
  type Party = {{ kind: Kind, id: String }};
  {approval_type}
  type Context = {{ auth: Auth, now: datetime }};
  type Auth = {{
    issuer: String, credential: Credential, expires_at: datetime, subject: Party, client?: String, tenant?: String,
    ip?: ipaddr, binding: Set<Binding>, acr?: String, amr?: Set<String>, authenticated_at?: datetime,
    {person} {actor}
  }};
}}"
    )
}
