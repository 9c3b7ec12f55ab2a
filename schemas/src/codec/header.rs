//! Attribute values in headers (HTTP binding section 3.1.3.2, shared by NATS): quoting and percent-encoding.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use super::{DecodeError, Reason};

/// What is percent-encoded besides everything that is not ASCII: outside U+0021 to U+007E, the double quote, the percent.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The attribute value that a header value stands for: quoted parts unquoted, then one round of percent-decoding. A `%`
/// that starts no encoded byte stands for itself, since most clients in use send it so.
pub(super) fn decode(value: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
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
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%');
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(utf8_percent_encode(value, ENCODED).collect())
}

/// How many `%` in a header value start no encoded byte.
pub(super) fn bare_percents(value: &[u8]) -> usize {
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
