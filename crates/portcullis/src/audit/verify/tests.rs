use std::path::Path;

use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, prop_assume, proptest};
use serde_json::json;

use super::super::chain::{Chain, Head, Missing, kind};
use super::{Checker, Ending, FaultKind, Verification, read};

const LINES: usize = 12;

/// A log of 12 lines, and a head for each.
fn log() -> (Vec<String>, Vec<Head>) {
    let mut chain = Chain::new("w1".to_owned());
    let mut heads = Vec::new();
    let mut line = |index: usize| {
        let (kind, body) = match index {
            0 => (kind::START, json!({ "after": "nothing" })),
            6 => (kind::LOST, json!({ "count": 3, "classes": { "human": 3 } })),
            11 => (kind::END, json!({ "reason": "closed" })),
            _ => (kind::REQUEST, json!({ "id": format!("r{index}"), "caller": { "subject": "ann" } })),
        };
        let line = chain.seal(kind, &body.to_string());
        heads.extend(chain.head());
        line
    };
    let lines = (0..LINES).map(&mut line).collect();
    (lines, heads)
}

fn check(text: &[u8], heads: &[Head]) -> Verification {
    let mut checker = Checker::new(heads);
    read(&mut checker, Path::new("log"), text, true).unwrap();
    checker.finish(Path::new("log"))
}

fn check_lines(lines: &[String], heads: &[Head]) -> Verification {
    check(lines.concat().as_bytes(), heads)
}

/// The line of the first fault, from 1, and what it is.
fn fault(found: &Verification) -> Option<(u64, FaultKind)> {
    found.fault.as_ref().map(|fault| (fault.place.line, fault.kind.clone()))
}

/// `line` with another member, and a hash of its own.
fn forged(line: &str, from: &str, to: &str) -> String {
    let content = line.split(",\"hash\":\"").next().unwrap().replace(from, to);
    let hash = super::super::chain::sha256(content.as_bytes());
    format!("{content},\"hash\":\"{hash}\"}}\n")
}

#[test]
fn a_log_as_it_was_written_is_intact() {
    let (lines, heads) = log();
    for heads in [&[][..], &heads] {
        let found = check_lines(&lines, heads);
        assert!(found.is_intact(), "{found}");
        assert_eq!((found.lines, found.records, found.lost, found.ending), (12, 9, 3, Ending::Closed));
        assert_eq!((found.heads, found.last.as_ref().map(|head| head.seq)), (heads.len() as u64, Some(11)));
    }
}

#[test]
fn a_tail_that_was_cut_is_found_by_the_heads_only() {
    let (lines, heads) = log();
    for left in 1..LINES {
        let without = check_lines(&lines[..left], &[]);
        assert_eq!((without.fault, without.ending), (None, Ending::Open));
        // A head for every third line suffices to some line.
        let some: Vec<Head> = heads.iter().filter(|head| head.seq % 3 == 2).cloned().collect();
        let lost = Missing { from: left as u64, to: 11 };
        assert_eq!(fault(&check_lines(&lines[..left], &some)), Some((left as u64 + 1, FaultKind::Cut(lost))));
        // Within a line.
        let mut text = lines.concat().into_bytes();
        text.truncate(lines[..left].concat().len() + 10);
        assert_eq!(check(&text, &[]).ending, Ending::Torn(10));
        assert_eq!(fault(&check(&text, &heads)), Some((left as u64 + 1, FaultKind::Cut(lost))));
    }
}

#[test]
fn a_log_of_which_nothing_is_left_is_not_intact() {
    let (lines, heads) = log();
    for text in ["", lines[0].get(..10).unwrap()] {
        let found = check(text.as_bytes(), &heads);
        assert_eq!(fault(&found), Some((1, FaultKind::Cut(Missing { from: 0, to: 11 }))), "{found}");
        assert!(check(text.as_bytes(), &[]).is_intact(), "without heads nobody knows better");
    }
}

#[test]
fn a_line_that_was_replaced_by_a_good_one_is_found_by_the_line_behind_it() {
    let (lines, _) = log();
    for index in 1..LINES - 1 {
        let mut altered = lines.clone();
        altered[index] = forged(&lines[index], "\"v\":1,", "\"v\":1,\"x\":1,");
        assert_eq!(fault(&check_lines(&altered, &[])), Some((index as u64 + 1, FaultKind::Replaced)), "{index}");
        // One that was made without knowing the line before it.
        altered[index] = forged(&lines[index], "\"prev\":\"", "\"prev\":\"0");
        if index < LINES - 2 {
            assert_eq!(fault(&check_lines(&altered, &[])), Some((index as u64 + 1, FaultKind::Replaced)), "{index}");
        }
    }
}

#[test]
fn a_forged_line_between_two_is_told_from_the_line_that_was_there() {
    let (lines, _) = log();
    for index in 1..LINES - 1 {
        let mut altered = lines.clone();
        altered.insert(index, forged(&lines[index], "\"v\":1,", "\"v\":1,\"x\":1,"));
        assert_eq!(fault(&check_lines(&altered, &[])), Some((index as u64 + 1, FaultKind::Inserted)), "{index}");
        altered.swap(index, index + 1);
        assert_eq!(fault(&check_lines(&altered, &[])), Some((index as u64 + 2, FaultKind::Inserted)), "{index}");
    }
}

#[test]
fn a_log_that_was_written_anew_is_found_by_the_heads() {
    let (lines, heads) = log();
    for from in 1..LINES {
        let mut chain = Chain::after(heads[from - 1].clone(), from as u64);
        let anew = (from..LINES).map(|index| chain.seal(kind::REQUEST, &format!("{{\"id\":\"x{index}\"}}")));
        let forged: Vec<String> = lines[..from].iter().cloned().chain(anew).collect();
        assert_eq!(check_lines(&forged, &[]).fault, None);
        let rewritten = FaultKind::Rewritten { confirmed: Some(from as u64 - 1) };
        assert_eq!(fault(&check_lines(&forged, &heads)), Some((from as u64 + 1, rewritten)));
    }
    let mut other = Chain::new("w2".to_owned());
    let other: Vec<String> = (0..3).map(|_| other.seal(kind::START, "{\"after\":\"nothing\"}")).collect();
    assert_eq!(fault(&check_lines(&other, &heads)), Some((1, FaultKind::UnknownWriter)));
    let mixed: Vec<String> = lines[..5].iter().chain(&other).cloned().collect();
    assert_eq!(fault(&check_lines(&mixed, &[])), Some((6, FaultKind::Foreign)));
}

#[test]
fn a_writer_that_found_its_file_cut_says_so_and_nobody_else_can() {
    let (lines, heads) = log();
    let mut chain = Chain::after(heads[5].clone(), 12);
    let start = chain.seal(kind::START, r#"{"after":"crash","missing":{"from":6,"to":11},"torn":7}"#);
    let more = chain.seal(kind::REQUEST, "{}");
    let told: Vec<String> = lines[..6].iter().cloned().chain([start.clone(), more]).collect();
    let found = check_lines(&told, &heads);
    assert_eq!((found.fault.as_ref(), found.missing.as_slice()), (None, &[Missing { from: 6, to: 11 }][..]));
    assert!(!found.is_intact(), "{found}");
    assert_eq!((found.crashes, found.torn, found.lines), (1, 7, 8));
    // The same line where more is missing.
    let told: Vec<String> = lines[..5].iter().cloned().chain([start]).collect();
    assert_eq!(fault(&check_lines(&told, &heads)), Some((6, FaultKind::Lost(Missing { from: 5, to: 11 }))));
}

#[test]
fn older_files_may_be_kept_elsewhere_and_a_first_line_is_not_cut_unseen() {
    let (lines, heads) = log();
    assert_eq!(fault(&check_lines(&lines[1..], &[])), Some((1, FaultKind::Lost(Missing { from: 0, to: 0 }))));
    let mut chain = Chain::after(heads[5].clone(), 6);
    let rotated = [chain.seal(kind::START, r#"{"after":"rotation"}"#), chain.seal(kind::REQUEST, "{}")];
    let found = check_lines(&rotated, &[]);
    assert_eq!((found.fault, found.first), (None, Some(6)));
}

fn place() -> impl Strategy<Value = usize> {
    0..LINES
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_is_found_in_its_line(at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
        let (lines, _) = log();
        let mut text = lines.concat().into_bytes();
        let at = at.index(text.len() - 1);
        let line = text[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        text[at] ^= 1 << bit;
        prop_assert_eq!(fault(&check(&text, &[])), Some((line, FaultKind::Altered)));
    }

    #[test]
    fn lines_that_were_removed_are_found_where_they_were(from in place(), count in 1..LINES) {
        prop_assume!(from + count < LINES);
        let (mut lines, heads) = log();
        lines.drain(from..from + count);
        let lost = FaultKind::Lost(Missing { from: from as u64, to: (from + count - 1) as u64 });
        for heads in [&[][..], &heads] {
            prop_assert_eq!(fault(&check_lines(&lines, heads)), Some((from as u64 + 1, lost.clone())));
        }
    }

    #[test]
    fn a_line_that_was_copied_is_found(of in place(), to in 0..=LINES) {
        let (mut lines, heads) = log();
        let copy = lines[of].clone();
        lines.insert(to, copy);
        // Of two equal lines in a row the second one is too many.
        let line = if to == of { to as u64 + 2 } else { to as u64 + 1 };
        for heads in [&[][..], &heads] {
            prop_assert_eq!(fault(&check_lines(&lines, heads)).map(|(line, _)| line), Some(line));
        }
    }

    #[test]
    fn lines_that_changed_places_are_found(one in place(), other in place()) {
        prop_assume!(one < other);
        let (mut lines, heads) = log();
        lines.swap(one, other);
        for heads in [&[][..], &heads] {
            let moved = FaultKind::Moved { expected: one as u64 };
            prop_assert_eq!(fault(&check_lines(&lines, heads)), Some((one as u64 + 1, moved)));
        }
    }
}
