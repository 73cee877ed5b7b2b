//! The form of a product's issuer identifiers, and the URLs that follow from one.

use std::fmt;

use serde::Deserialize;

/// A form such as `{origin}/realms/{realm}`.
///
/// `{origin}` stands for scheme and authority of a URL, every other name for one segment of a path. In URLs, `{issuer}` is
/// the identifier without a terminating slash.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuerForm {
    /// Any URL if there is none.
    form: Option<String>,
    keys: Option<String>,
    introspection: Option<String>,
}

/// What an issuer identifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identifier {
    /// A URL, as RFC 8414 §2 wants it.
    Url,
    /// A name of the product's own: such issuers have no metadata.
    Name,
}

impl IssuerForm {
    pub(super) fn fits(&self, issuer: &str) -> bool {
        self.values(issuer).is_some()
    }

    pub(super) fn identifier(&self) -> Identifier {
        match &self.form {
            Some(form) if !form.starts_with("{origin}") && !form.starts_with("https://") => Identifier::Name,
            _ => Identifier::Url,
        }
    }

    pub(super) fn jwks_uri(&self, issuer: &str) -> Option<String> {
        self.fill(self.keys.as_deref()?, issuer)
    }

    pub(super) fn introspection_endpoint(&self, issuer: &str) -> Option<String> {
        self.fill(self.introspection.as_deref()?, issuer)
    }

    /// What the placeholders of the form stand for in `issuer`; `None` if it has another form.
    fn values<'a>(&'a self, issuer: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
        let mut values = vec![("issuer", issuer.strip_suffix('/').unwrap_or(issuer))];
        let Some(mut form) = self.form.as_deref() else {
            return Some(values);
        };
        let mut rest = issuer;
        while let Some((literal, after)) = form.split_once('{') {
            let (name, after) = after.split_once('}')?;
            rest = rest.strip_prefix(literal)?;
            let skipped = if name == "origin" { rest.find("://")? + "://".len() } else { 0 };
            let end = rest.get(skipped..)?.find('/').map_or(rest.len(), |end| skipped + end);
            let (value, after_value) = rest.split_at_checked(end)?;
            if end == skipped {
                return None;
            }
            values.push((name, value));
            (form, rest) = (after, after_value);
        }
        (form == rest).then_some(values)
    }

    fn fill(&self, template: &str, issuer: &str) -> Option<String> {
        let values = self.values(issuer)?;
        Some(values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value)))
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let form = self.form.as_deref().unwrap_or("{origin}").replace("{origin}", "https://as.example.com");
        let example = form.replace(['{', '}'], "");
        assert!(self.fits(&example), "{self}");
        for url in [self.jwks_uri(&example), self.introspection_endpoint(&example)].into_iter().flatten() {
            assert!(url.starts_with("https://") && !url.contains('{'), "{url}");
        }
    }
}

impl fmt::Display for IssuerForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.form.as_deref().unwrap_or("{origin}/…").replace("{origin}", "https://{host}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_has_the_form_or_it_has_not() {
        for (form, issuer, fits) in [
            ("{origin}/oauth2/{server}", "https://a.example/oauth2/default", true),
            ("{origin}/oauth2/{server}", "https://a.example:8443/oauth2/default", true),
            ("{origin}/oauth2/{server}", "https://a.example", false),
            ("{origin}/oauth2/{server}", "https://a.example/oauth2/", false),
            ("{origin}/oauth2/{server}", "https://a.example/oauth2/default/", false),
            ("{origin}/oauth2/{server}", "https://a.example/oauth2/a/b", false),
            ("{origin}/", "https://a.example/", true),
            ("{origin}/", "https://a.example", false),
            ("{origin}", "https://a.example/", false),
            ("{origin}", "https://", false),
            ("{origin}", "a.example", false),
            ("{project}", "P2k", true),
            ("{project}", "", false),
            ("{project}", "https://a.example", false),
            ("stytch.com/{project}", "stytch.com/project-1", true),
            ("stytch.com/{project}", "https://stytch.com/project-1", false),
        ] {
            let form = IssuerForm { form: Some(form.to_owned()), keys: None, introspection: None };
            assert_eq!(form.fits(issuer), fits, "{form} {issuer}");
        }
    }
}
