//! What bodies of policies read besides the entities: nothing else is computed for a request.

use std::collections::BTreeSet;

use super::expression::Mentions;

/// The parts of a request that some policy of the bundle reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Members of `context.auth`; `None` if some policy takes it, or the context, as a whole.
    auth: Option<BTreeSet<String>>,
    pub(crate) now: bool,
    /// Whether the action stands anywhere but in heads.
    pub(crate) action: bool,
}

impl Reads {
    pub(super) fn of<'a>(mentions: impl Iterator<Item = &'a Mentions>) -> Self {
        let mut reads = Self { auth: Some(BTreeSet::new()), ..Self::default() };
        for mentions in mentions {
            let as_whole = |variable: &str| mentions.variables.contains(variable);
            reads.action |= as_whole("action")
                || mentions.paths.iter().any(|path| path.first().is_some_and(|name| name == "action"));
            if as_whole("context") {
                reads.auth = None;
                reads.now = true;
            }
            for path in &mentions.paths {
                let parts: Vec<&str> = path.iter().map(String::as_str).collect();
                match parts.as_slice() {
                    ["context", "auth"] => reads.auth = None,
                    ["context", "auth", name, ..] => {
                        reads.auth.iter_mut().for_each(|auth| auth.extend([(*name).to_owned()]))
                    }
                    ["context", "now", ..] => reads.now = true,
                    _ => {}
                }
            }
        }
        reads
    }

    /// Whether some policy reads the member `name` of `context.auth`, or whether it is there.
    pub(crate) fn auth(&self, name: &str) -> bool {
        self.auth.as_ref().is_none_or(|auth| auth.contains(name))
    }
}
