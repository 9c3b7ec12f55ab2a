//! What an operator takes: literals, attributes, calls, parentheses, and the prefix operators before them.

use std::borrow::Cow;

use super::{Parsed, Parser};
use crate::ast::{Node, NodeKind, UnaryOperator};
use crate::lexer::{Token, TokenKind, word};
use crate::parse_error::{ParseError, ParseReason};
use crate::span::Span;
use crate::value::Value;

const OPERAND: &str = "a value: an attribute, a literal, a function or an opening parenthesis";

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Result<Parsed, ParseError> {
        let token = self.peek();
        match token.kind {
            TokenKind::Text => {
                self.next();
                let text = Value::String(Cow::Owned(self.unquoted(token)));
                Ok(Parsed::leaf(NodeKind::Literal(text), token.span))
            }
            TokenKind::True | TokenKind::False => {
                self.next();
                let truth = Value::Boolean(token.kind == TokenKind::True);
                Ok(Parsed::leaf(NodeKind::Literal(truth), token.span))
            }
            TokenKind::Digits => {
                self.next();
                self.integer(token.span)
            }
            TokenKind::Plus | TokenKind::Minus => self.signed(token),
            TokenKind::Not => self.prefixed(UnaryOperator::Not),
            TokenKind::Exists => self.exists(),
            TokenKind::LeftParen => self.parentheses(),
            TokenKind::Word => self.word(),
            _ => Err(self.unexpected(OPERAND)),
        }
    }

    /// `(a, b)` from after its opening parenthesis: the elements, their greatest depth, and the closing parenthesis.
    pub(super) fn list(&mut self) -> Result<(Vec<Node>, usize, Span), ParseError> {
        let (mut nodes, mut below) = (Vec::new(), 0);
        if let Some(close) = self.next_if(TokenKind::RightParen) {
            return Ok((nodes, below, close.span));
        }
        loop {
            let parsed = self.expression()?;
            below = below.max(parsed.depth);
            nodes.push(parsed.node);
            if self.next_if(TokenKind::Comma).is_none() {
                let close = self.expect(TokenKind::RightParen, "`,` or `)`")?;
                return Ok((nodes, below, close.span));
            }
        }
    }

    /// What a string token means. Only its own quote can be escaped, by a backslash or by doubling it; every other
    /// backslash is itself, so that `\%` reaches LIKE.
    pub(super) fn unquoted(&self, token: Token) -> String {
        let quoted = token.span.text(self.source);
        let mut inside = quoted.chars();
        let quote = inside.next();
        inside.next_back();
        let mut text = String::with_capacity(quoted.len());
        while let Some(character) = inside.next() {
            if Some(character) == quote {
                inside.next();
                text.push(character);
            } else if character == '\\' {
                let escaped = inside.next();
                if escaped != quote {
                    text.push(character);
                }
                text.extend(escaped);
            } else {
                text.push(character);
            }
        }
        text
    }

    /// A sign: part of the literal when it touches digits, else the minus operator.
    fn signed(&mut self, sign: Token) -> Result<Parsed, ParseError> {
        let after = self.tokens.get(self.at + 1).copied();
        if let Some(digits) =
            after.filter(|token| token.kind == TokenKind::Digits && token.span.start == sign.span.end)
        {
            self.at += 2;
            return self.integer(sign.span.to(digits.span));
        }
        match sign.kind {
            TokenKind::Minus => self.prefixed(UnaryOperator::Minus),
            _ => Err(self.unexpected(OPERAND)),
        }
    }

    fn integer(&self, span: Span) -> Result<Parsed, ParseError> {
        let number = span.text(self.source).parse().map_err(|_| ParseError {
            reason: ParseReason::IntegerOutOfRange,
            span,
        })?;
        Ok(Parsed::leaf(NodeKind::Literal(Value::Integer(number)), span))
    }

    fn prefixed(&mut self, operator: UnaryOperator) -> Result<Parsed, ParseError> {
        let start = self.next().span;
        let operand = self.deeper(Self::operand)?;
        let (depth, span) = (operand.depth, start.to(operand.extent));
        Parsed::over(
            depth,
            NodeKind::Unary {
                operator,
                operand: operand.boxed(),
            },
            span,
        )
    }

    fn exists(&mut self) -> Result<Parsed, ParseError> {
        let start = self.next().span;
        let token = self.expect(TokenKind::Word, "an attribute name without parentheses")?;
        let name = self.attribute_name(token)?;
        Ok(Parsed::leaf(NodeKind::Exists(name), start.to(token.span)))
    }

    fn parentheses(&mut self) -> Result<Parsed, ParseError> {
        let open = self.next().span;
        let inside = self.expression()?;
        let close = self.expect(TokenKind::RightParen, "an operator or `)`")?;
        Ok(Parsed {
            extent: open.to(close.span),
            parenthesised: true,
            ..inside
        })
    }

    /// A function when a parenthesis follows, else an attribute.
    fn word(&mut self) -> Result<Parsed, ParseError> {
        let token = self.next();
        if self.next_if(TokenKind::LeftParen).is_none() {
            return Ok(Parsed::leaf(
                NodeKind::Attribute(self.attribute_name(token)?),
                token.span,
            ));
        }
        let written = token.span.text(self.source);
        if !is_function_name(written) {
            let reason = ParseReason::InvalidFunctionName(written.to_owned());
            return Err(ParseError {
                reason,
                span: token.span,
            });
        }
        let name = written.to_ascii_uppercase().into();
        let (arguments, below, close) = self.list()?;
        Parsed::over(below, NodeKind::Call { name, arguments }, token.span.to(close))
    }

    fn attribute_name(&self, token: Token) -> Result<Box<str>, ParseError> {
        let written = token.span.text(self.source);
        if written.contains('_') {
            let reason = ParseReason::InvalidAttributeName(written.to_owned());
            return Err(ParseError {
                reason,
                span: token.span,
            });
        }
        Ok(written.to_ascii_lowercase().into())
    }
}

/// Whether the grammar can call a function of this name: letters and underscores, a letter first, and no keyword.
pub(crate) fn is_function_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && word(name) == TokenKind::Word
        && name
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_alphabetic())
}
