//! Claims that no path can express.

use serde_json::{Map, Value};

use super::extract::{MAX_VALUES, View};
use crate::caller::error::{ClaimFault, ClaimProblem};

/// A built-in reading of a vendor's own encoding. The list is closed: a profile runs no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Decoder {
    /// Clerk's session token, version 2: `fea` lists features (`o:teams`), `o.per` permissions, and number *i* in
    /// `o.fpm` is the bit mask of the permissions for the organization's feature *i*, lowest bit first. Gives
    /// `feature:permission`.
    ClerkPermissions,
}

impl Decoder {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ClerkPermissions => "o.fpm",
        }
    }

    /// The values; `None` if the claims are not there.
    pub(super) fn decode(self, view: View<'_>) -> Result<Option<Vec<String>>, ClaimFault> {
        match self {
            Self::ClerkPermissions => clerk_permissions(view.claims),
        }
    }
}

fn clerk_permissions(claims: &Map<String, Value>) -> Result<Option<Vec<String>>, ClaimFault> {
    let organization = match claims.get("o") {
        None => return Ok(None),
        Some(Value::Object(organization)) => organization,
        Some(_) => return Err(fault("o", ClaimProblem::WrongType)),
    };
    let Some(masks) = text(organization, "fpm")? else {
        return Ok(None);
    };
    let permissions: Vec<&str> = words(text(organization, "per")?);
    let features: Vec<&str> = words(text(claims, "fea")?)
        .into_iter()
        .filter_map(|feature| feature.split_once(':'))
        .filter_map(|(scope, feature)| scope.contains('o').then_some(feature))
        .collect();

    let mut found = Vec::new();
    let masks = words(Some(masks));
    if masks.len() > features.len() {
        return Err(fault("o.fpm", ClaimProblem::Malformed));
    }
    for (feature, mask) in features.iter().zip(masks) {
        let mask: u64 = mask.parse().map_err(|_| fault("o.fpm", ClaimProblem::Malformed))?;
        if u32::try_from(permissions.len()).is_ok_and(|count| mask.checked_shr(count).unwrap_or(0) != 0) {
            return Err(fault("o.fpm", ClaimProblem::Malformed));
        }
        for (bit, permission) in permissions.iter().take(64).enumerate() {
            if mask >> bit & 1 == 1 {
                if found.len() >= MAX_VALUES {
                    return Err(fault("o.fpm", ClaimProblem::TooMany { limit: MAX_VALUES }));
                }
                found.push(format!("{feature}:{permission}"));
            }
        }
    }
    Ok(Some(found))
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, ClaimFault> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(fault(key, ClaimProblem::WrongType)),
    }
}

fn words(list: Option<&str>) -> Vec<&str> {
    list.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()).collect()
}

fn fault(claim: &str, problem: ClaimProblem) -> ClaimFault {
    ClaimFault { claim: claim.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decode(claims: &Value) -> Result<Option<Vec<String>>, ClaimFault> {
        clerk_permissions(claims.as_object().unwrap())
    }

    #[test]
    fn bits_select_permissions_per_feature() {
        let claims = json!({ "fea": "o:dashboard,u:beta,o:teams", "o": { "per": "manage,read", "fpm": "3,2" } });
        assert_eq!(decode(&claims).unwrap().unwrap(), ["dashboard:manage", "dashboard:read", "teams:read"]);
        assert_eq!(decode(&json!({ "fea": "o:teams" })), Ok(None));
    }

    #[test]
    fn masks_that_do_not_fit_are_refused() {
        for (fea, per, fpm) in [
            ("o:teams", "manage,read", "4"), // a bit without a permission
            ("o:teams", "manage", "x"),
            ("o:teams", "manage", "-1"),
            ("u:teams", "manage", "1"), // a mask without a feature
        ] {
            let claims = json!({ "fea": fea, "o": { "per": per, "fpm": fpm } });
            assert_eq!(decode(&claims).unwrap_err().problem, ClaimProblem::Malformed, "{fea} {per} {fpm}");
        }
        assert_eq!(decode(&json!({ "o": "x" })).unwrap_err().problem, ClaimProblem::WrongType);
    }
}
