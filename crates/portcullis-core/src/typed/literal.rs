//! The text forms of Cedar's extension types.
//!
//! Cedar reads these strings only when it evaluates the value. They are checked here, where the attribute's name is
//! known. What passes here, Cedar accepts.

use std::net::IpAddr;

/// An RFC 3339 §5.6 `date-time` in the form that Cedar reads.
///
/// Cedar knows milliseconds only: further digits are cut off. Also accepts the forms that Cedar itself reads: a date
/// alone, which is its midnight in UTC, and an offset without a colon. Leap seconds are refused.
pub(super) fn datetime(text: &str) -> Option<String> {
    let (date, rest) = split(text, 10)?;
    check_date(date)?;
    if rest.is_empty() {
        return Some(date.to_owned());
    }
    let (time, rest) = split(rest.strip_prefix(['T', 't'])?, 8)?;
    check_time(time)?;
    let (millis, zone) = fraction(rest)?;
    let zone = offset(zone)?;
    Some(format!("{date}T{time}.{millis}{zone}"))
}

/// A duration in Cedar's form: `1d2h3m4s5ms`, every part optional, in this order, within 64 bits of milliseconds.
pub(super) fn duration(text: &str) -> Option<&str> {
    let (mut rest, sign) = text.strip_prefix('-').map_or((text, 1), |rest| (rest, -1));
    if rest.is_empty() {
        return None;
    }
    let mut units = DURATION_UNITS.iter();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let (number, after) = digits(rest)?;
        let (name, millis) = units.find(|(name, _)| takes_unit(after, name))?;
        let part = number.parse::<i64>().ok()?.checked_mul(*millis)?.checked_mul(sign)?;
        total = total.checked_add(part)?;
        rest = after.strip_prefix(name)?;
    }
    Some(text)
}

/// A number with one to four digits after the point, within 64 bits of ten-thousandths.
pub(super) fn decimal(text: &str) -> Option<&str> {
    let (whole, part) = text.split_once('.')?;
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    let sane = !unsigned.is_empty() && all_digits(unsigned) && (1..=4).contains(&part.len()) && all_digits(part);
    let scale = 10_i64.checked_pow(u32::try_from(4_usize.checked_sub(part.len())?).ok()?)?;
    let part = part.parse::<i64>().ok().filter(|_| sane)?.checked_mul(scale)?;
    let whole_scaled = whole.parse::<i64>().ok()?.checked_mul(10_000)?;
    let value = if whole.starts_with('-') { whole_scaled.checked_sub(part) } else { whole_scaled.checked_add(part) };
    value.map(|_| text)
}

/// An address, or a network as address and prefix length.
///
/// IPv4 inside IPv6 (`::ffff:192.0.2.1`) is refused, as Cedar does: it would match no IPv4 range.
pub(super) fn ip(text: &str) -> Option<&str> {
    if text.contains(':') && text.contains('.') {
        return None;
    }
    let Some((address, prefix)) = text.split_once('/') else {
        return text.parse::<IpAddr>().is_ok().then_some(text);
    };
    let bits = if address.parse::<IpAddr>().ok()?.is_ipv4() { 32 } else { 128 };
    let canonical = all_digits(prefix) && (prefix == "0" || !prefix.starts_with('0'));
    // Cedar's own bound on the length of the text.
    let short = text.len() <= 43;
    (canonical && short && prefix.parse::<u8>().ok()? <= bits).then_some(text)
}

fn check_date(date: &str) -> Option<()> {
    let (year, month, day) = three(date, '-', [4, 2, 2])?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(())
}

fn check_time(time: &str) -> Option<()> {
    let (hour, minute, second) = three(time, ':', [2, 2, 2])?;
    (hour < 24 && minute < 60 && second < 60).then_some(())
}

/// Three numbers with these widths.
fn three(text: &str, separator: char, widths: [usize; 3]) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(separator).zip(widths).map(|(part, width)| {
        let fits = part.len() == width && all_digits(part);
        part.parse::<u32>().ok().filter(|_| fits)
    });
    let three = (parts.next()??, parts.next()??, parts.next()??);
    // The caller cut the text to the length of the three parts, so nothing follows.
    Some(three)
}

/// The milliseconds of `.123456Z` as three digits, and what follows.
fn fraction(text: &str) -> Option<(String, &str)> {
    let Some(after_point) = text.strip_prefix('.') else {
        return Some(("000".to_owned(), text));
    };
    let (number, rest) = digits(after_point)?;
    let millis = number.chars().chain(['0', '0']).take(3).collect();
    Some((millis, rest))
}

/// A time zone in Cedar's form.
fn offset(text: &str) -> Option<String> {
    if matches!(text, "Z" | "z") {
        return Some("Z".to_owned());
    }
    let sign = text.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    let (hour, rest) = split(text.strip_prefix(sign)?, 2)?;
    let minute = rest.strip_prefix(':').unwrap_or(rest);
    let fits = minute.len() == 2 && all_digits(hour) && all_digits(minute);
    (fits && hour < "24" && minute < "60").then(|| format!("{sign}{hour}{minute}"))
}

fn split(text: &str, at: usize) -> Option<(&str, &str)> {
    text.split_at_checked(at)
}

/// The leading digits, at least one.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    split(text, end).filter(|(number, _)| !number.is_empty())
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `m` is a prefix of `ms`, so minutes are those not followed by an `s`.
fn takes_unit(text: &str, unit: &str) -> bool {
    text.strip_prefix(unit).is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Name and milliseconds, in the order in which they may be written.
const DURATION_UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

#[cfg(test)]
mod tests {
    use cedar_policy::{Context, RestrictedExpression};

    use super::*;

    /// Whether Cedar reads the expression.
    fn cedar_reads(expression: RestrictedExpression) -> bool {
        Context::from_pairs([("x".to_owned(), expression)]).is_ok()
    }

    #[test]
    fn dates_become_cedars_form() {
        for (text, expected) in [
            ("2026-01-01T12:00:00Z", Some("2026-01-01T12:00:00.000Z")),
            ("2026-01-01t12:00:00z", Some("2026-01-01T12:00:00.000Z")), // RFC 3339 §5.6, note
            ("2026-01-01T12:00:00.5+02:00", Some("2026-01-01T12:00:00.500+0200")),
            ("2026-01-01T12:00:00.123456789-00:00", Some("2026-01-01T12:00:00.123-0000")),
            ("2026-01-01T12:00:00+0200", Some("2026-01-01T12:00:00.000+0200")),
            ("2026-01-01", Some("2026-01-01")),
            ("2024-02-29", Some("2024-02-29")),
            ("2000-02-29", Some("2000-02-29")),
            ("1900-02-29", None),
            ("2026-02-29", None),
            ("2026-00-10", None),
            ("2026-13-01", None),
            ("2026-04-31", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T12:00:60Z", None), // a leap second, which Cedar does not have
            ("2026-01-01T12:00:00", None),  // no zone: nobody knows when that is
            ("2026-01-01T12:00:00.Z", None),
            ("2026-01-01T12:00:00+24:00", None),
            ("2026-01-01T12:00:00+02:60", None),
            ("2026-01-01T12:00:00+2:00", None),
            ("2026-01-01T12:00:00+é0:00", None),
            ("2026-01-01 12:00:00Z", None),
            ("2026-1-1", None),
            ("20é6-01-0", None),
            ("+026-01-01", None),
            ("2026-01-01Z", None),
            ("", None),
        ] {
            let read = datetime(text);
            assert_eq!(read.as_deref(), expected, "{text}");
            assert!(read.is_none_or(|form| cedar_reads(RestrictedExpression::new_datetime(form))), "{text}");
        }
    }

    #[test]
    fn text_forms_are_those_of_cedar() {
        type Case = (fn(&str) -> Option<&str>, fn(&str) -> RestrictedExpression, &'static [&'static str]);
        let cases: [Case; 3] = [
            (duration, |t| RestrictedExpression::new_duration(t), DURATIONS),
            (decimal, |t| RestrictedExpression::new_decimal(t), DECIMALS),
            (ip, |t| RestrictedExpression::new_ip(t), IPS),
        ];
        for (check, expression, texts) in cases {
            for text in texts {
                assert_eq!(check(text).is_some(), cedar_reads(expression(text)), "{text}");
            }
        }
    }

    const DURATIONS: &[&str] = &[
        "1d2h3m4s5ms",
        "5m",
        "5ms",
        "-90s",
        "1h5ms",
        "0d",
        "106751991167d7h12m55s807ms",
        "-106751991167d7h12m55s808ms",
        "106751991167d7h12m55s808ms", // one millisecond too long
        "99999999999999999999d",
        "",
        "-",
        "5",
        "m",
        "5m5d",
        "5m5m",
        "1ms1m",
        "--5m",
        "+5m",
        "5 m",
        "5mm",
        "٥m",
    ];
    const DECIMALS: &[&str] = &[
        "1.0",
        "-1.2345",
        "-0.5",
        "00.50",
        "922337203685477.5807",
        "-922337203685477.5808",
        "922337203685477.5808", // one ten-thousandth too much
        "1",
        "1.",
        ".5",
        "-.5",
        "+1.0",
        "1.+5",
        "1.23456",
        "1.2.3",
        "1e5",
        "",
        "٥.٥",
    ];
    const IPS: &[&str] = &[
        "192.0.2.1",
        "192.0.2.0/24",
        "0.0.0.0/0",
        "2001:db8::1",
        "2001:db8::/32",
        "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128",
        "192.0.2.1/33",
        "192.0.2.1/024",
        "192.0.2.1/",
        "192.0.2.1/+8",
        "2001:db8::/129",
        "::ffff:192.0.2.1",
        "192.0.2",
        "192.0.2.01",
        "localhost",
        "",
    ];
}
