//! One table for several tenants of one product.
//!
//! Products for many tenants print an issuer with a placeholder, such as `https://login.microsoftonline.com/{tenantid}/v2.0`. To accept
//! whatever stands in its place would be to trust everybody who can open an account there. So the tenants are listed.

use std::collections::BTreeSet;

/// `issuer`, once or for each tenant.
pub(super) fn expand<'a>(issuer: &'a str, tenants: Option<&'a [String]>) -> Result<Vec<Expansion<'a>>, TenantsError> {
    let placeholder = placeholder(issuer)?;
    let (placeholder, tenants) = match (placeholder, tenants) {
        (None, None) => return Ok(vec![Expansion { issuer: issuer.to_owned(), tenant: None }]),
        (None, Some(_)) => return Err(TenantsError::NoPlaceholder { issuer: issuer.to_owned() }),
        (Some(_), None | Some([])) => return Err(TenantsError::NoTenants { issuer: issuer.to_owned() }),
        (Some(placeholder), Some(tenants)) => (placeholder, tenants),
    };
    let mut seen = BTreeSet::new();
    let expansions = tenants.iter().map(|tenant| {
        if !is_tenant(tenant) {
            return Err(TenantsError::Tenant { tenant: tenant.clone() });
        }
        if !seen.insert(tenant) {
            return Err(TenantsError::Repeated { tenant: tenant.clone() });
        }
        Ok(Expansion { issuer: issuer.replace(placeholder, tenant), tenant: Some((placeholder, tenant)) })
    });
    expansions.collect()
}

/// One issuer, and the tenant that it is.
#[derive(Debug)]
pub(super) struct Expansion<'a> {
    issuer: String,
    /// The placeholder, and what stands for it.
    tenant: Option<(&'a str, &'a str)>,
}

impl Expansion<'_> {
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.map(|(_, tenant)| tenant)
    }

    /// `text` with the tenant in the place of the placeholder.
    pub(super) fn fill(&self, text: &str) -> String {
        match self.tenant {
            Some((placeholder, tenant)) => text.replace(placeholder, tenant),
            None => text.to_owned(),
        }
    }
}

/// Why an issuer cannot be taken for several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantsError {
    /// `tenants` are listed, and `issuer` has no place for them.
    #[error("`tenants` are listed, and issuer `{issuer}` has no placeholder such as `{{tenantid}}`")]
    NoPlaceholder {
        /// The issuer.
        issuer: String,
    },
    /// `issuer` has a placeholder, and nothing says for what it may stand.
    #[error("issuer `{issuer}` is a template, and no tenant is listed: it would stand for everybody's")]
    NoTenants {
        /// The issuer.
        issuer: String,
    },
    /// The placeholders are not one.
    #[error("issuer `{issuer}` does not have one whole placeholder such as `{{tenantid}}`")]
    Placeholder {
        /// The issuer.
        issuer: String,
    },
    /// A tenant is listed twice.
    #[error("tenant `{tenant}` is listed twice")]
    Repeated {
        /// The tenant.
        tenant: String,
    },
    /// The tenant is no identifier.
    #[error("`{tenant}` is not a tenant; use 1 to 64 letters, digits, `.`, `_` and `-`")]
    Tenant {
        /// The tenant.
        tenant: String,
    },
}

/// The placeholder with its braces; `None` if there is none.
fn placeholder(issuer: &str) -> Result<Option<&str>, TenantsError> {
    let malformed = || TenantsError::Placeholder { issuer: issuer.to_owned() };
    let (Some(start), Some(end)) = (issuer.find('{'), issuer.find('}')) else {
        return if issuer.contains(['{', '}']) { Err(malformed()) } else { Ok(None) };
    };
    let placeholder = issuer.get(start..=end).filter(|text| text.len() > "{}".len()).ok_or_else(malformed)?;
    if issuer.matches(['{', '}']).count() == 2 { Ok(Some(placeholder)) } else { Err(malformed()) }
}

/// What can be a part of an alias and a segment of a path, and no more than one: no `*`, no `/`, no `..`.
fn is_tenant(tenant: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&tenant.len()) && tenant.bytes().all(allowed) && !tenant.bytes().all(|byte| byte == b'.')
}
