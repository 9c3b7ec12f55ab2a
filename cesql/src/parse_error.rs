//! Why a text is no valid expression.

use crate::limits::{DEPTH_MAX, SOURCE_BYTES_MAX};
use crate::span::Span;

/// The first mistake in a text that is no valid expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at {span})")]
pub struct ParseError {
    /// What is wrong, and what would be right.
    pub reason: ParseReason,
    /// The bytes it is about; empty at the end of the text when something is missing there.
    pub span: Span,
}

/// The mistakes a parser can find.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseReason {
    /// The text is longer than [`SOURCE_BYTES_MAX`].
    #[error("the expression has {bytes} bytes, but at most {SOURCE_BYTES_MAX} are accepted")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The expression is nested deeper than [`DEPTH_MAX`].
    #[error("the expression is nested more than {DEPTH_MAX} levels deep")]
    TooDeep,
    /// A character that starts no token.
    #[error("unexpected character {0:?}; quote text as 'text'")]
    UnexpectedCharacter(char),
    /// A string without its closing quote.
    #[error("the string that starts here is never closed; end it with {0}")]
    UnclosedString(char),
    /// An integer literal outside 32 bits.
    #[error("the integer does not fit 32 bits; the range is -2147483648 to 2147483647")]
    IntegerOutOfRange,
    /// Something else than the grammar allows at this place.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What the grammar allows here.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A name that neither an attribute nor a function can have.
    #[error("{0:?} is no attribute name, which has letters and digits only")]
    InvalidAttributeName(String),
    /// A function name with other characters than letters and underscores.
    #[error("{0:?} is no function name, which has letters and underscores only and starts with a letter")]
    InvalidFunctionName(String),
}
