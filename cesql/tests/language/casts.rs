//! Conversions: by function, and implied by operators and parameters.

use cesql::ErrorKind::Cast;

use crate::{fails, gives};

#[test]
fn int_reads_decimal_text_and_truth_values() {
    for (expression, value) in [
        ("INT('0')", 0),
        ("INT('42')", 42),
        ("INT('+42')", 42),
        ("INT('-42')", -42),
        ("INT('007')", 7),
        ("INT('-0')", 0),
        ("INT('2147483647')", i32::MAX),
        ("INT('-2147483648')", i32::MIN),
        ("INT(true)", 1),
        ("INT(false)", 0),
        ("INT(7)", 7),
        ("INT(hop)", 41),
    ] {
        gives(expression, value);
    }
}

#[test]
fn int_refuses_what_is_no_decimal_of_32_bits() {
    for text in [
        "",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "abc",
        "+",
        "-",
        "--1",
        "2147483648",
        "-2147483649",
        "١",
        "true",
    ] {
        fails(&format!("INT('{text}')"), 0, Cast, &format!("'{text}'"));
    }
}

#[test]
fn bool_reads_true_and_false_in_any_case_and_numbers() {
    for (expression, value) in [
        ("BOOL('true')", true),
        ("BOOL('TRUE')", true),
        ("BOOL('tRuE')", true),
        ("BOOL('false')", false),
        ("BOOL('FALSE')", false),
        ("BOOL(0)", false),
        ("BOOL(1)", true),
        ("BOOL(-1)", true),
        ("BOOL(2147483647)", true),
        ("BOOL(true)", true),
    ] {
        gives(expression, value);
    }
    for text in ["", "yes", "1", "0", "t", " true", "true "] {
        fails(&format!("BOOL('{text}')"), false, Cast, &format!("'{text}'"));
    }
}

#[test]
fn string_writes_the_canonical_form() {
    for (expression, value) in [
        ("STRING(0)", "0"),
        ("STRING(-42)", "-42"),
        ("STRING(+42)", "42"),
        ("STRING(TRUE)", "true"),
        ("STRING(False)", "false"),
        ("STRING('x')", "x"),
        ("STRING(priority)", "5"),
    ] {
        gives(expression, value);
    }
}

#[test]
fn the_right_operand_of_equality_decides_the_type() {
    for (expression, value) in [
        ("'TRUE' = true", true),
        ("true = 'TRUE'", false),
        ("true = 'true'", true),
        ("'1' = 1", true),
        ("1 = '1'", true),
        ("'01' = 1", true),
        ("1 = '01'", false),
        ("1 = true", true),
        ("2 = true", true),
        ("true = 2", false),
        ("true = 1", true),
        ("0 = false", true),
        ("1 = 'abc'", false),
        ("1 != 'abc'", true),
        ("hop = 41", true),
        ("priority = '5'", true),
        ("urgent = 'true'", true),
    ] {
        gives(expression, value);
    }
    fails("'abc' = 1", false, Cast, "'abc'");
    fails("'abc' != true", false, Cast, "'abc'");
    fails("'abc' = true", false, Cast, "'abc'");
    fails("'1' = true", false, Cast, "'1'");
}

#[test]
fn order_and_arithmetic_cast_to_integer() {
    gives("'10' > '9'", true);
    gives("'10' + '9'", 19);
    gives("true + true", 2);
    gives("-'5'", -5);
    gives("-true", -1);
    gives("hop < 42", true);
    fails("'b' > 'a'", false, Cast, "'b'");
    fails("1 < 'a'", false, Cast, "'a'");
    fails("'1' + 'a'", 0, Cast, "'a'");
    fails("'a' + 'b'", 0, Cast, "'a'");
    fails("-'a'", 0, Cast, "'a'");
    fails("time > 1", false, Cast, "time");
}

#[test]
fn logic_casts_to_boolean() {
    gives("NOT 'false'", true);
    gives("NOT 0", true);
    gives("NOT 7", false);
    gives("'TRUE' AND 1", true);
    gives("0 OR 'true'", true);
    gives("1 XOR 'false'", true);
    fails("NOT 'a'", false, Cast, "'a'");
    fails("'a' AND true", false, Cast, "'a'");
    fails("false OR 'a'", false, Cast, "'a'");
    fails("true XOR 'a'", false, Cast, "'a'");
}

#[test]
fn like_casts_to_string() {
    gives("123 LIKE '1_3'", true);
    gives("true LIKE 't%'", true);
    gives("priority LIKE '5'", true);
}

#[test]
fn the_value_looked_for_decides_the_type_of_a_set() {
    gives("1 IN ('1', 2)", true);
    gives("'1' IN (1, 2)", true);
    gives("'01' IN (1, 2)", false);
    gives("1 IN ('01')", true);
    gives("true IN ('TRUE')", true);
    gives("'TRUE' IN (true)", false);
    gives("true IN (7)", true);
    fails("1 IN ('a', 1)", false, Cast, "'a'");
    fails("true IN ('a')", false, Cast, "'a'");
    fails("1 NOT IN ('a')", false, Cast, "'a'");
}

#[test]
fn a_set_is_cast_no_further_than_the_element_found() {
    gives("1 IN (1, 'a')", true);
    gives("1 NOT IN (1, 'a')", false);
}

#[test]
fn arguments_are_cast_to_parameters() {
    gives("LENGTH(12345)", 5);
    gives("LENGTH(true)", 4);
    gives("ABS('-7')", 7);
    gives("LEFT(12345, '2')", "12");
    gives("CONCAT(1, true, 'x')", "1truex");
    fails("ABS('x')", 0, Cast, "'x'");
    fails("LEFT('abc', 'x')", "", Cast, "'x'");
}
