//! Tokens and their spans.

use super::{TokenKind, tokens};

#[track_caller]
fn reads(source: &str, expected: &[(TokenKind, &str)]) {
    let found = tokens(source).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|token| (token.kind, token.span.text(source)))
        .collect();
    assert_eq!(found, [expected, &[(TokenKind::End, "")]].concat());
}

#[test]
fn the_longest_symbol_wins() {
    reads(
        "<=<><>=>!==",
        &[
            (TokenKind::LessOrEqual, "<="),
            (TokenKind::NotEqual, "<>"),
            (TokenKind::NotEqual, "<>"),
            (TokenKind::Equal, "="),
            (TokenKind::Greater, ">"),
            (TokenKind::NotEqual, "!="),
            (TokenKind::Equal, "="),
        ],
    );
}

#[test]
fn a_word_is_a_keyword_only_as_a_whole() {
    reads(
        "IN inn in_ not1 NoT",
        &[
            (TokenKind::In, "IN"),
            (TokenKind::Word, "inn"),
            (TokenKind::Word, "in_"),
            (TokenKind::Word, "not1"),
            (TokenKind::Not, "NoT"),
        ],
    );
}

#[test]
fn digits_are_a_number_only_without_letters() {
    reads(
        "12 12a -1",
        &[
            (TokenKind::Digits, "12"),
            (TokenKind::Word, "12a"),
            (TokenKind::Minus, "-"),
            (TokenKind::Digits, "1"),
        ],
    );
}

#[test]
fn a_string_ends_at_its_first_single_unescaped_quote() {
    reads(
        r#"'a''b' "c\"d"'\\'"#,
        &[
            (TokenKind::Text, "'a''b'"),
            (TokenKind::Text, r#""c\"d""#),
            (TokenKind::Text, r"'\\'"),
        ],
    );
}
