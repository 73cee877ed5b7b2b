//! Routes of actions, as the schema's annotations write them.

use std::fmt;

/// A method and a path template: `GET /projects/{project}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    method: String,
    path: String,
}

impl Route {
    /// Reads `GET /projects/{project}`. Parameters are whole segments; the last may be `{*rest}`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (method, path) = text.split_once(' ').ok_or("a route is a method and a path")?;
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err("a method is written in capital letters");
        }
        let segments = path.strip_prefix('/').ok_or("a path begins with `/`")?.split('/');
        let mut names = std::collections::BTreeSet::new();
        let count = segments.clone().count();
        for (place, segment) in segments.enumerate() {
            let braces = segment.contains(['{', '}']);
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let name = name.map(|name| name.strip_prefix('*').unwrap_or(name));
            let valid =
                |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if braces && !name.is_some_and(valid) {
                return Err("a parameter is a whole segment `{name}` of letters, digits and `_`");
            }
            if !name.is_none_or(|name| names.insert(name)) {
                return Err("a parameter has a name of its own");
            }
            if segment.starts_with("{*") && place + 1 < count {
                return Err("only the last parameter takes the rest of the path");
            }
            if segment.contains(['?', '#', ' ']) {
                return Err("a path has no query, fragment or space");
            }
        }
        Ok(Self { method: method.to_owned(), path: path.to_owned() })
    }

    /// The method, in capital letters.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path template, with the names of its parameters: `/projects/{project}`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The names of the parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some(name.strip_prefix('*').unwrap_or(name))
        })
    }

    /// The path template without the names of its parameters: two templates that a router cannot tell apart are one.
    #[must_use]
    pub fn pattern(&self) -> String {
        erase_parameters(&self.path)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// The path template `path` with the names of its parameters left out: `/projects/{}`.
#[must_use]
pub fn erase_parameters(path: &str) -> String {
    let (mut erased, mut rest) = (String::with_capacity(path.len()), path);
    // A template has few parameters, and adapters ask for every request: what is between them is copied at once.
    while let Some((before, after)) = next_parameter(rest) {
        let (segment, more) = after.split_at(after.find('/').unwrap_or(after.len()));
        erased.push_str(before);
        erased.push_str(match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if name.starts_with('*') => "{*}",
            Some(_) => "{}",
            None => segment,
        });
        rest = more;
    }
    erased.push_str(rest);
    erased
}

/// Splits `path` before the first segment that begins with `{`.
fn next_parameter(path: &str) -> Option<(&str, &str)> {
    let mut braces = path.match_indices('{').map(|(place, _)| path.split_at(place));
    braces.find(|(before, _)| before.is_empty() || before.ends_with('/'))
}

/// Which resource a route names: `@resource("Project::{project}")`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourceRule {
    pub(crate) entity_type: String,
    pub(crate) id: ResourceId,
}

/// Where the id of a route's resource comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResourceId {
    /// The value of a path parameter.
    Parameter(String),
    /// The id of the caller's subject: `{@subject}`.
    Subject,
    /// Always this id.
    Fixed(String),
}

impl ResourceRule {
    /// Reads `Type::{parameter}`, `Type::{@subject}` or `Type::"id"`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (entity_type, id) = text.rsplit_once("::")?;
        let braced = id.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let quoted = id.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let id = match (braced, quoted) {
            (Some("@subject"), _) => ResourceId::Subject,
            (Some(parameter), _) => ResourceId::Parameter(parameter.to_owned()),
            (None, Some(id)) => ResourceId::Fixed(id.to_owned()),
            (None, None) => return None,
        };
        Some(Self { entity_type: entity_type.to_owned(), id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_segment_in_braces_is_a_parameter() {
        for (template, erased) in [
            ("/projects/{id}", "/projects/{}"),
            ("/{a}/{b}/c", "/{}/{}/c"),
            ("{id}", "{}"),
            ("/files/{*rest}", "/files/{*}"),
            ("/a{b}/{c}", "/a{b}/{}"),
            ("/{a}b/{c}", "/{a}b/{}"),
            ("/{a/{b}", "/{a/{}"),
            ("/{}{}", "/{}"),
            ("//{x}/", "//{}/"),
            ("/{", "/{"),
            ("", ""),
        ] {
            assert_eq!(erase_parameters(template), erased, "{template}");
        }
    }

    #[test]
    fn a_route_is_a_method_and_a_path_template() {
        let route = Route::parse("PUT /projects/{project}/collaborators/{user}").unwrap();
        assert_eq!((route.method(), route.path()), ("PUT", "/projects/{project}/collaborators/{user}"));
        assert_eq!(route.parameters().collect::<Vec<_>>(), ["project", "user"]);
        assert_eq!(route.pattern(), "/projects/{}/collaborators/{}");
        assert_eq!(Route::parse("GET /files/{*path}").unwrap().pattern(), "/files/{*}");
        for text in [
            "",
            "GET",
            "get /a",
            "GET a",
            "GET /{a",
            "GET /x{a}",
            "GET /{a-b}",
            "GET /a?b",
            "GET /{}",
            "GET  /a",
            "GET /{a}/{a}",
            "GET /{*a}/b",
        ] {
            assert!(Route::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_resource_rule_names_a_type_and_where_its_id_comes_from() {
        let rule = |text| ResourceRule::parse(text).map(|rule| (rule.entity_type, rule.id));
        assert_eq!(rule("Project::{project}"), Some(("Project".into(), ResourceId::Parameter("project".into()))));
        assert_eq!(rule("User::{@subject}"), Some(("User".into(), ResourceId::Subject)));
        assert_eq!(rule("Acme::Api::\"self\""), Some(("Acme::Api".into(), ResourceId::Fixed("self".into()))));
        assert_eq!(rule("Project"), None);
        assert_eq!(rule("Api::self"), None);
    }
}
