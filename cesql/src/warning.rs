//! Expressions that are valid and probably do not say what their author meant.

use std::fmt;

use crate::span::Span;

/// Something to tell the author of an expression that parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which habit it is about.
    pub kind: WarningKind,
    /// One line for a person: how it is read, and how to write what may have been meant.
    pub message: String,
    /// The operator that surprises.
    pub span: Span,
}

/// What a [`Warning`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningKind {
    /// `AND`, `OR` and `XOR` share one level of precedence and are read from the right, so that `a AND b OR c` is
    /// `a AND (b OR c)`.
    MixedLogic,
    /// `NOT` binds tighter than every operator after it, so that `NOT type = 'a'` is `(NOT type) = 'a'`.
    TightNot,
    /// No function takes this call, so that it is an error whatever the event.
    MissingFunction,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.message, self.span)
    }
}
