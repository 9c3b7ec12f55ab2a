//! What is returned when something fails: the failing operation's own value at the outside, a typed zero further out.

use cesql::ErrorKind::{Cast, FunctionEvaluation, Math, MissingAttribute, MissingFunction};
use cesql::{Error, ErrorKind, Expression};

use crate::{event, fails, parsed};

#[test]
fn a_missing_attribute_gives_the_zero_of_what_encloses_it() {
    for (expression, value) in [
        ("missing", false),
        ("missing = 2", false),
        ("missing != 2", false),
        ("2 != missing", false),
        ("missing < 2", false),
        ("NOT missing", false),
        ("NOT (missing = 2)", false),
        ("missing LIKE '%'", false),
        ("missing NOT LIKE 'a'", false),
        ("missing AND true", false),
        ("true AND (missing = '')", false),
        ("BOOL(missing)", false),
        ("1 / missing = 0", false),
    ] {
        fails(expression, value, MissingAttribute, "missing");
    }
    for expression in [
        "1 / missing",
        "missing + 1",
        "-missing",
        "LENGTH(missing)",
        "INT(missing)",
        "ABS(missing)",
    ] {
        fails(expression, 0, MissingAttribute, "missing");
    }
    for expression in [
        "UPPER(missing)",
        "CONCAT('a', missing)",
        "LEFT(missing, 1)",
        "STRING(missing)",
    ] {
        fails(expression, "", MissingAttribute, "missing");
    }
}

#[test]
fn an_error_stops_everything_around_it() {
    fails("true AND (1 != 1 / 0)", false, Math, "1 / 0");
    fails("1 != 1 / 0", false, Math, "1 / 0");
    fails("(1 / 0) = 0", false, Math, "1 / 0");
    fails("CONCAT('a', 1 / 0)", "", Math, "1 / 0");
    fails("NOT (INT('x') = 1)", false, Cast, "'x'");
    fails("NOSUCH() OR true", false, MissingFunction, "NOSUCH()");
    fails(
        "SUBSTRING('abc', 9) = ''",
        false,
        FunctionEvaluation,
        "SUBSTRING('abc', 9)",
    );
}

#[test]
fn the_leftmost_error_is_reported() {
    fails("1 / 0 + missing", 0, Math, "1 / 0");
    fails("missing + 1 / 0", 0, MissingAttribute, "missing");
    fails("CONCAT(missing, 1 / 0)", "", MissingAttribute, "missing");
    fails("'a' + 1 / 0", 0, Math, "1 / 0");
    fails("'a' AND 1 / 0", false, Cast, "'a'");
}

#[test]
fn spans_are_bytes_of_the_source() {
    fails("'😀' = 'x' OR missing", false, MissingAttribute, "missing");
    fails("(  5 /\n0 )", 0, Math, "5 /\n0");
    fails("LENGTH( ABS ( ( 'x' ) ) )", 0, Cast, "'x'");
}

#[test]
fn messages_name_the_culprit() {
    for (source, message) in [
        ("missing", "the event has no attribute \"missing\" (at 0..7)"),
        (
            "1 + NOSUCH(1)",
            "there is no function NOSUCH that takes 1 argument (at 4..13)",
        ),
        (
            "ABS()",
            "there is no function ABS that takes 0 arguments (at 0..5)",
        ),
        ("'x' + 1", "\"x\" is no Integer (at 0..3)"),
        ("BOOL('x')", "\"x\" is no Boolean (at 5..8)"),
        ("1 / 0", "division by zero (at 0..5)"),
        ("2147483647 + 1", "the result does not fit 32 bits (at 0..14)"),
        (
            "LEFT('a', -1)",
            "the number of characters -1 is negative (at 0..13)",
        ),
        (
            "SUBSTRING('a', 2)",
            "the position 2 is outside of the text (at 0..17)",
        ),
        ("SUBSTRING('a', 1, -1)", "the length -1 is negative (at 0..21)"),
    ] {
        let expression = parsed(source);
        let event = event();
        let error = expression.evaluate(&event).error.unwrap();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn kinds_have_their_interchange_names() {
    let names = [
        (ErrorKind::Parse, "parse"),
        (Math, "math"),
        (Cast, "cast"),
        (MissingAttribute, "missingAttribute"),
        (MissingFunction, "missingFunction"),
        (FunctionEvaluation, "functionEvaluation"),
        (ErrorKind::Generic, "generic"),
    ];
    for (kind, name) in names {
        assert_eq!(kind.to_string(), name);
    }
}

#[test]
fn a_parse_error_becomes_an_error_of_its_kind() {
    let error = Error::from(Expression::parse("1 +").unwrap_err());
    assert_eq!(error.kind, ErrorKind::Parse);
    assert_eq!((error.span.start, error.span.end), (3, 3));
    assert!(!error.message.contains("(at"), "{error:?}");
}

#[test]
fn only_true_without_an_error_lets_an_event_through() {
    for source in [
        "1",
        "'true'",
        "subject",
        "priority",
        "false",
        "missing",
        "missing != 2",
        "LENGTH('a')",
    ] {
        assert!(!parsed(source).is_match(&event()), "{source}");
    }
    for source in ["true", "urgent", "1 = 1"] {
        assert!(parsed(source).is_match(&event()), "{source}");
    }
}
