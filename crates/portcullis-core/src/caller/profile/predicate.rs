//! Conditions on a token.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::extract::{Extractor, Location, View};
use crate::caller::error::ClaimFault;

/// A condition on claims, header or hop. A claim of the wrong type is a fault, never just `false`: a `not` around it
/// would make it true.
#[derive(Debug, Clone)]
pub(in crate::caller) enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Eq(Extractor, String),
    /// One of the values is among these.
    Has(Extractor, BTreeSet<String>),
    Matches(Extractor, Regex),
    Not(Box<Predicate>),
    Present(Location),
    /// Two claims have the same value. Absent never equals absent.
    Same(Box<(Extractor, Extractor)>),
}

impl Predicate {
    /// Recursion is as deep as the profile nests its conditions.
    pub(in crate::caller) fn holds(&self, view: View<'_>) -> Result<bool, ClaimFault> {
        Ok(match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(view)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(view)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Eq(of, value) => of.single(view)?.is_some_and(|found| found == *value),
            Self::Has(of, wanted) => {
                of.find(view)?.into_values().unwrap_or_default().iter().any(|value| wanted.contains(value))
            }
            Self::Matches(of, pattern) => of.single(view)?.is_some_and(|found| pattern.is_match(&found)),
            Self::Not(part) => !part.holds(view)?,
            Self::Present(location) => location.exists(view)?,
            Self::Same(pair) => match (pair.0.single(view)?, pair.1.single(view)?) {
                (Some(left), Some(right)) => left == right,
                _ => false,
            },
        })
    }
}
