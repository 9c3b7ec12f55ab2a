//! Valid expressions that are easily misread.

use cesql::WarningKind::{self, MissingFunction, MixedLogic, TightNot};
use cesql::{Expression, Function, Functions, Parameter, Type};

use crate::parsed;

#[track_caller]
fn warns(source: &str, expected: &[(WarningKind, &str, usize)]) {
    let expression = parsed(source);
    let found: Vec<_> = expression
        .warnings()
        .iter()
        .map(|warning| (warning.kind, warning.span.text(source), warning.span.start))
        .collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn mixed_logic_is_reported_at_the_operator_that_mixes() {
    warns("a AND b OR c", &[(MixedLogic, "OR", 8)]);
    warns("a XOR b AND c", &[(MixedLogic, "AND", 8)]);
    warns("a OR b OR c xor d AND e", &[(MixedLogic, "xor", 12)]);
    warns("x = 1 AND (a OR b AND c)", &[(MixedLogic, "AND", 18)]);
    warns("ABS(a OR b AND c)", &[(MixedLogic, "AND", 11)]);
}

#[test]
fn parentheses_and_runs_of_one_operator_draw_no_warning() {
    warns("a AND b AND c", &[]);
    warns("a AND (b OR c)", &[]);
    warns("(a AND b) OR (c AND d)", &[]);
    warns("a OR b OR c", &[]);
}

#[test]
fn a_not_before_another_operator_is_reported_there() {
    warns("NOT type = 'a'", &[(TightNot, "=", 9)]);
    warns("NOT type LIKE 'a'", &[(TightNot, "LIKE", 9)]);
    warns("a AND NOT type IN ('a')", &[(TightNot, "IN", 15)]);
    warns("(NOT urgent) = true", &[]);
    warns("NOT (type = 'a')", &[]);
    warns("NOT urgent AND NOT EXISTS a", &[]);
    warns("type NOT LIKE 'a'", &[]);
}

#[test]
fn a_warning_shows_how_the_expression_is_read() {
    let expression = parsed("a AND b OR c");
    assert_eq!(
        expression.warnings()[0].to_string(),
        "AND and OR are mixed without parentheses and read from the right, as `a AND (b OR c)`; \
         write the parentheses you mean (at 8..10)"
    );
}

/// Section 3.4 leaves a function that does not exist to the evaluation; whoever writes a filter wants to know before.
#[test]
fn a_call_that_no_function_takes_is_reported_wherever_it_stands() {
    warns("LENGHT(id) > 3", &[(MissingFunction, "LENGHT(id)", 0)]);
    warns("left(id)", &[(MissingFunction, "left(id)", 0)]);
    warns(
        "NOT (-A() IN (1, B())) AND c LIKE 'C()' AND ABS(D(E())) = 1",
        &[
            (MissingFunction, "A()", 6),
            (MissingFunction, "B()", 17),
            (MissingFunction, "D(E())", 48),
        ],
    );
    warns("D() LIKE 'x' OR EXISTS e", &[(MissingFunction, "D()", 0)]);
}

#[test]
fn a_function_of_your_own_is_not_reported_as_missing() {
    let mut functions = Functions::new();
    let same = Function::new("same", [Parameter::Any], Type::Boolean, |arguments| {
        Ok(arguments[0].clone())
    });
    functions.register(same).expect("the name is free");
    let expression = Expression::parse_with("SAME(a) AND SAME()", &functions).expect("it parses");
    let spans: Vec<_> = expression
        .warnings()
        .iter()
        .map(|warning| warning.span.start)
        .collect();
    assert_eq!(spans, [12]);
    assert!(functions.names().any(|name| name == "SAME") && functions.names().any(|name| name == "LENGTH"));
}
