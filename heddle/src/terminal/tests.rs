use super::*;

#[test]
fn control_characters_are_escaped() {
    for (text, lines, expected) in [
        ("plain", false, "plain"),
        ("\u{1b}[31mred", false, "\\u{1b}[31mred"),
        ("a\nb\tc", false, "a\\nb\\tc"),
        ("a\nb\tc", true, "a\nb\tc"),
        ("a\r\nb", true, "a\\r\nb"),
        ("right\u{202e}left", true, "right\\u{202e}left"),
        ("grün", true, "grün"),
    ] {
        assert_eq!(visible(text, 100, lines), expected, "{text:?}");
    }
}

#[test]
fn long_text_is_cut_at_a_character_and_says_how_much_is_missing() {
    assert_eq!(visible("abcdef", 4, false), "abcd... (2 more bytes)");
    assert_eq!(visible("aüb", 2, false), "a... (3 more bytes)");
}

#[test]
fn json_content_types_are_recognised() {
    for (content_type, expected) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/vnd.x+json", true),
        ("text/plain", false),
        ("application/xml", false),
    ] {
        assert_eq!(is_json(content_type), expected, "{content_type}");
    }
}

#[test]
fn json_is_laid_out_without_touching_a_value() {
    for (text, expected) in [
        (r#"{"b":1.10,"a":[]}"#, Some("{\n  \"b\": 1.10,\n  \"a\": []\n}")),
        (
            r#" [ 123456789012345678901234567890 , "x\\\",{" ] "#,
            Some("[\n  123456789012345678901234567890,\n  \"x\\\\\\\",{\"\n]"),
        ),
        ("{}", Some("{}")),
        ("3", Some("3")),
        ("{", None),
        ("", None),
    ] {
        assert_eq!(json(text).as_deref(), expected, "{text}");
    }
}
