//! Arithmetic and comparison.

use cesql::ErrorKind::Math;

use crate::{fails, gives};

#[test]
fn arithmetic_is_that_of_32_bits() {
    for (expression, value) in [
        ("1 + 2", 3),
        ("1 - 2", -1),
        ("3 * -4", -12),
        ("7 / 2", 3),
        ("7 % 3", 1),
        ("-5", -5),
        ("-(5)", -5),
        ("--5", 5),
        ("- - 5", 5),
        ("2147483646 + 1", i32::MAX),
        ("-2147483647 - 1", i32::MIN),
        ("46340 * 46340", 2_147_395_600),
    ] {
        gives(expression, value);
    }
}

#[test]
fn a_sign_after_an_operand_is_an_operator_even_where_it_touches_digits() {
    for (expression, value) in [
        ("4 -1", 3),
        ("4-1", 3),
        ("4 +1", 5),
        ("4+1", 5),
        ("4 - -1", 5),
        ("4--1", 5),
        ("priority-1", 4),
    ] {
        gives(expression, value);
    }
}

#[test]
fn division_truncates_and_the_remainder_has_the_sign_of_the_dividend() {
    for (expression, value) in [
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("-7 / -2", 3),
        ("-7 % 3", -1),
        ("7 % -3", 1),
        ("-7 % -3", -1),
        ("0 / 5", 0),
    ] {
        gives(expression, value);
    }
}

#[test]
fn division_by_zero_is_a_math_error_and_zero() {
    fails("5 / 0", 0, Math, "5 / 0");
    fails("5 % 0", 0, Math, "5 % 0");
    fails("0 / 0", 0, Math, "0 / 0");
    fails("1 + 5 / (3 - 3)", 0, Math, "5 / (3 - 3)");
}

#[test]
fn a_result_outside_32_bits_is_a_math_error_and_zero() {
    for expression in [
        "2147483647 + 1",
        "-2147483648 - 1",
        "2147483647 * 2",
        "-2147483648 / -1",
        "-(-2147483648)",
        "- -2147483648",
        "--2147483648",
    ] {
        fails(expression, 0, Math, expression);
    }
}

#[test]
fn the_least_integer_by_minus_one_leaves_no_remainder() {
    gives("-2147483648 % -1", 0);
}

#[test]
fn order_compares_numbers() {
    for (expression, value) in [
        ("1 < 2", true),
        ("2 < 2", false),
        ("2 <= 2", true),
        ("3 <= 2", false),
        ("2 > 1", true),
        ("2 > 2", false),
        ("2 >= 2", true),
        ("1 >= 2", false),
        ("-1 < 0", true),
        ("-2147483648 < 2147483647", true),
        ("priority > 4", true),
    ] {
        gives(expression, value);
    }
}

#[test]
fn equality_compares_values_of_any_type() {
    for (expression, value) in [
        ("1 = 1", true),
        ("1 = 2", false),
        ("1 != 2", true),
        ("1 <> 2", true),
        ("1 <> 1", false),
        ("'a' = 'a'", true),
        ("'a' = 'A'", false),
        ("'a' != 'b'", true),
        ("true = true", true),
        ("true = false", false),
        ("true != false", true),
        ("'é' = 'e\u{301}'", false),
        ("type = 'order.placed'", true),
        ("priority = 5", true),
        ("urgent = true", true),
    ] {
        gives(expression, value);
    }
}
