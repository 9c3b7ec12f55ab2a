//! Times by RFC 3339: checked, never rewritten.

/// Whether `text` is a `date-time` of RFC 3339 section 5.6, with a day that its month has and an offset.
///
/// `T` and `Z` may be lower-case, the fraction may have any number of digits, and a leap second (`:60`) is accepted.
pub(super) fn is_rfc3339(text: &str) -> bool {
    parse(text.as_bytes()).is_some()
}

fn parse(text: &[u8]) -> Option<()> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(after(rest, b"-")?, 2)?;
    let (day, rest) = number(after(rest, b"-")?, 2)?;
    let (hour, rest) = number(after(rest, b"Tt")?, 2)?;
    let (minute, rest) = number(after(rest, b":")?, 2)?;
    let (second, rest) = number(after(rest, b":")?, 2)?;
    let valid = (1..=days(year, month)?).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if valid { offset(fraction(rest)?) } else { None }
}

/// Skips an optional fraction of a second, which has at least one digit.
fn fraction(text: &[u8]) -> Option<&[u8]> {
    let Some(digits) = after(text, b".") else {
        return Some(text);
    };
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    if end == 0 { None } else { digits.get(end..) }
}

fn offset(text: &[u8]) -> Option<()> {
    if matches!(text, b"Z" | b"z") {
        return Some(());
    }
    let (hour, rest) = number(after(text, b"+-")?, 2)?;
    let (minute, rest) = number(after(rest, b":")?, 2)?;
    (hour < 24 && minute < 60 && rest.is_empty()).then_some(())
}

fn days(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// Reads exactly `digits` decimal digits.
fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let mut value = 0;
    for byte in number {
        value = value * 10 + char::from(*byte).to_digit(10)?;
    }
    Some((value, rest))
}

/// What follows one byte out of `set`.
fn after<'a>(text: &'a [u8], set: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = text.split_first()?;
    set.contains(first).then_some(rest)
}
