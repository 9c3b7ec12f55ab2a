//! What can go wrong with an expression, as the specification names it.

use std::fmt;

use crate::parse_error::ParseError;
use crate::span::Span;

/// The kind of an [`Error`], a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is no valid expression.
    Parse,
    /// Arithmetic without a result: division by zero, or a result outside 32 bits.
    Math,
    /// A value that cannot be read as the type an operator or a function needs.
    Cast,
    /// The event does not carry the attribute.
    MissingAttribute,
    /// No function of that name takes that many arguments.
    MissingFunction,
    /// A function refused its arguments.
    FunctionEvaluation,
    /// Anything else: here, a result beyond a limit.
    Generic,
}

/// Why an expression did not parse, or what stopped its evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {span})")]
pub struct Error {
    /// Which of the specification's errors this is.
    pub kind: ErrorKind,
    /// One line for a person, without the position.
    pub message: String,
    /// The part of the expression that it is about.
    pub span: Span,
}

impl ErrorKind {
    /// The name used in interchange: `parse`, `math`, `cast`, `missingAttribute`, `missingFunction`,
    /// `functionEvaluation` or `generic`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Math => "math",
            Self::Cast => "cast",
            Self::MissingAttribute => "missingAttribute",
            Self::MissingFunction => "missingFunction",
            Self::FunctionEvaluation => "functionEvaluation",
            Self::Generic => "generic",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Self {
            kind: ErrorKind::Parse,
            message: error.reason.to_string(),
            span: error.span,
        }
    }
}
