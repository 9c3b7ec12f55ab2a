//! Attribute values in headers (HTTP binding section 3.1.3.2, shared by NATS): quoting and percent-encoding.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use super::{DecodeError, Reason};

/// What is percent-encoded besides everything that is not ASCII: outside U+0021 to U+007E, the double quote, the percent.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The attribute value that a header value stands for: quoted parts unquoted, then one round of percent-decoding. A `%`
/// that starts no encoded byte stands for itself, since most clients in use send it so.
pub(super) fn decode(value: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    if value.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        return Ok(Cow::Borrowed(str::from_utf8(value).unwrap_or_default()));
    }
    let decoded = match unquote(value)? {
        Cow::Borrowed(bytes) => percent_decode(bytes).decode_utf8(),
        Cow::Owned(bytes) => percent_decode(&bytes)
            .decode_utf8()
            .map(|text| Cow::Owned(text.into_owned())),
    };
    decoded.map_err(|_| {
        let detail = "is not UTF-8; percent-encode the UTF-8 bytes of every character that is not ASCII";
        DecodeError::new(Reason::Malformed, detail)
    })
}

/// The header value that stands for an attribute value; borrowed from it exactly when they are the same.
pub(super) fn encode(value: &str) -> Cow<'_, str> {
    // Without an early exit, so that the compiler can take many bytes at once.
    let stays = |byte: u8| is_plain(byte) & (byte != b' ');
    if value.bytes().fold(true, |plain, byte| plain & stays(byte)) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(utf8_percent_encode(value, ENCODED).collect())
}

/// Whether a byte stands for itself, whatever is around it. ASCII only.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'%')
}

/// How many `%` in a header value start no encoded byte.
pub(super) fn bare_percents(value: &[u8]) -> usize {
    if !value.contains(&b'%') {
        return 0;
    }
    let encodes = |at: usize| {
        let digits = value.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    value
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'%' && !encodes(*at))
        .count()
}

/// Takes double quotes away, and inside them the backslash before an escaped byte.
fn unquote(value: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    if !value.contains(&b'"') {
        return Ok(Cow::Borrowed(value));
    }
    let mut plain = Vec::with_capacity(value.len());
    let mut quoted = false;
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => plain.push(bytes.next().ok_or_else(unterminated)?),
            _ => plain.push(byte),
        }
    }
    if quoted {
        Err(unterminated())
    } else {
        Ok(Cow::Owned(plain))
    }
}

fn unterminated() -> DecodeError {
    let detail = "has a double quote that is not closed; close it, or write it as %22";
    DecodeError::new(Reason::Malformed, detail)
}

#[cfg(test)]
mod tests;
