//! What is no expression, and where it says so.

use cesql::{Expression, ParseReason, limits};

use crate::refused;

#[test]
fn nothing_is_no_expression() {
    refused("", "");
    refused("  \n", "");
    refused("()", ")");
}

#[test]
fn operators_need_their_operands() {
    refused("1 +", "");
    refused("* 1", "*");
    refused("1 + * 2", "*");
    refused("a AND", "");
    refused("AND a", "AND");
    refused("a AND OR b", "OR");
    refused("NOT", "");
    refused("-", "");
    refused("a =", "");
    refused("a == b", "=");
    refused("a ! b", "!");
    refused("a && b", "&");
}

#[test]
fn operands_need_an_operator_between_them() {
    refused("a b", "b");
    refused("1 2", "2");
    refused("'a' 'b'", "'b'");
    refused("a NOT b", "NOT");
    refused("a EXISTS b", "EXISTS");
    refused("true false", "false");
}

#[test]
fn parentheses_are_balanced() {
    refused("(a", "");
    refused("a)", ")");
    refused("((a)", "");
    refused("(a))", ")");
    refused("ABS(1", "");
    refused("ABS(1,", "");
    refused("ABS(,1)", ",");
    refused("ABS(1 2)", "2");
    refused("a, b", ",");
}

#[test]
fn names_keep_to_their_characters() {
    refused("my_ext = 1", "my_ext");
    refused("_a", "_a");
    refused("_F(1)", "_F");
    refused("F1(1)", "F1");
    refused("1(2)", "(");
    refused("my-ext = ", "");
    refused("my.ext", ".");
    refused("größe", "ö");
    refused("a\u{0}", "\u{0}");
}

#[test]
fn keywords_are_no_names() {
    for keyword in ["and", "or", "xor", "in", "like"] {
        refused(&format!("{keyword} = 1"), keyword);
    }
    refused("EXISTS like", "like");
    refused("LIKE('a')", "LIKE");
}

#[test]
fn length_is_limited() {
    let longest = "x".repeat(limits::SOURCE_BYTES_MAX);
    assert!(Expression::parse(&longest).is_ok());
    let error = Expression::parse(&(longest + "x")).unwrap_err();
    assert_eq!(
        error.reason,
        ParseReason::TooLong {
            bytes: limits::SOURCE_BYTES_MAX + 1
        }
    );
}

#[test]
fn depth_is_limited_however_it_is_reached() {
    let repeat = |open: &str, inside: &str, close: &str, times: usize| {
        format!("{}{inside}{}", open.repeat(times), close.repeat(times))
    };
    let shapes: [(&str, &str, &str); 9] = [
        ("(", "1", ")"),
        ("NOT ", "true", ""),
        ("- ", "1", ""),
        ("ABS(", "1", ")"),
        ("1 IN (", "1", ")"),
        ("", "1", " + 1"),
        ("", "1", " = 1"),
        ("", "1", " LIKE '1'"),
        ("a AND b OR ", "c", ""),
    ];
    for (open, inside, close) in shapes {
        assert!(
            Expression::parse(&repeat(open, inside, close, 50)).is_ok(),
            "{open}{inside}{close}"
        );
        for times in [limits::DEPTH_MAX + 1, 5000] {
            let error = Expression::parse(&repeat(open, inside, close, times)).unwrap_err();
            assert_eq!(error.reason, ParseReason::TooDeep, "{open}{inside}{close}");
        }
    }
}

#[test]
fn the_deepest_expression_needs_little_stack() {
    let deepest = |times| format!("{}1{}", "ABS((".repeat(times), "))".repeat(times));
    let work = move || {
        let source = deepest(limits::DEPTH_MAX / 2 - 1);
        let expression = Expression::parse(&source).unwrap();
        assert_eq!(expression.evaluate(&crate::event()).error, None);
        assert_eq!(
            expression.tree().to_string().matches("ABS").count(),
            limits::DEPTH_MAX / 2 - 1
        );
    };
    std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn messages_say_what_was_expected() {
    for (source, message) in [
        (
            "1 +",
            "expected a value: an attribute, a literal, a function or an opening parenthesis, found the end of the expression (at 3..3)",
        ),
        (
            "a b",
            "expected an operator or the end of the expression, found `b` (at 2..3)",
        ),
        (
            "a LIKE b",
            "expected a pattern: a string in quotes, found `b` (at 7..8)",
        ),
        (
            "my_ext",
            "\"my_ext\" is no attribute name, which has letters and digits only (at 0..6)",
        ),
        (
            "'abc",
            "the string that starts here is never closed; end it with ' (at 0..4)",
        ),
        (
            "a ? b",
            "unexpected character '?'; quote text as 'text' (at 2..3)",
        ),
        (
            "3000000000",
            "the integer does not fit 32 bits; the range is -2147483648 to 2147483647 (at 0..10)",
        ),
    ] {
        assert_eq!(Expression::parse(source).unwrap_err().to_string(), message);
    }
}
