//! Figures as people read them: three digits, and a unit that suits.

use super::results::{Entry, Figure, Unit};

/// A figure with its unit.
pub(super) fn figure(figure: Figure) -> String {
    let Figure { value, unit } = figure;
    match unit {
        Unit::Ratio => ratio(value),
        Unit::Nanos => scaled(value, 1000.0, &["ns", "µs", "ms", "s"]),
        Unit::Bytes => scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB"]),
        Unit::PerSecond => scaled(value, 1000.0, &["/s", "thousand/s", "million/s"]),
    }
}

/// How many times something else.
pub(super) fn ratio(value: f64) -> String {
    format!("{} ×", if value < 10.0 { format!("{value:.2}") } else { three_digits(value) })
}

/// A figure or a word, or a dash if there is none.
pub(super) fn entry(entry: Option<&Entry>) -> String {
    match entry {
        Some(Entry::Figure(value)) => figure(*value),
        Some(Entry::Text(text)) => text.clone(),
        Some(Entry::Absent(_)) | None => "–".to_owned(),
    }
}

/// `text`, with a comma between thousands if it is a whole number.
pub(super) fn count(text: &str) -> String {
    let digits: Vec<char> = text.chars().collect();
    let groups: Vec<String> = digits.rchunks(3).rev().map(|group| group.iter().collect()).collect();
    if text.chars().all(|c| c.is_ascii_digit()) { groups.join(",") } else { text.to_owned() }
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let (mut value, mut rest) = (value, units.iter());
    let mut unit = rest.next().copied().unwrap_or_default();
    for next in rest {
        if value.abs() < step {
            break;
        }
        (value, unit) = (value / step, next);
    }
    let space = if unit.starts_with('/') { "" } else { " " };
    format!("{}{space}{unit}", three_digits(value))
}

fn three_digits(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    count(&format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit_that_suits() {
        let shown = |value, unit| figure(Figure { value, unit });
        assert_eq!(shown(471.25, Unit::Nanos), "471 ns");
        assert_eq!(shown(4_712.5, Unit::Nanos), "4.71 µs");
        assert_eq!(shown(12_345_678.0, Unit::Nanos), "12.3 ms");
        assert_eq!(shown(9e12, Unit::Nanos), "9,000 s");
        assert_eq!(shown(1.1499, Unit::Ratio), "1.15 ×");
        assert_eq!(shown(1536.0, Unit::Bytes), "1.50 KiB");
        assert_eq!(shown(81_656.0, Unit::PerSecond), "81.7 thousand/s");
        assert_eq!((count("100000"), count("100"), count("a_b")), ("100,000".into(), "100".into(), "a_b".into()));
    }
}
