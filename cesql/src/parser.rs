//! Tokens to the syntax tree: precedence climbing over one list of tokens.
//!
//! Two places go beyond the grammar that the specification ships, and accept what it refuses:
//!
//! - a sign that touches digits belongs to the literal only where an operand may start, so that `4 -1` and `n-1`
//!   subtract instead of being two literals in a row;
//! - a doubled quote inside a string is that quote.
//!
//! The parser recurses once per parenthesis, call, set and prefix operator, and refuses to go deeper than
//! [`DEPTH_MAX`]. A tree it has built is never deeper than that either, although chains of operators are read by a
//! loop: every node is built with its depth beside it.

use crate::ast::{BinaryOperator, LogicalOperator, Node, NodeKind, Power};
use crate::lexer::{Token, TokenKind, tokens};
use crate::limits::{DEPTH_MAX, SOURCE_BYTES_MAX};
use crate::parse_error::{ParseError, ParseReason};
use crate::span::Span;
use crate::warning::Warning;

mod logic;
mod operand;

pub(crate) use operand::is_function_name;

/// The tree of `source` and what to tell its author.
pub(crate) fn parse(source: &str) -> Result<(Node, Vec<Warning>), ParseError> {
    if source.len() > SOURCE_BYTES_MAX {
        let reason = ParseReason::TooLong { bytes: source.len() };
        return Err(ParseError {
            reason,
            span: Span::new(0, source.len()),
        });
    }
    let tokens = tokens(source)?;
    let mut parser = Parser {
        source,
        tokens: &tokens,
        at: 0,
        level: 0,
        warnings: Vec::new(),
    };
    let parsed = parser.expression()?;
    parser.expect(TokenKind::End, "an operator or the end of the expression")?;
    Ok((parsed.node, parser.warnings))
}

struct Parser<'s> {
    source: &'s str,
    /// Never empty: the last is [`TokenKind::End`], and `at` stops there.
    tokens: &'s [Token],
    at: usize,
    /// Recursions now open.
    level: usize,
    warnings: Vec<Warning>,
}

/// A node in the making.
struct Parsed {
    node: Node,
    /// Nodes on the longest way down, this one included.
    depth: usize,
    /// What it covers, parentheses included; the node's own span leaves them out.
    extent: Span,
    parenthesised: bool,
}

/// Operators that follow their left operand, `AND`, `OR` and `XOR` apart.
enum Infix {
    Binary(BinaryOperator),
    Like { negated: bool },
    In { negated: bool },
}

impl Parsed {
    /// A node over operands of at most `below` levels.
    fn over(below: usize, kind: NodeKind, span: Span) -> Result<Self, ParseError> {
        let depth = below + 1;
        if depth > DEPTH_MAX {
            return Err(ParseError {
                reason: ParseReason::TooDeep,
                span,
            });
        }
        Ok(Self {
            node: Node::new(kind, span),
            depth,
            extent: span,
            parenthesised: false,
        })
    }

    fn leaf(kind: NodeKind, span: Span) -> Self {
        Self {
            node: Node::new(kind, span),
            depth: 1,
            extent: span,
            parenthesised: false,
        }
    }

    fn boxed(self) -> Box<Node> {
        Box::new(self.node)
    }
}

impl Infix {
    const fn power(&self) -> Power {
        match self {
            Self::Binary(operator) => operator.power(),
            Self::Like { .. } => Power::Like,
            Self::In { .. } => Power::In,
        }
    }
}

impl Parser<'_> {
    /// A whole expression: comparisons and tighter, joined by `AND`, `OR` and `XOR`.
    fn expression(&mut self) -> Result<Parsed, ParseError> {
        self.deeper(|parser| {
            let first = parser.climb(Power::Comparison)?;
            parser.logic(first)
        })
    }

    /// An operand and every operator after it that binds at least as tightly as `least`.
    fn climb(&mut self, least: Power) -> Result<Parsed, ParseError> {
        let mut left = self.operand()?;
        while let Some((infix, tokens)) = self.infix() {
            if infix.power() < least {
                break;
            }
            let operator = self.peek().span;
            self.warn_of_tight_not(&left, operator);
            self.at += tokens;
            left = match infix {
                Infix::Binary(operator) => self.binary(left, operator)?,
                Infix::Like { negated } => self.like(left, negated)?,
                Infix::In { negated } => self.membership(left, negated)?,
            };
        }
        Ok(left)
    }

    fn binary(&mut self, left: Parsed, operator: BinaryOperator) -> Result<Parsed, ParseError> {
        let right = self.climb(operator.power().tighter())?;
        let (depth, span) = (left.depth.max(right.depth), left.extent.to(right.extent));
        Parsed::over(
            depth,
            NodeKind::Binary {
                operator,
                left: left.boxed(),
                right: right.boxed(),
            },
            span,
        )
    }

    fn like(&mut self, operand: Parsed, negated: bool) -> Result<Parsed, ParseError> {
        let token = self.expect(TokenKind::Text, "a pattern: a string in quotes")?;
        let (depth, span) = (operand.depth, operand.extent.to(token.span));
        let pattern = self.unquoted(token).into();
        Parsed::over(
            depth,
            NodeKind::Like {
                operand: operand.boxed(),
                pattern,
                negated,
            },
            span,
        )
    }

    fn membership(&mut self, operand: Parsed, negated: bool) -> Result<Parsed, ParseError> {
        self.expect(TokenKind::LeftParen, "the set's opening parenthesis")?;
        if self.peek().kind == TokenKind::RightParen {
            return Err(self.unexpected("an element: a set is never empty"));
        }
        let (set, below, close) = self.list()?;
        let (depth, span) = (operand.depth.max(below), operand.extent.to(close));
        Parsed::over(
            depth,
            NodeKind::In {
                operand: operand.boxed(),
                set,
                negated,
            },
            span,
        )
    }

    /// The operator that stands here, if one does, and how many tokens it takes.
    fn infix(&self) -> Option<(Infix, usize)> {
        let kind = self.peek().kind;
        Some(
            match (kind, self.tokens.get(self.at + 1).map(|token| token.kind)) {
                (TokenKind::Like, _) => (Infix::Like { negated: false }, 1),
                (TokenKind::In, _) => (Infix::In { negated: false }, 1),
                (TokenKind::Not, Some(TokenKind::Like)) => (Infix::Like { negated: true }, 2),
                (TokenKind::Not, Some(TokenKind::In)) => (Infix::In { negated: true }, 2),
                _ => (Infix::Binary(binary_operator(kind)?), 1),
            },
        )
    }

    /// Runs `parse` one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        if self.level == DEPTH_MAX {
            return Err(ParseError {
                reason: ParseReason::TooDeep,
                span: self.peek().span,
            });
        }
        self.level += 1;
        let parsed = parse(self);
        self.level -= 1;
        parsed
    }

    fn peek(&self) -> Token {
        self.tokens[self.at]
    }

    /// The token here, stepping over it; the end stays.
    fn next(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    fn next_if(&mut self, kind: TokenKind) -> Option<Token> {
        (self.peek().kind == kind).then(|| self.next())
    }

    fn expect(&mut self, kind: TokenKind, expected: &'static str) -> Result<Token, ParseError> {
        self.next_if(kind).ok_or_else(|| self.unexpected(expected))
    }

    fn unexpected(&self, expected: &'static str) -> ParseError {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the end of the expression".to_owned(),
            _ => format!("`{}`", token.span.text(self.source)),
        };
        ParseError {
            reason: ParseReason::Unexpected { expected, found },
            span: token.span,
        }
    }
}

const fn binary_operator(kind: TokenKind) -> Option<BinaryOperator> {
    Some(match kind {
        TokenKind::Star => BinaryOperator::Multiply,
        TokenKind::Slash => BinaryOperator::Divide,
        TokenKind::Percent => BinaryOperator::Remainder,
        TokenKind::Plus => BinaryOperator::Add,
        TokenKind::Minus => BinaryOperator::Subtract,
        TokenKind::Equal => BinaryOperator::Equal,
        TokenKind::NotEqual => BinaryOperator::NotEqual,
        TokenKind::Less => BinaryOperator::Less,
        TokenKind::LessOrEqual => BinaryOperator::LessOrEqual,
        TokenKind::Greater => BinaryOperator::Greater,
        TokenKind::GreaterOrEqual => BinaryOperator::GreaterOrEqual,
        _ => return None,
    })
}

const fn logical_operator(kind: TokenKind) -> Option<LogicalOperator> {
    Some(match kind {
        TokenKind::And => LogicalOperator::And,
        TokenKind::Or => LogicalOperator::Or,
        TokenKind::Xor => LogicalOperator::Xor,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
