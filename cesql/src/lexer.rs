//! Text to tokens: the lexical part of the grammar.
//!
//! White space is space, tab, carriage return and line feed. Words are runs of ASCII letters, digits and underscores;
//! keywords are recognised in any case; a run of digits alone is a number. Signs are tokens of their own: whether
//! `-1` is a literal or a subtraction depends on what stands before it, which is the parser's business.

use crate::parse_error::{ParseError, ParseReason};
use crate::span::Span;

/// A token and the bytes it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// The kinds of token. Content stays in the source, under the token's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An attribute's or a function's name.
    Word,
    /// Digits without a sign.
    Digits,
    /// A string with its quotes.
    Text,
    LeftParen,
    RightParen,
    Comma,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Xor,
    Not,
    Like,
    Exists,
    In,
    True,
    False,
    /// After the last character; every token list ends with one.
    End,
}

/// All tokens of `source`, the last of which is [`TokenKind::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<Token>, ParseError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = &source[at..];
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        at += rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else {
            tokens.push(Token {
                kind: TokenKind::End,
                span: Span::new(at, at),
            });
            return Ok(tokens);
        };
        let (kind, bytes) = token(first, trimmed).map_err(|reason| {
            let end = if matches!(reason, ParseReason::UnclosedString(_)) {
                source.len()
            } else {
                at + first.len_utf8()
            };
            ParseError {
                reason,
                span: Span::new(at, end),
            }
        })?;
        tokens.push(Token {
            kind,
            span: Span::new(at, at + bytes),
        });
        at += bytes;
    }
}

/// The kind and the length in bytes of the token that `text` starts with.
fn token(first: char, text: &str) -> Result<(TokenKind, usize), ParseReason> {
    match first {
        '\'' | '"' => string_bytes(first, text).map(|bytes| (TokenKind::Text, bytes)),
        '_' | 'a'..='z' | 'A'..='Z' | '0'..='9' => {
            let bytes = text
                .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
                .unwrap_or(text.len());
            Ok((word(&text[..bytes]), bytes))
        }
        _ => symbol(first, text[first.len_utf8()..].chars().next())
            .ok_or(ParseReason::UnexpectedCharacter(first)),
    }
}

/// The length of the string that `text` starts with, quotes included. A backslash and the character after it stay
/// together, so that neither `\'` nor `\\` closes; a doubled quote does not close either.
fn string_bytes(quote: char, text: &str) -> Result<usize, ParseReason> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Ok(at + 1);
        }
    }
    Err(ParseReason::UnclosedString(quote))
}

/// What a run of letters, digits and underscores is: a keyword, a number or a name.
pub(crate) fn word(text: &str) -> TokenKind {
    const KEYWORDS: [(&str, TokenKind); 9] = [
        ("AND", TokenKind::And),
        ("OR", TokenKind::Or),
        ("XOR", TokenKind::Xor),
        ("NOT", TokenKind::Not),
        ("LIKE", TokenKind::Like),
        ("EXISTS", TokenKind::Exists),
        ("IN", TokenKind::In),
        ("TRUE", TokenKind::True),
        ("FALSE", TokenKind::False),
    ];
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return TokenKind::Digits;
    }
    KEYWORDS
        .iter()
        .find(|(keyword, _)| keyword.eq_ignore_ascii_case(text))
        .map_or(TokenKind::Word, |(_, kind)| *kind)
}

fn symbol(first: char, second: Option<char>) -> Option<(TokenKind, usize)> {
    Some(match (first, second) {
        ('!', Some('=')) | ('<', Some('>')) => (TokenKind::NotEqual, 2),
        ('<', Some('=')) => (TokenKind::LessOrEqual, 2),
        ('>', Some('=')) => (TokenKind::GreaterOrEqual, 2),
        ('<', _) => (TokenKind::Less, 1),
        ('>', _) => (TokenKind::Greater, 1),
        ('=', _) => (TokenKind::Equal, 1),
        ('(', _) => (TokenKind::LeftParen, 1),
        (')', _) => (TokenKind::RightParen, 1),
        (',', _) => (TokenKind::Comma, 1),
        ('+', _) => (TokenKind::Plus, 1),
        ('-', _) => (TokenKind::Minus, 1),
        ('*', _) => (TokenKind::Star, 1),
        ('/', _) => (TokenKind::Slash, 1),
        ('%', _) => (TokenKind::Percent, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
