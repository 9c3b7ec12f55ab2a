//! A tree as the text of an expression that parses to the same tree.

use std::fmt;

use super::{LogicalOperator, Node, NodeKind, Power, UnaryOperator};
use crate::value::Value;

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => literal(f, value),
            Self::Attribute(name) => f.write_str(name),
            Self::Exists(name) => write!(f, "EXISTS {name}"),
            Self::Unary { operator, operand } => unary(f, *operator, operand),
            Self::Binary {
                operator,
                left,
                right,
            } => {
                operand(f, left, operator.power())?;
                write!(f, " {} ", operator.as_str())?;
                operand(f, right, operator.power().tighter())
            }
            Self::Logical { operator, operands } => logical(f, *operator, operands),
            Self::Like {
                operand: left,
                pattern,
                negated,
            } => {
                operand(f, left, Power::Like)?;
                f.write_str(if *negated { " NOT LIKE " } else { " LIKE " })?;
                quoted(f, pattern)
            }
            Self::In {
                operand: left,
                set,
                negated,
            } => {
                operand(f, left, Power::In)?;
                f.write_str(if *negated { " NOT IN " } else { " IN " })?;
                list(f, set)
            }
            Self::Call { name, arguments } => {
                f.write_str(name)?;
                list(f, arguments)
            }
        }
    }
}

/// An operand, in parentheses when it binds less tightly than its place asks, or when it is a `NOT`, which would read
/// as if it took in the operator that follows.
fn operand(f: &mut fmt::Formatter<'_>, node: &Node, least: Power) -> fmt::Result {
    let not = matches!(
        node.kind,
        NodeKind::Unary {
            operator: UnaryOperator::Not,
            ..
        }
    );
    parenthesised(f, node, not || node.kind.power() < least)
}

/// A minus right before digits would make them a negative literal, so those get parentheses.
fn unary(f: &mut fmt::Formatter<'_>, operator: UnaryOperator, node: &Node) -> fmt::Result {
    let parentheses = match (operator, &node.kind) {
        (UnaryOperator::Minus, NodeKind::Literal(Value::Integer(number))) => *number >= 0,
        (_, kind) => kind.power() < Power::Unary,
    };
    f.write_str(match operator {
        UnaryOperator::Not => "NOT ",
        UnaryOperator::Minus => "-",
    })?;
    parenthesised(f, node, parentheses)
}

fn parenthesised(f: &mut fmt::Formatter<'_>, node: &Node, parentheses: bool) -> fmt::Result {
    if parentheses {
        write!(f, "({node})")
    } else {
        write!(f, "{node}")
    }
}

/// Operands that are runs themselves get parentheses even where none are needed, against misreading.
fn logical(f: &mut fmt::Formatter<'_>, operator: LogicalOperator, operands: &[Node]) -> fmt::Result {
    separated(f, operands, &format!(" {} ", operator.as_str()), |f, node| {
        parenthesised(f, node, node.kind.power() == Power::Logic)
    })
}

fn literal(f: &mut fmt::Formatter<'_>, value: &Value<'_>) -> fmt::Result {
    match value {
        Value::String(text) => quoted(f, text),
        Value::Integer(_) | Value::Boolean(_) => write!(f, "{value}"),
    }
}

fn list(f: &mut fmt::Formatter<'_>, nodes: &[Node]) -> fmt::Result {
    f.write_str("(")?;
    separated(f, nodes, ", ", |f, node| write!(f, "{node}"))?;
    f.write_str(")")
}

fn separated(
    f: &mut fmt::Formatter<'_>,
    nodes: &[Node],
    separator: &str,
    mut each: impl FnMut(&mut fmt::Formatter<'_>, &Node) -> fmt::Result,
) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        each(f, node)?;
    }
    Ok(())
}

/// Quotes `text` so that it reads back. A backslash has no escape of its own, so a quote after an odd number of them
/// can only stand in a string of the other quote; what the parser read always fits one of the two.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if fits(text, '\'') { '\'' } else { '"' };
    write!(f, "{quote}")?;
    for (index, part) in text.split(quote).enumerate() {
        if index > 0 {
            write!(f, "\\{quote}")?;
        }
        f.write_str(part)?;
    }
    write!(f, "{quote}")
}

/// Whether no `quote` in `text` follows an odd number of backslashes.
fn fits(text: &str, quote: char) -> bool {
    let mut odd = false;
    for character in text.chars() {
        if character == quote && odd {
            return false;
        }
        odd = character == '\\' && !odd;
    }
    true
}
