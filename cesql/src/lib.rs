//! CloudEvents SQL v1: parser and evaluator.
//!
//! An [`Expression`] is parsed once and evaluated against the attributes of many events. Parsing reports mistakes
//! with the bytes they stand at; evaluation never fails and never panics: it answers a value and, when something
//! went wrong, the one [`Error`] that stopped it.
//!
//! ```
//! use cesql::{Expression, Value};
//!
//! let expression = Expression::parse("type = 'order.placed' AND subject LIKE 'eu-%'")?;
//! let event = [("type", Value::from("order.placed")), ("subject", Value::from("eu-1234"))];
//! assert!(expression.is_match(&event));
//! # Ok::<(), cesql::ParseError>(())
//! ```
//!
//! How it is built, in the order an expression passes through:
//!
//! | module      | turns                                                                  |
//! |-------------|------------------------------------------------------------------------|
//! | `lexer`     | text into tokens with spans                                            |
//! | `parser`    | tokens into the syntax tree of [`ast`], drawing [`Warning`]s           |
//! | `compile`   | the tree into a form with functions looked up and patterns prepared    |
//! | `eval`      | that form and an event's [`Attributes`] into an [`Evaluation`]         |
//!
//! Beside them: `cast` (conversions between the three types), `pattern` (LIKE), [`Functions`] (the built-in ones and
//! yours) and [`limits`].
//!
//! The crate's README says how the points are decided that the specification leaves open.

pub mod ast;
mod attributes;
mod cast;
mod compile;
mod error;
mod eval;
mod expression;
mod functions;
mod lexer;
pub mod limits;
mod parse_error;
mod parser;
mod pattern;
mod span;
mod value;
mod warning;

#[cfg(test)]
mod testing;

pub use attributes::Attributes;
pub use error::{Error, ErrorKind};
pub use expression::{Evaluation, Expression};
pub use functions::{Failure, Function, Functions, Parameter, RegisterError};
pub use parse_error::{ParseError, ParseReason};
pub use span::Span;
pub use value::{Type, Value};
pub use warning::{Warning, WarningKind};

/// The README's examples, compiled and run with the other doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
