//! The route that actix-web chose for a request.

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;
use portcullis::RouteMatch;

/// The route of the resource that runs, with the values that [`actix_web::web::Path`] yields; `None` if none was found.
///
/// actix-web says what it matched only once it is there. Before, and in a default service, `match_pattern` looks for a
/// template anew, without methods and guards: there, part of the path is left, and no template counts. Of a resource with
/// several templates it says the first. So a template counts only if it is the path once its parameters are filled in.
pub(crate) fn matched_route(request: &HttpRequest) -> Option<RouteMatch> {
    let path = request.match_info();
    if !path.unprocessed().is_empty() {
        return None;
    }
    let pattern = request.match_pattern()?;
    let template = template(&pattern, path.iter().map(|(_, value)| value), path.as_str());
    if !is_decoded_once(request.path(), path.as_str()) {
        return Some(RouteMatch::unreadable(&template));
    }
    match path.load::<Vec<String>>() {
        Ok(values) => Some(RouteMatch::new(&template, values)),
        Err(_) => Some(RouteMatch::unreadable(&template)),
    }
}

/// Whether the values are text, and the same as if `raw` had been decoded once.
///
/// actix-web decodes in two steps, before and after it routes. A `%` that encodes nothing can become an encoding by the
/// first step, and what is no UTF-8 becomes replacement characters.
fn is_decoded_once(raw: &str, routed: &str) -> bool {
    match (percent_decode_str(raw).decode_utf8(), percent_decode_str(routed).decode_utf8()) {
        (Ok(once), Ok(twice)) => once == twice,
        _ => false,
    }
}

/// `pattern` as the schema writes templates: `{path:.*}` is `{*path}`, and `{id:[0-9]+}` is `{id}`.
///
/// What the schema cannot say ends in `?`, which is in no path of it.
fn template<'v>(pattern: &str, mut values: impl Iterator<Item = &'v str>, path: &str) -> String {
    let (mut template, mut filled, mut rest) = (String::new(), String::new(), pattern);
    let mut is_sayable = true;
    while let Some((literal, parameter, after)) = next_parameter(rest) {
        template.push_str(literal);
        filled.push_str(literal);
        let value = values.next().unwrap_or_default();
        filled.push_str(value);
        let (name, regex) = parameter.split_once(':').unwrap_or((parameter, "[^/]+"));
        let (after, tail) = after.strip_prefix('*').map_or((after, false), |after| (after, true));
        let takes_rest = tail || matches!(regex, ".*" | ".+");
        is_sayable &= literal.ends_with('/') && (after.is_empty() || after.starts_with('/'));
        is_sayable &= if takes_rest { after.is_empty() } else { !value.contains('/') };
        template.push_str(if takes_rest { "{*" } else { "{" });
        template.push_str(name);
        template.push('}');
        rest = after;
    }
    template.push_str(rest);
    filled.push_str(rest);
    if !is_sayable || filled != path || values.next().is_some() {
        template.push('?');
    }
    template
}

/// What stands before the first parameter, in it, and after it. A regular expression in it may have braces of its own.
fn next_parameter(pattern: &str) -> Option<(&str, &str, &str)> {
    let (literal, rest) = pattern.split_once('{')?;
    let mut depth = 1_u32;
    let close = rest.find(|character| {
        match character {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })?;
    let (parameter, after) = rest.split_at_checked(close)?;
    Some((literal, parameter, after.strip_prefix('}')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_counts_only_if_it_is_the_path_once_it_is_filled() {
        for (pattern, values, path, expected) in [
            ("/projects", &[][..], "/projects", "/projects"),
            ("/projects/{id}", &["p"], "/projects/p", "/projects/{id}"),
            ("/{a}/x/{b}", &["1", "2"], "/1/x/2", "/{a}/x/{b}"),
            (r"/projects/{id:\d{1,3}}", &["12"], "/projects/12", "/projects/{id}"),
            ("/files/{path:.*}", &["a/b"], "/files/a/b", "/files/{*path}"),
            ("/files/{path:.+}", &["a/b"], "/files/a/b", "/files/{*path}"),
            ("/files/{path}*", &["a/b"], "/files/a/b", "/files/{*path}"),
            // Another template of the same resource matched.
            ("/projects/{id}", &["p"], "/legacy/p", "/projects/{id}?"),
            ("/projects/{id}", &["p", "q"], "/projects/p", "/projects/{id}?"),
            ("/projects/{id}", &[], "/projects/p", "/projects/{id}?"),
            ("/projects", &[], "/elsewhere", "/projects?"),
            // A schema cannot say these.
            ("/files/{name}.txt", &["a"], "/files/a.txt", "/files/{name}.txt?"),
            ("/x{name}", &["a"], "/xa", "/x{name}?"),
            ("/{a}{b}", &["1", "2"], "/12", "/{a}{b}?"),
            ("/{a:.*}/x", &["1/2"], "/1/2/x", "/{*a}/x?"),
            ("/{a:[^x]+}/x", &["1/2"], "/1/2/x", "/{a}/x?"),
        ] {
            assert_eq!(template(pattern, values.iter().copied(), path), expected, "{pattern} {path}");
        }
    }
}
