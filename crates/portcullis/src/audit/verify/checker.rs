use std::collections::BTreeMap;
use std::path::Path;

use super::super::chain::{Before, Head, Link, Missing, NOTHING, kind};
use super::report::{Ending, Fault, FaultKind, Place, Verification};

/// Goes through the lines of one log.
pub(super) struct Checker<'a> {
    heads: &'a [Head],
    /// The heads of this writer, once it is known.
    expected: BTreeMap<u64, &'a str>,
    last: Option<Accepted>,
    /// The last line that a head confirms.
    confirmed: Option<u64>,
    doubt: Option<Doubt>,
    found: Verification,
}

/// A line that follows the one before it.
struct Accepted {
    place: Place,
    link: Link,
}

/// Two lines of which one is wrong. The line behind them follows the right one.
struct Doubt {
    /// The second of them.
    second: Accepted,
    /// The fault if the first is wrong, and if the second is.
    faults: [Fault; 2],
}

impl<'a> Checker<'a> {
    pub(super) fn new(heads: &'a [Head]) -> Self {
        let found = Verification {
            fault: None,
            first: None,
            last: None,
            lines: 0,
            records: 0,
            lost: 0,
            crashes: 0,
            torn: 0,
            missing: Vec::new(),
            replaces: None,
            heads: 0,
            ending: Ending::Open,
        };
        Self { heads, expected: BTreeMap::new(), last: None, confirmed: None, doubt: None, found }
    }

    /// Takes the next line, without its line break.
    pub(super) fn line(&mut self, place: Place, line: &[u8]) {
        let link = Link::read(line);
        if let Some(fault) = &mut self.found.fault {
            // What is missing there stands here.
            if let (FaultKind::Lost(lost), Some(link), Some(last)) = (&fault.kind, link, &self.last)
                && (link.seq, &link.writer) == (lost.from, &last.link.writer)
            {
                fault.kind = FaultKind::Moved { expected: lost.from };
            }
            return;
        }
        let Some(link) = link else {
            return self.fail(place, FaultKind::Altered);
        };
        if let Some(Doubt { second, faults: [first_wrong, second_wrong] }) = self.doubt.take() {
            let follows_second = link.prev == second.link.hash;
            self.found.fault = Some(if follows_second { first_wrong } else { second_wrong });
            return;
        }
        self.judge(Accepted { place, link });
    }

    /// The log ends with `octets` of an incomplete line.
    pub(super) fn torn(&mut self, octets: u64) {
        self.found.ending = Ending::Torn(octets);
    }

    /// The log ends, with the file at `end`.
    pub(super) fn finish(mut self, end: &Path) -> Verification {
        if let Some(Doubt { faults: [first_wrong, _], .. }) = self.doubt.take() {
            self.found.fault.get_or_insert(first_wrong);
        }
        let Some(Accepted { place, link }) = self.last else {
            // Nothing is left of what the heads know.
            if let Some(head) = self.heads.last().filter(|_| self.found.fault.is_none()) {
                let kind = FaultKind::Cut(Missing { from: 0, to: head.seq });
                self.found.fault = Some(Fault { place: Place { file: end.to_owned(), line: 1 }, kind });
            }
            return self.found;
        };
        let end = Place { line: place.line + 1, ..place.clone() };
        if self.found.fault.is_none() {
            let last = self.expected.last_key_value().map_or(0, |(seq, _)| *seq);
            if last > link.seq {
                let cut = FaultKind::Cut(Missing { from: link.seq + 1, to: last });
                self.found.fault = Some(Fault { place: end, kind: cut });
            } else if !self.heads.is_empty() && self.expected.is_empty() {
                self.found.fault = Some(Fault { place: Place { line: 1, ..place }, kind: FaultKind::UnknownWriter });
            }
            if self.found.ending == Ending::Open && link.kind == kind::END {
                self.found.ending = if link.reason == "rotated" { Ending::Elsewhere } else { Ending::Closed };
            }
        }
        self.found.last = Some(link.head());
        self.found
    }

    fn judge(&mut self, next: Accepted) {
        let Accepted { place, link } = &next;
        let Some(last) = &self.last else {
            return self.judge_first(next);
        };
        if link.writer != last.link.writer {
            return self.fail(place.clone(), FaultKind::Foreign);
        }
        let expected = last.link.seq + 1;
        if link.seq > expected {
            let lost = Missing { from: expected, to: link.seq - 1 };
            // The writer itself says so, and its line follows the last one that it found.
            if link.kind == kind::START && link.missing == Some(lost) && link.prev == last.link.hash {
                self.found.missing.push(lost);
                return self.accept(next);
            }
            return self.fail(place.clone(), FaultKind::Lost(lost));
        }
        if link.seq < expected {
            let is_rival = link.seq == last.link.seq && link.hash != last.link.hash && link.prev == last.link.prev;
            let inserted = |place: &Place| Fault { place: place.clone(), kind: FaultKind::Inserted };
            if is_rival {
                self.doubt = Some(Doubt { faults: [inserted(&last.place), inserted(place)], second: next });
            } else {
                self.found.fault = Some(inserted(place));
            }
            return;
        }
        if link.prev != last.link.hash {
            let replaced = |place: &Place| Fault { place: place.clone(), kind: FaultKind::Replaced };
            self.doubt = Some(Doubt { faults: [replaced(&last.place), replaced(place)], second: next });
            return;
        }
        self.accept(next);
    }

    fn judge_first(&mut self, first: Accepted) {
        let Accepted { place, link } = &first;
        let begins = link.seq == 0 && link.prev == NOTHING;
        // Older files may be kept elsewhere.
        let goes_on = link.seq > 0 && link.after == Some(Before::Rotation);
        if link.kind != kind::START || !(begins || goes_on) {
            let fault = match link.seq.checked_sub(1) {
                Some(to) => FaultKind::Lost(Missing { from: 0, to }),
                None => FaultKind::Replaced,
            };
            let place = place.clone();
            // What is found further down is compared with it.
            self.last = Some(first);
            return self.fail(place, fault);
        }
        let writer = &link.writer;
        let of_writer = self.heads.iter().filter(|head| head.writer == *writer);
        self.expected = of_writer.map(|head| (head.seq, head.hash.as_str())).collect();
        self.found.first = Some(link.seq);
        self.found.replaces = link.replaces.clone();
        self.accept(first);
    }

    fn accept(&mut self, next: Accepted) {
        let link = &next.link;
        if let Some(hash) = self.expected.get(&link.seq) {
            if *hash != link.hash {
                return self.fail(next.place, FaultKind::Rewritten { confirmed: self.confirmed });
            }
            self.confirmed = Some(link.seq);
            self.found.heads += 1;
        }
        self.found.lines += 1;
        self.found.records += u64::from(link.kind == kind::REQUEST);
        self.found.crashes += u64::from(link.after == Some(Before::Crash));
        self.found.torn += link.torn;
        if link.kind == kind::LOST {
            self.found.lost += link.count;
        }
        self.last = Some(next);
    }

    fn fail(&mut self, place: Place, kind: FaultKind) {
        self.found.fault = Some(Fault { place, kind });
    }
}
