//! The language, area by area: tables of expressions with the value and the error each must give.
//!
//! Every table is checked against the same event.

mod casts;
mod errors;
mod functions;
mod literals;
mod logic;
mod matching;
mod numbers;
mod parse;
mod precedence;
mod warnings;

use cesql::{ErrorKind, Expression, Value};

/// Attributes of the event that all tables are evaluated against.
fn event() -> [(&'static str, Value<'static>); 12] {
    [
        ("id", Value::from("7f6b")),
        ("source", Value::from("/shop/eu")),
        ("specversion", Value::from("1.0")),
        ("type", Value::from("order.placed")),
        ("subject", Value::from("eu-1234")),
        ("time", Value::from("2026-02-03T04:05:06Z")),
        ("hop", Value::from("41")),
        ("priority", Value::from(5)),
        ("urgent", Value::from(true)),
        ("empty", Value::from("")),
        ("unicode", Value::from("Grüße 😀")),
        ("discount", Value::from("50%_off")),
    ]
}

/// Checks that `expression` has this value and no error.
#[track_caller]
fn gives(expression: &str, value: impl Into<Value<'static>>) {
    outcome(expression, value.into(), None);
}

/// Checks that `expression` stops with an error of this kind about the text `at`, and has this value all the same.
#[track_caller]
fn fails(expression: &str, value: impl Into<Value<'static>>, kind: ErrorKind, at: &str) {
    outcome(expression, value.into(), Some((kind, at)));
}

/// `expression`, which must parse.
#[track_caller]
fn parsed(expression: &str) -> Expression {
    Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// Checks that `expression` is refused because of the text `at`, which is empty at its end.
#[track_caller]
fn refused(expression: &str, at: &str) {
    match Expression::parse(expression) {
        Ok(parsed) => panic!("{expression} was read as {}", parsed.tree()),
        Err(error) => assert_eq!(error.span.text(expression), at, "{expression}: {error}"),
    }
}

#[track_caller]
fn outcome(expression: &str, value: Value<'static>, error: Option<(ErrorKind, &str)>) {
    let parsed = parsed(expression);
    let event = event();
    let evaluation = parsed.evaluate(&event);
    assert_eq!(evaluation.value, value, "{expression}: {:?}", evaluation.error);
    let found = evaluation
        .error
        .as_ref()
        .map(|error| (error.kind, error.span.text(expression)));
    assert_eq!(found, error, "{expression}");
    assert_eq!(
        parsed.is_match(&event),
        error.is_none() && value == Value::Boolean(true),
        "{expression}"
    );
}
