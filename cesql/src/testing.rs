//! Generated syntax trees, for the tests of several modules.

use proptest::prelude::*;

use crate::ast::{BinaryOperator, LogicalOperator, Node, NodeKind, UnaryOperator};
use crate::span::Span;
use crate::value::Value;

/// Attribute names that generated trees mention.
pub(crate) const NAMES: [&str; 5] = ["text", "number", "truth", "digits", "missing"];

/// Any tree the parser could have made, a few levels deep.
pub(crate) fn tree() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            (unary(), inner.clone()).prop_map(|(operator, operand)| {
                NodeKind::Unary {
                    operator,
                    operand: Box::new(operand),
                }
            }),
            (binary(), inner.clone(), inner.clone()).prop_map(|(operator, left, right)| {
                NodeKind::Binary {
                    operator,
                    left: Box::new(left),
                    right: Box::new(right),
                }
            }),
            (logical(), prop::collection::vec(inner.clone(), 2..4))
                .prop_map(|(operator, operands)| NodeKind::Logical { operator, operands }),
            (inner.clone(), text(), any::<bool>()).prop_map(|(operand, pattern, negated)| {
                NodeKind::Like {
                    operand: Box::new(operand),
                    pattern: pattern.into(),
                    negated,
                }
            }),
            (
                inner.clone(),
                prop::collection::vec(inner.clone(), 1..4),
                any::<bool>()
            )
                .prop_map(|(operand, set, negated)| NodeKind::In {
                    operand: Box::new(operand),
                    set,
                    negated
                }),
            (function(), prop::collection::vec(inner, 0..4)).prop_map(|(name, arguments)| NodeKind::Call {
                name: name.into(),
                arguments
            }),
        ]
        .prop_map(node)
    })
}

fn node(kind: NodeKind) -> Node {
    Node::new(kind, Span::default())
}

fn leaf() -> impl Strategy<Value = Node> {
    let name = || prop::sample::select(&NAMES);
    prop_oneof![
        text().prop_map(|text| NodeKind::Literal(Value::from(text))),
        integer().prop_map(|number| NodeKind::Literal(Value::from(number))),
        any::<bool>().prop_map(|truth| NodeKind::Literal(Value::from(truth))),
        name().prop_map(|name| NodeKind::Attribute(name.into())),
        name().prop_map(|name| NodeKind::Exists(name.into())),
    ]
    .prop_map(node)
}

/// Text that some literal spells: a backslash is always followed by something that is no quote.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"([a%_'"ü😀]|\\[a%_ü\\]){0,6}"#,
        prop::sample::select(&["", "true", "FALSE", "0", "-1", "7", "2147483647"]).prop_map(str::to_owned),
    ]
}

fn integer() -> impl Strategy<Value = i32> {
    prop_oneof![
        -3..10_i32,
        prop::sample::select(&[i32::MIN, i32::MIN + 1, i32::MAX])
    ]
}

fn unary() -> impl Strategy<Value = UnaryOperator> {
    prop::sample::select(&[UnaryOperator::Not, UnaryOperator::Minus])
}

fn logical() -> impl Strategy<Value = LogicalOperator> {
    prop::sample::select(&[LogicalOperator::And, LogicalOperator::Or, LogicalOperator::Xor])
}

fn binary() -> impl Strategy<Value = BinaryOperator> {
    prop::sample::select(&[
        BinaryOperator::Multiply,
        BinaryOperator::Divide,
        BinaryOperator::Remainder,
        BinaryOperator::Add,
        BinaryOperator::Subtract,
        BinaryOperator::Equal,
        BinaryOperator::NotEqual,
        BinaryOperator::Less,
        BinaryOperator::LessOrEqual,
        BinaryOperator::Greater,
        BinaryOperator::GreaterOrEqual,
    ])
}

fn function() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&[
        "INT",
        "BOOL",
        "STRING",
        "ABS",
        "LENGTH",
        "CONCAT",
        "CONCAT_WS",
        "LOWER",
        "UPPER",
        "TRIM",
        "LEFT",
        "RIGHT",
        "SUBSTRING",
        "NOSUCH",
    ])
}
