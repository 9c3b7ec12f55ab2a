//! The built-in functions.

use cesql::ErrorKind::{Cast, FunctionEvaluation, Generic, Math, MissingFunction};
use cesql::{Expression, Value};

use crate::{fails, gives};

#[test]
fn length_counts_characters() {
    gives("LENGTH('')", 0);
    gives("LENGTH('abc')", 3);
    gives("LENGTH(' a ')", 3);
    gives("LENGTH('Grüße 😀')", 7);
    gives("LENGTH('e\u{301}')", 2);
    gives("length(subject)", 7);
}

#[test]
fn concat_joins_any_number() {
    gives("CONCAT()", "");
    gives("CONCAT('a')", "a");
    gives("CONCAT('a', 'b', 'c')", "abc");
    gives("CONCAT('', '')", "");
    gives("CONCAT(type, '/', subject)", "order.placed/eu-1234");
}

#[test]
fn concat_ws_puts_its_first_argument_between_the_others() {
    gives("CONCAT_WS(',')", "");
    gives("CONCAT_WS(',', 'a')", "a");
    gives("CONCAT_WS(',', 'a', 'b', 'c')", "a,b,c");
    gives("CONCAT_WS(', ', '', '')", ", ");
    gives("concat_ws('', 1, 2)", "12");
    fails("CONCAT_WS()", false, MissingFunction, "CONCAT_WS()");
}

#[test]
fn lower_and_upper_know_unicode() {
    gives("LOWER('ABC')", "abc");
    gives("UPPER('abc')", "ABC");
    gives("LOWER('GRÜN')", "grün");
    gives("UPPER('straße')", "STRASSE");
    gives("LOWER(123)", "123");
}

#[test]
fn trim_takes_unicode_white_space_from_both_ends() {
    gives("TRIM('  a b  ')", "a b");
    gives("TRIM('\t\r\na\n')", "a");
    gives("TRIM('\u{a0}\u{2003}a\u{3000}')", "a");
    gives("TRIM('   ')", "");
    gives("TRIM('')", "");
    gives("TRIM('\u{200b}a\u{feff}')", "\u{200b}a\u{feff}");
}

#[test]
fn left_and_right_take_characters_from_an_end() {
    for (expression, value) in [
        ("LEFT('abc', 2)", "ab"),
        ("LEFT('abc', 0)", ""),
        ("LEFT('abc', 3)", "abc"),
        ("LEFT('abc', 10)", "abc"),
        ("LEFT('', 1)", ""),
        ("LEFT('ü😀x', 2)", "ü😀"),
        ("LEFT('abc', 2147483647)", "abc"),
        ("RIGHT('abc', 2)", "bc"),
        ("RIGHT('abc', 0)", ""),
        ("RIGHT('abc', 3)", "abc"),
        ("RIGHT('abc', 10)", "abc"),
        ("RIGHT('xü😀', 2)", "ü😀"),
        ("LEFT(UPPER('abc'), 1)", "A"),
    ] {
        gives(expression, value);
    }
}

#[test]
fn left_and_right_of_a_negative_number_fail_and_return_the_text() {
    fails("LEFT('abc', -2)", "abc", FunctionEvaluation, "LEFT('abc', -2)");
    fails("RIGHT('abc', -1)", "abc", FunctionEvaluation, "RIGHT('abc', -1)");
    fails(
        "LEFT('abc', -2147483648)",
        "abc",
        FunctionEvaluation,
        "LEFT('abc', -2147483648)",
    );
    fails(
        "CONCAT(LEFT('abc', -2), 'd')",
        "",
        FunctionEvaluation,
        "LEFT('abc', -2)",
    );
    fails(
        "LENGTH(LEFT('abc', -2))",
        0,
        FunctionEvaluation,
        "LEFT('abc', -2)",
    );
}

#[test]
fn substring_counts_from_one_and_from_the_end() {
    for (expression, value) in [
        ("SUBSTRING('abcdef', 1)", "abcdef"),
        ("SUBSTRING('abcdef', 3)", "cdef"),
        ("SUBSTRING('abcdef', 6)", "f"),
        ("SUBSTRING('abcdef', -1)", "f"),
        ("SUBSTRING('abcdef', -3)", "def"),
        ("SUBSTRING('abcdef', -6)", "abcdef"),
        ("SUBSTRING('abcdef', 0)", ""),
        ("SUBSTRING('', 0)", ""),
        ("SUBSTRING('ü😀x', 2)", "😀x"),
        ("SUBSTRING('xü😀', -2)", "ü😀"),
        ("SUBSTRING('abcdef', 2, 3)", "bcd"),
        ("SUBSTRING('abcdef', 2, 0)", ""),
        ("SUBSTRING('abcdef', 2, 100)", "bcdef"),
        ("SUBSTRING('abcdef', 2, 2147483647)", "bcdef"),
        ("SUBSTRING('abcdef', -3, 2)", "de"),
        ("SUBSTRING('abcdef', -3, 9)", "def"),
        ("SUBSTRING('abcdef', 0, 3)", ""),
        ("SUBSTRING('ü😀x', 1, 2)", "ü😀"),
        ("SUBSTRING(12345, 2, 2)", "23"),
    ] {
        gives(expression, value);
    }
}

#[test]
fn substring_outside_of_the_text_or_of_negative_length_fails_and_is_empty() {
    for expression in [
        "SUBSTRING('abc', 4)",
        "SUBSTRING('abc', -4)",
        "SUBSTRING('', 1)",
        "SUBSTRING('', -1)",
        "SUBSTRING('abc', 2147483647)",
        "SUBSTRING('abc', -2147483648)",
        "SUBSTRING('abc', 4, 1)",
        "SUBSTRING('abc', 1, -1)",
        "SUBSTRING('abc', -1, -1)",
        "SUBSTRING('abc', 1, -2147483648)",
    ] {
        fails(expression, "", FunctionEvaluation, expression);
    }
}

#[test]
fn abs_of_the_least_integer_is_the_greatest_and_a_math_error() {
    gives("ABS(-5)", 5);
    gives("ABS(5)", 5);
    gives("ABS(0)", 0);
    gives("ABS(-2147483647)", i32::MAX);
    fails("ABS(-2147483648)", i32::MAX, Math, "ABS(-2147483648)");
    fails("ABS(-2147483648) + 0", 0, Math, "ABS(-2147483648)");
}

#[test]
fn names_are_read_in_any_case_and_calls_may_be_spaced() {
    gives("length('a')", 1);
    gives("Length ('a')", 1);
    gives("int('1')", 1);
}

#[test]
fn an_unknown_function_or_number_of_arguments_is_missing_and_false() {
    for expression in [
        "NOSUCH()",
        "NOSUCH(1, 2)",
        "ABS()",
        "ABS(1, 2)",
        "LENGTH()",
        "LEFT('a')",
        "LEFT('a', 1, 2)",
        "SUBSTRING('a')",
        "SUBSTRING('a', 1, 2, 3)",
        "IS_INT('1')",
        "IS_BOOL('true')",
        "NOSUCH(missing)",
    ] {
        fails(expression, false, MissingFunction, expression);
    }
    fails("NOSUCH() + 1", 0, MissingFunction, "NOSUCH()");
    fails("LENGTH(NOSUCH())", 0, MissingFunction, "NOSUCH()");
    fails("ABS(INT('x'))", 0, Cast, "'x'");
}

#[test]
fn text_beyond_the_limit_is_refused_before_it_is_built() {
    let long = [("long", Value::from("x".repeat(60_000)))];
    let arguments = vec!["long"; 1000].join(", ");
    let once = format!("CONCAT({arguments})");
    let evaluation_of = |source: &str| {
        let expression = Expression::parse(source).unwrap();
        let evaluation = expression.evaluate(&long);
        (
            evaluation.value.into_owned(),
            evaluation.error.map(|error| error.kind),
        )
    };
    assert_eq!(evaluation_of(&once), (Value::from(""), Some(Generic)));
    assert_eq!(
        evaluation_of("LENGTH(CONCAT(long, long))"),
        (Value::from(120_000), None)
    );

    let many = vec!["LENGTH(UPPER(long))"; 1000].join(" XOR ");
    assert_eq!(evaluation_of(&many), (Value::from(false), Some(Generic)));
}
