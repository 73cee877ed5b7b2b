//! A caller, described.

use portcullis_core::{Caller, Listing};
use serde::Serialize;

use super::Style;
use super::table::{Cell, columns};

/// What is known of a caller, line by line.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Described(std::collections::BTreeMap<&'static str, String>);

impl Described {
    /// `caller`, of whose scopes the bundle does not know `unknown`, and who cannot be judged because of `lacks`.
    pub(crate) fn of(caller: &Caller, unknown: &[String], lacks: Option<String>) -> Self {
        let subject = caller.subject();
        let class = |class: &Option<String>| class.iter().map(|class| format!(", class {class}")).collect::<String>();
        let actor = caller.actor().map(|actor| {
            let depth = if actor.depth > 1 { format!(", {} hops", actor.depth) } else { String::new() };
            format!("{} {}{}{depth}", actor.kind.as_str(), actor.id, class(&actor.class))
        });
        let scopes = match caller.scopes() {
            Some([]) => "none".to_owned(),
            Some(scopes) => scopes.join(" "),
            None if caller.is_consent_exempt() => "not said; this client needs none".to_owned(),
            None => "not said, which means none".to_owned(),
        };
        let bindings: Vec<_> = caller.bindings().iter().map(|binding| binding.as_str()).collect();
        let ignored = caller.ignored().iter().map(|ignored| format!("{} `{}`", ignored.fact, ignored.value));
        let absent = caller.absent().iter().map(ToString::to_string);
        let some = |text: String| (!text.is_empty()).then_some(text);
        let lines = [
            ("source", Some(caller.source().to_owned())),
            ("issuer", Some(caller.issuer().to_owned())),
            ("subject", Some(format!("{} {}{}", subject.kind.as_str(), subject.id, class(&subject.class)))),
            ("actor", actor),
            ("client", caller.client().map(str::to_owned)),
            ("scopes", Some(scopes)),
            ("unknown_scopes", some(unknown.join(" "))),
            ("roles", Some(listing(caller.roles()))),
            ("tenant", caller.tenant().map(str::to_owned)),
            ("login", some(login(caller))),
            ("bound_by", Some(some(bindings.join(", ")).unwrap_or_else(|| "nothing: a bearer token".to_owned()))),
            ("expires", caller.expires_at().map(|at| at.to_string())),
            ("id", caller.jti().map(str::to_owned)),
            ("ignored", some(ignored.collect::<Vec<_>>().join(", "))),
            ("absent", some(absent.collect::<Vec<_>>().join(", "))),
            ("lacks", lacks),
        ];
        Self(lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }

    pub(crate) fn text(&self, style: Style) -> String {
        let row = |name: &&'static str| {
            let value = self.0.get(name)?;
            let title = Cell::painted(format!("  {}", name.replace('_', " ")), |text| style.blue(text));
            Some(vec![title, Cell::new(value)])
        };
        columns(&ORDER.iter().filter_map(row).collect::<Vec<_>>(), 3)
    }
}

fn listing(listing: &Listing) -> String {
    match listing {
        Listing::Known(names) if names.is_empty() => "none".to_owned(),
        Listing::Known(names) => names.join(" "),
        Listing::Unknown => "not said".to_owned(),
    }
}

fn login(caller: &Caller) -> String {
    let parts = [
        caller.acr().map(|acr| format!("acr {acr}")),
        caller.amr().map(|amr| format!("amr {}", amr.join(" "))),
        caller.authenticated_at().map(|at| format!("at {at}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The lines, in the order in which people read them.
const ORDER: [&str; 16] = [
    "subject",
    "actor",
    "client",
    "issuer",
    "source",
    "scopes",
    "unknown_scopes",
    "roles",
    "tenant",
    "login",
    "bound_by",
    "expires",
    "id",
    "ignored",
    "absent",
    "lacks",
];
