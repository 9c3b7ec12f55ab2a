//! Vectors of header values: both ways, reading only, and refused.

use proptest::prelude::*;

use super::*;

#[test]
fn a_value_is_encoded_and_decoded_back() {
    let table = [
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        (
            "plain!#$&'()*+,-./:;<=>?@[\\]^_`{|}~",
            "plain!#$&'()*+,-./:;<=>?@[\\]^_`{|}~",
        ),
        ("say \"hi\"", "say%20%22hi%22"),
        ("100%", "100%25"),
        ("%20", "%2520"),
        ("", ""),
        ("\"", "%22"),
        ("über", "%C3%BCber"),
    ];
    for (value, header) in table {
        assert_eq!(encode(value), header);
        assert_eq!(decode(header.as_bytes()).unwrap(), value);
    }
}

#[test]
fn a_value_is_read_in_every_legal_spelling() {
    let table: [(&[u8], &str); 13] = [
        (b"Euro%20%e2%82%ac", "Euro €"),
        (b"%41%42c", "ABc"),
        (b"\"quoted value\"", "quoted value"),
        (b"\"a \\\"b\\\" \\\\ c\"", "a \"b\" \\ c"),
        (b"mid \"quoted\" value", "mid quoted value"),
        (b"\"a%20b\"", "a b"),
        (b"\"\"", ""),
        (b"back\\slash", "back\\slash"),
        (b"100%", "100%"),
        (b"%g0%2", "%g0%2"),
        (b"%%41", "%A"),
        (b"%2541", "%41"),
        ("raw €".as_bytes(), "raw €"),
    ];
    for (header, value) in table {
        assert_eq!(decode(header).unwrap(), value, "{}", header.escape_ascii());
    }
}

#[test]
fn what_is_not_utf_8_or_not_closed_is_refused() {
    let table: [(&[u8], &str); 10] = [
        (b"%C0%A0", "is not UTF-8"),
        (b"%E0%80%AF", "is not UTF-8"),
        (b"%ED%A0%80", "is not UTF-8"),
        (b"%ED%BF%BF", "is not UTF-8"),
        (b"%F4%90%80%80", "is not UTF-8"),
        (b"%E2%82", "is not UTF-8"),
        (b"%FF", "is not UTF-8"),
        (b"\xFF", "is not UTF-8"),
        (b"\"open", "not closed"),
        (b"\"open\\", "not closed"),
    ];
    for (header, expect) in table {
        let error = decode(header).unwrap_err();
        assert_eq!(error.reason, Reason::Malformed);
        assert!(
            error.detail.contains(expect),
            "{}: {error}",
            header.escape_ascii()
        );
    }
}

#[test]
fn percents_that_encode_nothing_are_counted() {
    let table: [(&[u8], usize); 6] = [
        (b"a%20b", 0),
        (b"100%", 1),
        (b"%%%", 3),
        (b"%4", 1),
        (b"%g0", 1),
        (b"%25%", 1),
    ];
    for (header, expect) in table {
        assert_eq!(bare_percents(header), expect, "{}", header.escape_ascii());
    }
}

proptest! {
    #[test]
    fn every_text_survives_a_header(text in any::<String>()) {
        let header = encode(&text);
        prop_assert!(header.bytes().all(|byte| (0x21..0x7F).contains(&byte) && byte != b'"'));
        prop_assert_eq!(decode(header.as_bytes()).unwrap(), &*text);
    }

    #[test]
    fn arbitrary_bytes_are_a_text_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = decode(&bytes);
    }
}
