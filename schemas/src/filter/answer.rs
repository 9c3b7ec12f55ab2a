//! What an expression says of an event, in the form that people and test programs read.

use cesql::{ErrorKind, Value};
use serde::Serialize;

use super::sql::Sql;
use crate::event::Event;

/// The answer to one expression. There is always a value; with an error it is the one that goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The value; `false` for an expression that does not parse.
    pub value: Scalar,
    /// What went wrong.
    pub error: Option<Fault>,
}

/// A value of CloudEvents SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number of 32 bits.
    Integer(i32),
    /// Text.
    String(String),
}

/// What went wrong, as CloudEvents SQL names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `parse`, `math`, `cast`, `missingAttribute`, `missingFunction`, `functionEvaluation` or `generic`.
    pub kind: &'static str,
    /// In words.
    pub message: String,
    /// From which byte of the expression to which it is about.
    pub at: [usize; 2],
}

impl Answer {
    /// Evaluates `expression` for this event, or for one without attributes.
    pub fn of(expression: &str, event: Option<&Event>) -> Self {
        match Sql::try_from(expression.to_owned()) {
            Ok(sql) => {
                let (value, error) = sql.evaluate(event);
                Self {
                    value: value.into(),
                    error: error.map(Fault::from),
                }
            }
            Err(error) => Self {
                value: Scalar::Boolean(false),
                error: Some(cesql::Error::from(error).into()),
            },
        }
    }

    /// An answer to a question that could not be asked: `message` says why.
    pub fn impossible(message: String) -> Self {
        Self {
            value: Scalar::Boolean(false),
            error: Some(Fault {
                kind: ErrorKind::Generic.as_str(),
                message,
                at: [0, 0],
            }),
        }
    }
}

impl From<cesql::Error> for Fault {
    fn from(error: cesql::Error) -> Self {
        Self {
            kind: error.kind.as_str(),
            message: error.message,
            at: [error.span.start, error.span.end],
        }
    }
}

impl From<Value<'_>> for Scalar {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Boolean(truth) => Self::Boolean(truth),
            Value::Integer(number) => Self::Integer(number),
            Value::String(text) => Self::String(text.into_owned()),
        }
    }
}
