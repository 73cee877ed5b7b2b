//! Where the declarations of a schema stand, so that a problem points at the line to change.
//!
//! Cedar's own trees keep no places for what is well-formed. This reads just enough of the text to find names again; what
//! it does not find has no place, and nothing else depends on it.

use std::collections::BTreeMap;

/// The places of declarations, in bytes.
#[derive(Debug, Default)]
pub(super) struct Places {
    declarations: BTreeMap<(Keyword, String), Place>,
    /// By entity type and attribute.
    attributes: BTreeMap<(String, String), Place>,
}

/// What a declaration begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keyword {
    Action,
    Entity,
    Namespace,
    Type,
}

/// Where one declaration stands.
#[derive(Debug, Default, Clone)]
pub(super) struct Place {
    /// Its name.
    pub(super) offset: usize,
    annotations: BTreeMap<String, usize>,
}

impl Place {
    /// The annotation called `name`, or else the declaration.
    pub(super) fn of_annotation(&self, name: &str) -> usize {
        self.annotations.get(name).copied().unwrap_or(self.offset)
    }
}

impl Places {
    /// Finds the declarations in the schema `text`.
    pub(super) fn of(text: &str) -> Self {
        let mut reader = Reader { tokens: tokens(text), at: 0, places: Self::default() };
        reader.block("");
        reader.places
    }

    /// The declaration of `name`; entity types and common types with their namespace.
    pub(super) fn declaration(&self, keyword: Keyword, name: &str) -> Option<&Place> {
        self.declarations.get(&(keyword, name.to_owned()))
    }

    /// The attribute `attribute` of the entity type `entity_type`.
    pub(super) fn attribute(&self, entity_type: &str, attribute: &str) -> Option<&Place> {
        self.attributes.get(&(entity_type.to_owned(), attribute.to_owned()))
    }
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    places: Places,
}

impl<'a> Reader<'a> {
    /// Declarations up to the end of the namespace `namespace`, or of the file.
    fn block(&mut self, namespace: &str) {
        let mut annotations = BTreeMap::new();
        while let Some(token) = self.next() {
            match token.text {
                "}" => return,
                "@" => self.annotation(token.offset, &mut annotations),
                "namespace" => {
                    let Some((offset, name)) = self.path() else { continue };
                    self.declare(Keyword::Namespace, name.clone(), Place { offset, annotations });
                    annotations = BTreeMap::new();
                    self.skip_to("{");
                    self.block(&name);
                }
                "action" | "entity" | "type" => {
                    let keyword = match token.text {
                        "action" => Keyword::Action,
                        "entity" => Keyword::Entity,
                        _ => Keyword::Type,
                    };
                    self.statement(keyword, namespace, std::mem::take(&mut annotations));
                }
                _ => {}
            }
        }
    }

    /// One declaration after its keyword, to its semicolon.
    fn statement(&mut self, keyword: Keyword, namespace: &str, annotations: BTreeMap<String, usize>) {
        let mut names = Vec::new();
        loop {
            let Some(token) = self.next() else { return };
            let name = if namespace.is_empty() { token.name() } else { format!("{namespace}::{}", token.name()) };
            self.declare(keyword, name.clone(), Place { offset: token.offset, annotations: annotations.clone() });
            names.push(name);
            if self.peek() != Some(",") {
                break;
            }
            self.at += 1;
        }
        while let Some(token) = self.next() {
            match token.text {
                ";" => return,
                "{" if keyword == Keyword::Entity => self.shape(&names),
                _ => {}
            }
        }
    }

    /// The attributes of an entity type, to the closing brace.
    fn shape(&mut self, entity_types: &[String]) {
        let mut annotations = BTreeMap::new();
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token.text {
                "{" => depth += 1,
                "}" if depth == 0 => return,
                "}" => depth -= 1,
                "@" if depth == 0 => self.annotation(token.offset, &mut annotations),
                "," if depth == 0 => annotations.clear(),
                _ if depth == 0 && matches!(self.peek(), Some(":" | "?")) => {
                    let place = Place { offset: token.offset, annotations: std::mem::take(&mut annotations) };
                    for entity_type in entity_types {
                        self.places.attributes.insert((entity_type.clone(), token.name()), place.clone());
                    }
                }
                _ => {}
            }
        }
    }

    /// An annotation after its `@`.
    fn annotation(&mut self, offset: usize, annotations: &mut BTreeMap<String, usize>) {
        let Some(name) = self.next() else { return };
        annotations.insert(name.name(), offset);
        if self.peek() == Some("(") {
            self.skip_to(")");
        }
    }

    /// A name with its namespaces.
    fn path(&mut self) -> Option<(usize, String)> {
        let first = self.next()?;
        let mut path = first.name();
        while self.peek() == Some("::") {
            self.at += 1;
            path = format!("{path}::{}", self.next()?.name());
        }
        Some((first.offset, path))
    }

    fn declare(&mut self, keyword: Keyword, name: String, place: Place) {
        self.places.declarations.entry((keyword, name)).or_insert(place);
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|token| token.text)
    }

    fn skip_to(&mut self, text: &str) {
        while self.next().is_some_and(|token| token.text != text) {}
    }
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    offset: usize,
    text: &'a str,
}

impl Token<'_> {
    /// The name that the token writes, quoted or not. Escapes stay as they are: such a name has no place.
    fn name(&self) -> String {
        let quoted = self.text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        quoted.unwrap_or(self.text).to_owned()
    }
}

/// Words, strings, `::` and single characters; no space and no comments.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => string_length(rest),
            ':' if rest.starts_with("::") => 2,
            _ if word(first) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let Some((token, after)) = rest.split_at_checked(length) else { break };
        if !first.is_whitespace() && !token.starts_with("//") {
            tokens.push(Token { offset: text.len() - rest.len(), text: token });
        }
        rest = after;
    }
    tokens
}

/// The length of the string with which `text` begins, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"// action "read:notes"
@doc("an action \"GetNote\"; entity User") @scope
action "read:notes:open" in ["read:notes"];
@scope action "read:notes";
namespace Acme::Inner { type Size = { width: Long }; @hide entity Doc; }
entity User, Agent in [Role] {
  address: { @doc("x") street: String },
  @claim("org_id")
  "tenant id"?: String,
};
@http("GET /notes/{note}") action GetNote, "PutNote" in ["read:notes"] appliesTo { principal: [User] };
"#;

    #[track_caller]
    fn line(offset: usize) -> usize {
        TEXT.get(..offset).unwrap().matches('\n').count() + 1
    }

    #[test]
    fn declarations_are_found_where_their_names_stand() {
        let places = Places::of(TEXT);
        for (keyword, name, expected) in [
            (Keyword::Action, "read:notes:open", 3),
            (Keyword::Action, "read:notes", 4),
            (Keyword::Namespace, "Acme::Inner", 5),
            (Keyword::Type, "Acme::Inner::Size", 5),
            (Keyword::Entity, "Acme::Inner::Doc", 5),
            (Keyword::Entity, "User", 6),
            (Keyword::Entity, "Agent", 6),
            (Keyword::Action, "GetNote", 11),
            (Keyword::Action, "PutNote", 11),
        ] {
            let place = places.declaration(keyword, name).unwrap();
            assert_eq!(line(place.offset), expected, "{name}");
            let name = name.rsplit("Inner::").next().unwrap();
            assert!(TEXT.get(place.offset..).unwrap().trim_start_matches('"').starts_with(name), "{name}");
        }
        assert!(places.declaration(Keyword::Entity, "Role").is_none());
    }

    #[test]
    fn attributes_and_annotations_are_found() {
        let places = Places::of(TEXT);
        let tenant = places.attribute("Agent", "tenant id").unwrap();
        assert_eq!((line(tenant.of_annotation("claim")), line(tenant.offset)), (8, 9));
        assert_eq!(line(places.attribute("User", "address").unwrap().offset), 7);
        assert!(places.attribute("User", "street").is_none());
        let scope = places.declaration(Keyword::Action, "read:notes:open").unwrap();
        assert_eq!(line(scope.of_annotation("scope")), 2);
        assert_eq!(scope.of_annotation("hidden"), scope.offset);
    }

    #[test]
    fn no_text_is_too_strange() {
        for text in ["", "\"", "@", "action", "entity X {", "namespace", "action \"a\\", "}}}", "@a(", "größe ü"] {
            let _ = Places::of(text);
        }
    }
}
