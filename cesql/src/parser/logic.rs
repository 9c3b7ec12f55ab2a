//! Runs of `AND`, `OR` and `XOR`, and the warnings about what is easily misread.

use std::mem;

use super::{Parsed, Parser, logical_operator};
use crate::ast::{LogicalOperator, Node, NodeKind, Power, UnaryOperator};
use crate::parse_error::ParseError;
use crate::span::Span;
use crate::warning::{Warning, WarningKind};

/// A reading longer than this, in bytes, is left out of a warning.
const READING_BYTES_MAX: usize = 200;

impl Parser<'_> {
    /// The rest of a run that starts with `first`. All three operators share one level and are read from the right:
    /// `a AND b OR c` is `a AND (b OR c)`. Operands joined by the same operator become one node.
    pub(super) fn logic(&mut self, first: Parsed) -> Result<Parsed, ParseError> {
        let (mut lefts, mut operators, mut last) = (Vec::new(), Vec::new(), first);
        let mut mixed = None;
        while let Some(operator) = logical_operator(self.peek().kind) {
            let span = self.next().span;
            if let Some(before) = operators.last().filter(|before| **before != operator) {
                mixed.get_or_insert((*before, operator, span));
            }
            operators.push(operator);
            lefts.push(mem::replace(&mut last, self.climb(Power::Comparison)?));
        }
        let parsed = fold(lefts, &operators, last)?;
        if let Some((before, operator, span)) = mixed {
            self.warnings
                .push(mixed_logic(before, operator, &parsed.node, span));
        }
        Ok(parsed)
    }

    /// Warns when `left` is a `NOT` without parentheses, and the operator at `span` is outside of it.
    pub(super) fn warn_of_tight_not(&mut self, left: &Parsed, span: Span) {
        if let NodeKind::Unary {
            operator: UnaryOperator::Not,
            ..
        } = left.node.kind
            && !left.parenthesised
        {
            let message = format!(
                "NOT applies only to the value after it, before `{}`; write NOT (...) to negate the whole, \
                 or (NOT ...) if this is meant",
                span.text(self.source)
            );
            self.warnings.push(Warning {
                kind: WarningKind::TightNot,
                message,
                span,
            });
        }
    }
}

/// Folds a run from the right: `lefts[i]` stands left of `operators[i]`, and `last` after them all.
fn fold(lefts: Vec<Parsed>, operators: &[LogicalOperator], last: Parsed) -> Result<Parsed, ParseError> {
    let mut right = last;
    // Operands with the same operator on both sides, from the right.
    let mut between = Vec::new();
    for (index, left) in lefts.into_iter().enumerate().rev() {
        let operator = operators[index];
        if index > 0 && operators[index - 1] == operator {
            between.push(left);
        } else {
            right = joined(operator, left, mem::take(&mut between), right)?;
        }
    }
    Ok(right)
}

fn joined(
    operator: LogicalOperator,
    left: Parsed,
    between: Vec<Parsed>,
    right: Parsed,
) -> Result<Parsed, ParseError> {
    let span = left.extent.to(right.extent);
    let depth = between
        .iter()
        .map(|parsed| parsed.depth)
        .fold(left.depth.max(right.depth), usize::max);
    let mut operands = Vec::with_capacity(between.len() + 2);
    operands.push(left.node);
    operands.extend(between.into_iter().rev().map(|parsed| parsed.node));
    operands.push(right.node);
    Parsed::over(depth, NodeKind::Logical { operator, operands }, span)
}

fn mixed_logic(before: LogicalOperator, operator: LogicalOperator, read: &Node, span: Span) -> Warning {
    let mut message = format!(
        "{} and {} are mixed without parentheses and read from the right",
        before.as_str(),
        operator.as_str()
    );
    let reading = read.to_string();
    if reading.len() <= READING_BYTES_MAX {
        message += &format!(", as `{reading}`");
    }
    message += "; write the parentheses you mean";
    Warning {
        kind: WarningKind::MixedLogic,
        message,
        span,
    }
}
