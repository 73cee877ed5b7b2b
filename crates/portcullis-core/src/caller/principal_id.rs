//! One id per principal.
//!
//! An id is unique only at its issuer. Policies compare ids without asking who issued them, so the issuer must be part
//! of the id as soon as there can be more than one. The mapping is injective: no choice of `sub`, at any issuer, gives
//! the id of somebody else.

/// Makes ids for principals that one source names.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrincipalIds<'a> {
    /// The alias of the source; `None` if there is only one source, whose ids then stay as they are.
    pub(super) alias: Option<&'a str>,
}

impl PrincipalIds<'_> {
    /// The id of a principal of the source itself: `sub`, or `alias|sub`.
    pub(super) fn local(self, sub: &str) -> String {
        match self.alias {
            Some(alias) => format!("{}|{}", encode(alias), encode(sub)),
            // Ids that start with a bar are for the two cases below.
            None if sub.starts_with('|') => format!("|{sub}"),
            None => sub.to_owned(),
        }
    }

    /// The id of an actor that the source names on the word of another issuer (RFC 8693 §4.1): `|iss|sub`, or
    /// `alias|iss|sub`.
    ///
    /// `iss` is not empty: `||sub` is a local id.
    pub(super) fn foreign(self, iss: &str, sub: &str) -> String {
        format!("{}|{}|{}", encode(self.alias.unwrap_or_default()), encode(iss), encode(sub))
    }

    /// The id of a client whose token does not name it: `|`, or `alias|`. No principal has an empty id.
    pub(super) fn nameless(self) -> String {
        format!("{}|", encode(self.alias.unwrap_or_default()))
    }
}

/// Percent-encodes the separator and the escape character, and nothing else.
fn encode(part: &str) -> String {
    part.replace('%', "%25").replace('|', "%7C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

    #[test]
    fn ids_of_a_single_source_stay_as_they_are() {
        let ids = PrincipalIds { alias: None };
        assert_eq!(ids.local("auth0|ann"), "auth0|ann");
        assert_eq!(ids.local("|ann"), "||ann");
        assert_eq!(ids.foreign("https://b", "ann|1"), "|https://b|ann%7C1");
        assert_eq!(ids.nameless(), "|");
    }

    #[test]
    fn ids_of_several_sources_name_the_source() {
        let ids = PrincipalIds { alias: Some("main") };
        assert_eq!(ids.local("auth0|ann"), "main|auth0%7Cann");
        assert_eq!(ids.foreign("https://b", "50%"), "main|https://b|50%25");
        assert_eq!(ids.nameless(), "main|");
    }

    #[derive(Debug, Clone, PartialEq)]
    enum Name {
        Local(String),
        Foreign(String, String),
        Nameless,
    }

    fn id(ids: PrincipalIds<'_>, name: &Name) -> String {
        match name {
            Name::Local(sub) => ids.local(sub),
            Name::Foreign(iss, sub) => ids.foreign(iss, sub),
            Name::Nameless => ids.nameless(),
        }
    }

    /// Short texts over the characters that the encoding uses, so that near-collisions are frequent.
    fn part() -> impl Strategy<Value = String> {
        prop_oneof!["[|%257Ca]{1,4}", "[a|]{1,3}", any::<String>().prop_filter("not empty", |s| !s.is_empty())]
    }

    fn name() -> impl Strategy<Value = Name> {
        prop_oneof![
            4 => part().prop_map(Name::Local),
            4 => (part(), part()).prop_map(|(iss, sub)| Name::Foreign(iss, sub)),
            1 => proptest::strategy::Just(Name::Nameless),
        ]
    }

    proptest! {
        // JWT-11, EXC-09, GEN-11
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]
        #[test]
        fn distinct_principals_of_a_single_source_have_distinct_ids(a in name(), b in name()) {
            let ids = PrincipalIds { alias: None };
            prop_assert_eq!(a == b, id(ids, &a) == id(ids, &b));
        }

        #[test]
        fn distinct_principals_of_several_sources_have_distinct_ids(
            s in part(), a in name(), t in part(), b in name(),
        ) {
            let (left, right) = (PrincipalIds { alias: Some(&s) }, PrincipalIds { alias: Some(&t) });
            prop_assert_eq!((&s, &a) == (&t, &b), id(left, &a) == id(right, &b));
        }
    }
}
