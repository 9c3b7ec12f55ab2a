//! An expression that was compiled is evaluated without allocating.
//!
//! A program of its own, since an allocator counts for the whole process.

use std::alloc::System;

use cesql::{Expression, Value};
use stats_alloc::{Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

/// Fewest allocations of many evaluations: the test's own threads may allocate meanwhile.
fn allocations(expression: &str, subject: &str, expected: bool) -> usize {
    let expression = Expression::parse(expression).expect("an expression");
    let event = [
        ("id", Value::from("1")),
        ("type", Value::from("a")),
        ("subject", Value::from(subject)),
        ("count", Value::from(5)),
    ];
    let evaluations = (0..100).map(|_| {
        let region = Region::new(&ALLOCATOR);
        assert_eq!(expression.is_match(&event), expected);
        let change = region.change();
        change.allocations + change.reallocations
    });
    evaluations.min().expect("a hundred evaluations")
}

#[test]
fn a_compiled_expression_is_evaluated_without_allocating() {
    for (expression, subject, expected) in [
        ("type = 'a' AND subject LIKE 'x%'", "xylophone", true),
        ("type = 'a' AND subject LIKE 'x%'", "violin", false),
        ("type = 'b' AND subject LIKE 'x%'", "xylophone", false),
        ("subject LIKE '%lo_h%' AND count > 4", "xylophone", true),
        ("type IN ('b', 'a') OR EXISTS absent", "xylophone", true),
        ("absent = 'a'", "xylophone", false),
    ] {
        let allocations = allocations(expression, subject, expected);
        assert_eq!(allocations, 0, "{expression} allocated");
    }
}

#[test]
fn the_count_sees_an_allocation() {
    assert!(allocations("CONCAT(type, subject) = 'axylophone'", "xylophone", true) > 0);
}
