//! What binds to what: the canonical form says how an expression was read.

use crate::{gives, parsed};

#[track_caller]
fn reads(expression: &str, as_if: &str) {
    let tree = |source| parsed(source).tree().clone();
    assert_eq!(
        tree(expression),
        tree(as_if),
        "{expression} is {}",
        tree(expression)
    );
}

#[test]
fn multiplication_before_addition_before_comparison_before_logic() {
    reads("1 + 2 * 3 = 7 AND true", "((1 + (2 * 3)) = 7) AND true");
    reads("a * b + c / d - e % f", "((a * b) + (c / d)) - (e % f)");
    gives("1 + 2 * 3", 7);
    gives("(1 + 2) * 3", 9);
    gives("10 - 4 = 3 * 2", true);
}

#[test]
fn operators_of_one_level_are_read_from_the_left() {
    reads("a - b - c", "(a - b) - c");
    reads("a - b + c", "(a - b) + c");
    reads("a / b * c", "(a / b) * c");
    reads("a = b != c", "(a = b) != c");
    reads("a < b = true", "(a < b) = true");
    gives("10 - 4 - 3", 3);
    gives("100 / 10 / 5", 2);
    gives("1 = 1 = true", true);
}

#[test]
fn not_and_minus_bind_tighter_than_all_others() {
    reads("NOT a = b", "(NOT a) = b");
    reads("NOT a LIKE 'x'", "(NOT a) LIKE 'x'");
    reads("NOT a IN (1)", "(NOT a) IN (1)");
    reads("NOT a AND b", "(NOT a) AND b");
    reads("-a + b", "(-a) + b");
    reads("-a * b", "(-a) * b");
    reads("a * -b", "a * (-b)");
    reads("NOT LENGTH(a)", "NOT (LENGTH(a))");
    reads("NOT EXISTS a", "NOT (EXISTS a)");
    reads("- NOT - a", "-(NOT (-a))");
}

#[test]
fn like_binds_tighter_than_in_and_both_tighter_than_arithmetic() {
    reads("a LIKE 'x' IN (b)", "(a LIKE 'x') IN (b)");
    reads("a IN (b) LIKE 'x'", "(a IN (b)) LIKE 'x'");
    reads("a + b LIKE 'x'", "a + (b LIKE 'x')");
    reads("a * b IN (c)", "a * (b IN (c))");
    reads("a = b LIKE 'x'", "a = (b LIKE 'x')");
    reads("a = b NOT IN (c)", "a = (b NOT IN (c))");
    reads("EXISTS a LIKE 'true'", "(EXISTS a) LIKE 'true'");
    reads("a LIKE 'x' AND b LIKE 'y'", "(a LIKE 'x') AND (b LIKE 'y')");
}

#[test]
fn and_or_xor_share_one_level_read_from_the_right() {
    reads("a AND b OR c", "a AND (b OR c)");
    reads("a OR b AND c", "a OR (b AND c)");
    reads("a XOR b AND c OR d", "a XOR (b AND (c OR d))");
    reads(
        "a AND b AND c OR d OR e AND f",
        "a AND b AND (c OR d OR (e AND f))",
    );
    reads("a OR b = c AND d", "a OR ((b = c) AND d)");
    gives("false AND true OR true", false);
    gives("(false AND true) OR true", true);
    gives("true OR true AND false", true);
    gives("(true OR true) AND false", false);
}

#[test]
fn parentheses_change_the_order_and_nothing_else() {
    reads("((a))", "a");
    reads("(a) = (b)", "a = b");
    reads("NOT (a = b)", "NOT (a = b)");
    gives("NOT (type = 'x')", true);
    gives("-(1 + 2)", -3);
}
