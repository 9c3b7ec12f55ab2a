//! What can be said of bytes from outside: their content type, and the value of an extension that carries them.

use serde::de::IgnoredAny;

/// What to declare for data whose sender said nothing: JSON when it is one JSON value, else plain bytes. The bytes
/// stay as they are either way.
pub(crate) fn guessed_type(data: &[u8]) -> &'static str {
    if serde_json::from_slice::<IgnoredAny>(data).is_ok() {
        "application/json"
    } else {
        "application/octet-stream"
    }
}

/// Text that an attribute may carry as it is: UTF-8 without control characters and noncharacters (CloudEvents core,
/// "Type System", String).
pub(crate) fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.chars().all(is_allowed))
}

/// A text that an attribute may carry, at most `bytes_max` long: other characters become blanks.
pub(crate) fn explanation(text: &str, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .chars()
        .map(|c| if is_allowed(c) { c } else { ' ' })
        .collect()
}

fn is_allowed(c: char) -> bool {
    let code = u32::from(c);
    !c.is_control() && code & 0xFFFE != 0xFFFE && !(0xFDD0..=0xFDEF).contains(&code)
}

/// A foreign header's name as part of an attribute's name: lower case, only `a-z` and `0-9` (Knative's rule). Empty
/// when nothing is left.
pub(crate) fn name_part(name: &str) -> String {
    name.chars()
        .map(|c| c.to_ascii_lowercase())
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_without_a_type_is_json_when_it_is_one_json_value() {
        for (data, wanted) in [
            (&b"{\"a\":1}"[..], "application/json"),
            (b"[1]", "application/json"),
            (b" 42 ", "application/json"),
            (b"{} {}", "application/octet-stream"),
            (b"plain", "application/octet-stream"),
            (b"", "application/octet-stream"),
            (b"\xff\x00", "application/octet-stream"),
        ] {
            assert_eq!(guessed_type(data), wanted, "{data:?}");
        }
    }

    #[test]
    fn text_with_control_characters_is_not_attribute_text() {
        assert_eq!(as_text("grün".as_bytes()), Some("grün"));
        for bytes in [
            &b"a\nb"[..],
            b"\x7f",
            "\u{fdd0}".as_bytes(),
            "\u{ffff}".as_bytes(),
            b"\xff",
        ] {
            assert_eq!(as_text(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn an_explanation_is_cut_at_a_character_and_cleaned() {
        assert_eq!(explanation("a\nb", 10), "a b");
        assert_eq!(explanation("aü", 2), "a");
    }

    #[test]
    fn a_header_name_keeps_its_letters_and_digits() {
        assert_eq!(name_part("X-Request_ID.2"), "xrequestid2");
        assert_eq!(name_part("ü-"), "");
    }
}
