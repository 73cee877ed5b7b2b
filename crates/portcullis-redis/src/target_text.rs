//! Targets of revocations as texts that all versions read alike.

use std::borrow::Cow;

use portcullis_core::{Kind, UnixTime};
use portcullis_token::{Revocation, Target};

/// The name of `target`: a JSON array, so that no id can look like two. `None` for a target that this version does not know.
pub(crate) fn of_target(target: &Target<'_>) -> Option<String> {
    let parts: Vec<&str> = match target {
        Target::Everything => vec!["everything"],
        Target::Source { alias } => vec!["source", alias],
        Target::Token { source, id } => vec!["token", source, id],
        Target::Subject { kind, id } => vec!["subject", kind.as_str(), id],
        Target::Actor { kind, id } => vec!["actor", kind.as_str(), id],
        Target::AgentClass { name } => vec!["agent-class", name],
        Target::Client { source, id } => vec!["client", source, id],
        Target::Key { source, id } => vec!["key", source, id],
        _ => return None,
    };
    serde_json::to_string(&parts).ok()
}

/// The target called `text`, or `None` if that is the name of none.
pub(crate) fn to_target(text: &str) -> Option<Target<'static>> {
    let parts: Vec<String> = serde_json::from_str(text).ok()?;
    let mut parts = parts.into_iter();
    let form = parts.next()?;
    let rest: [Option<String>; 3] = std::array::from_fn(|_| parts.next());
    let kind_of = |name: &str| Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
    Some(match (form.as_str(), rest) {
        ("everything", [None, ..]) => Target::Everything,
        ("source", [Some(alias), None, _]) => Target::Source { alias: Cow::Owned(alias) },
        ("token", [Some(source), Some(id), None]) => Target::Token { source: source.into(), id: id.into() },
        ("subject", [Some(kind), Some(id), None]) => Target::Subject { kind: kind_of(&kind)?, id: id.into() },
        ("actor", [Some(kind), Some(id), None]) => Target::Actor { kind: kind_of(&kind)?, id: id.into() },
        ("agent-class", [Some(name), None, _]) => Target::AgentClass { name: Cow::Owned(name) },
        ("client", [Some(source), Some(id), None]) => Target::Client { source: source.into(), id: id.into() },
        ("key", [Some(source), Some(id), None]) => Target::Key { source: source.into(), id: id.into() },
        _ => return None,
    })
}

/// The three seconds of a revocation, `-1` for one that it does not have.
pub(crate) fn of_revocation(revocation: &Revocation) -> [i64; 3] {
    let (issued, until) = revocation.issued_until.unzip();
    [revocation.all, issued, until].map(|time| time.map_or(-1, UnixTime::as_secs))
}

/// `None` if `text` is no revocation.
pub(crate) fn to_revocation(text: &str) -> Option<Revocation> {
    let mut times = text.split(',').map(|second| match second.parse::<i64>() {
        Ok(-1) => Some(None),
        Ok(second) => UnixTime::from_secs(second).map(Some),
        Err(_) => None,
    });
    let (all, issued, until) = (times.next()??, times.next()??, times.next()??);
    let issued_until = match (issued, until) {
        (Some(issued), Some(until)) => Some((issued, until)),
        (None, None) => None,
        _ => return None,
    };
    times.next().is_none().then_some(Revocation { all, issued_until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_were_written() {
        for target in [
            Target::Everything,
            Target::Source { alias: "main".into() },
            Target::Token { source: "main".into(), id: "\",\"\\\n ü".into() },
            Target::Subject { kind: Kind::User, id: "ann".into() },
            Target::Actor { kind: Kind::Agent, id: "ann".into() },
            Target::AgentClass { name: "unlisted".into() },
            Target::Client { source: "".into(), id: "".into() },
            Target::Key { source: "a\",\"b".into(), id: "c".into() },
        ] {
            let text = of_target(&target).unwrap();
            assert_eq!(to_target(&text), Some(target), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_read_as_something_else() {
        let targets = [
            "",
            "[]",
            "[\"everything\",\"x\"]",
            "[\"token\",\"a\"]",
            "[\"source\",\"a\",\"b\"]",
            "[\"subject\",\"robot\",\"x\"]",
            "[\"agent-class\"]",
            "[\"agent-class\",\"a\",\"b\"]",
            "[\"class\",\"x\"]",
        ];
        for text in targets {
            assert_eq!(to_target(text), None, "{text}");
        }
        for text in ["", "1", "1,2", "1,2,x", "1,2,-1", "1,-1,2", "-2,1,1", "1,2,3,4"] {
            assert_eq!(to_revocation(text), None, "{text}");
        }
    }

    #[test]
    fn revocations_are_read_as_they_were_written() {
        let time = |second| UnixTime::from_secs(second).unwrap();
        for (all, issued_until) in
            [(Some(time(5)), None), (None, Some((time(0), time(7)))), (Some(time(5)), Some((time(1), time(7))))]
        {
            let revocation = Revocation { all, issued_until };
            let text = of_revocation(&revocation).map(|second| second.to_string()).join(",");
            assert_eq!(to_revocation(&text), Some(revocation), "{text}");
        }
    }
}
