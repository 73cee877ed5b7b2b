//! A problem with the lines of the file that it is about.

use std::path::Path;

use portcullis_core::Problem;

use super::Style;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Warning,
}

impl Severity {
    fn title(self, style: Style) -> String {
        match self {
            Self::Error => style.red("error:"),
            Self::Warning => style.yellow("warning:"),
        }
    }
}

/// `problem` of a file below `directory`, with its place in the file.
pub(crate) fn problem(style: Style, severity: Severity, directory: &Path, problem: &Problem) -> String {
    let mut text = format!("{} {}\n", severity.title(style), style.bold(&problem.message));
    let path = path(directory, &problem.file);
    let Some((line, column)) = problem.place else {
        text += &format!("  {} {path}\n", style.blue("-->"));
        text += &help(style, "", problem);
        return text;
    };
    text += &format!("  {} {path}:{line}:{column}\n", style.blue("-->"));
    let source = std::fs::read_to_string(&path).unwrap_or_default();
    let margin = " ".repeat(line.to_string().len());
    if let Some(source) = line.checked_sub(1).and_then(|index| source.lines().nth(index)) {
        let bar = style.blue("|");
        let before: String = source.chars().take(column - 1).map(blank).collect();
        let marks = "^".repeat(word(source.chars().skip(column - 1)).max(1));
        let marks = if severity == Severity::Error { style.red(&marks) } else { style.yellow(&marks) };
        let number = style.blue(&line.to_string());
        text += &format!("{margin} {bar}\n{number} {bar} {source}\n{margin} {bar} {before}{marks}\n");
    }
    text + &help(style, &margin, problem)
}

/// The path of `file` below `directory`, as one would type it.
pub(crate) fn path(directory: &Path, file: &str) -> String {
    if Path::new(file).starts_with(directory) || directory == Path::new(".") {
        file.to_owned()
    } else {
        directory.join(file).display().to_string()
    }
}

fn help(style: Style, margin: &str, problem: &Problem) -> String {
    problem.help.iter().map(|help| format!("{margin} {} {} {help}\n", style.blue("="), style.bold("help:"))).collect()
}

/// A tab stays one, so that what stands below it stands below it.
fn blank(character: char) -> char {
    if character == '\t' { '\t' } else { ' ' }
}

/// How many characters the name has with which `rest` begins: `@id`, `Action::"GetProject"`, `"a text"`.
fn word(rest: impl Iterator<Item = char>) -> usize {
    let mut quoted = false;
    let mut length = 0;
    for character in rest {
        match character {
            '"' if quoted => return length + 1,
            '"' => quoted = true,
            _ if quoted || character.is_alphanumeric() || matches!(character, '_' | ':') => {}
            '@' if length == 0 => {}
            _ => break,
        }
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_at_a_place_is_marked_and_no_more() {
        for (rest, length) in [
            ("@id(\"x\")", 3),
            ("Action::\"GetProject\", resource", 20),
            ("\"a text\" in", 8),
            ("unlisted_client = 1", 15),
            ("größe;", 5),
            ("= 1", 0),
            ("", 0),
        ] {
            assert_eq!(word(rest.chars()), length, "{rest}");
        }
    }
}
