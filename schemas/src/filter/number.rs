//! Decimal numbers of any size, compared exactly: `12345678901234567890123` is more than `12345678901234567890122`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Exponents beyond this are no numbers that anyone counts with.
const EXPONENT_MAX: i64 = 1_000_000;

/// A decimal number, kept as it was written: an optional sign, digits with an optional point, an optional exponent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Number(String);

/// The text is no decimal number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a decimal number such as 5, -0.25 or 1e6")]
pub struct NotNumber(String);

/// What a number is worth: `0.d1d2d3... * 10^exponent`, without zeros at either end; no digits for zero.
struct Worth<'a> {
    is_negative: bool,
    digits: Digits<'a>,
    exponent: i64,
}

/// Digits before and after the point.
#[derive(Clone, Copy)]
struct Digits<'a> {
    whole: &'a str,
    fraction: &'a str,
}

impl Number {
    /// How `text` compares to this number; none when it is no number.
    pub(super) fn compare(&self, text: &str) -> Option<Ordering> {
        Some(worth(text)?.cmp(&worth(&self.0)?))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Number {
    type Err = NotNumber;

    fn from_str(text: &str) -> Result<Self, NotNumber> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Number {
    type Error = NotNumber;

    fn try_from(text: String) -> Result<Self, NotNumber> {
        match worth(&text) {
            Some(_) => Ok(Self(text)),
            None => Err(NotNumber(text)),
        }
    }
}

impl From<Number> for String {
    fn from(number: Number) -> Self {
        number.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Worth<'_> {
    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn cmp(&self, other: &Worth<'_>) -> Ordering {
        let (mine, theirs) = (self.sign(), other.sign());
        if mine != theirs || mine == 0 {
            return mine.cmp(&theirs);
        }
        let size = self
            .exponent
            .cmp(&other.exponent)
            .then_with(|| self.digits.bytes().cmp(other.digits.bytes()));
        if self.is_negative { size.reverse() } else { size }
    }
}

impl Digits<'_> {
    fn is_empty(self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn trimmed(self, exponent: i64) -> Option<(Self, i64)> {
        let places = |digits: &str| i64::try_from(digits.len()).ok();
        let Self {
            mut whole,
            mut fraction,
        } = self;
        fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            let kept = whole.trim_end_matches('0');
            let exponent = exponent + places(whole)?;
            whole = kept.trim_start_matches('0');
            return Some((
                Self { whole, fraction },
                exponent - places(kept)? + places(whole)?,
            ));
        }
        whole = whole.trim_start_matches('0');
        let mut exponent = exponent + places(whole)?;
        if whole.is_empty() {
            let kept = fraction.trim_start_matches('0');
            exponent -= places(fraction)? - places(kept)?;
            fraction = kept;
        }
        Some((Self { whole, fraction }, exponent))
    }
}

fn worth(text: &str) -> Option<Worth<'_>> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    if !(-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent) {
        return None;
    }
    let (digits, exponent) = Digits { whole, fraction }.trimmed(exponent)?;
    Some(Worth {
        is_negative,
        digits,
        exponent,
    })
}
