//! What stops an evaluation, put into words only when somebody asks: most filters fail for a missing attribute, and
//! that must cost nothing.

use std::borrow::Cow;

use crate::compile::missing_function;
use crate::error::{Error, ErrorKind};
use crate::functions::Failure;
use crate::limits::TEXT_BYTES_MAX;
use crate::span::Span;
use crate::value::{Type, Value};

/// Text quoted in a message is cut after so many characters.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// An error on its way out of the evaluator.
#[derive(Debug)]
pub(crate) struct Fault<'a> {
    cause: Cause<'a>,
    span: Span,
    /// What the operation that failed returns, if that is another value than its type's zero and nothing encloses it.
    value: Option<Value<'a>>,
}

#[derive(Debug)]
pub(crate) enum Cause<'a> {
    MissingAttribute(&'a str),
    MissingFunction {
        name: &'a str,
        arguments: usize,
    },
    Cast {
        value: Value<'a>,
        to: Type,
    },
    DivisionByZero,
    Overflow,
    TooMuchText,
    Function {
        kind: ErrorKind,
        message: Cow<'static, str>,
    },
}

impl<'a> Fault<'a> {
    pub(crate) const fn new(cause: Cause<'a>, span: Span) -> Self {
        Self {
            cause,
            span,
            value: None,
        }
    }

    pub(crate) const fn cast(value: Value<'a>, to: Type, span: Span) -> Self {
        Self::new(Cause::Cast { value, to }, span)
    }

    /// A function's refusal; a value of another type than it declared is not passed on.
    pub(crate) fn function(failure: Failure<'a>, returns: Type, span: Span) -> Self {
        let Failure { kind, message, value } = failure;
        let value = value.filter(|value| value.type_of() == returns);
        Self {
            cause: Cause::Function { kind, message },
            span,
            value,
        }
    }

    /// The same fault seen from the operation around the one that failed.
    pub(crate) fn enclosed(self) -> Self {
        Self { value: None, ..self }
    }

    /// The failed expression's value, when it has one of its own, and the error in words.
    pub(crate) fn into_parts(self) -> (Option<Value<'a>>, Error) {
        let error = Error {
            kind: self.cause.kind(),
            message: self.cause.message(),
            span: self.span,
        };
        (self.value, error)
    }
}

impl Cause<'_> {
    const fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingAttribute(_) => ErrorKind::MissingAttribute,
            Self::MissingFunction { .. } => ErrorKind::MissingFunction,
            Self::Cast { .. } => ErrorKind::Cast,
            Self::DivisionByZero | Self::Overflow => ErrorKind::Math,
            Self::TooMuchText => ErrorKind::Generic,
            Self::Function { kind, .. } => *kind,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::MissingAttribute(name) => format!("the event has no attribute {name:?}"),
            Self::MissingFunction { name, arguments } => missing_function(name, *arguments),
            Self::Cast { value, to } => format!("{} is no {to}", quoted(value)),
            Self::DivisionByZero => "division by zero".to_owned(),
            Self::Overflow => "the result does not fit 32 bits".to_owned(),
            Self::TooMuchText => format!("the expression builds more than {TEXT_BYTES_MAX} bytes of text"),
            Self::Function { message, .. } => message.clone().into_owned(),
        }
    }
}

fn quoted(value: &Value<'_>) -> String {
    let text = value.to_string();
    match text.char_indices().nth(QUOTED_CHARACTERS_MAX) {
        Some((at, _)) => format!("{:?}...", &text[..at]),
        None => format!("{text:?}"),
    }
}
