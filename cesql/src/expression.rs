//! The way in: parse once, evaluate often.

use std::fmt;
use std::str::FromStr;

use crate::ast::Node;
use crate::attributes::Attributes;
use crate::compile::Code;
use crate::error::Error;
use crate::eval::Evaluator;
use crate::functions::Functions;
use crate::parse_error::ParseError;
use crate::parser::parse;
use crate::value::{Type, Value};
use crate::warning::Warning;

/// A parsed expression, ready to be evaluated against any number of events and from any number of threads.
#[derive(Clone, Debug)]
pub struct Expression {
    source: Box<str>,
    tree: Node,
    warnings: Box<[Warning]>,
    code: Code,
}

/// What an expression says about one event.
///
/// There is always a value. With an error it is the one the specification gives for it: mostly the zero of the
/// expression's type (`''`, `0` or `false`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation<'a> {
    /// The value, borrowing from the expression and the event.
    pub value: Value<'a>,
    /// What stopped the evaluation, if something did.
    pub error: Option<Error>,
}

impl Expression {
    /// Parses an expression that calls built-in functions only.
    ///
    /// # Errors
    ///
    /// The first mistake, with the bytes it stands at. A call of a function that does not exist is none: it is an
    /// error when it is evaluated (specification, section 3.4), and a [`Warning`] before.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        Self::parse_with(source, &Functions::new())
    }

    /// Parses an expression that may also call `functions`.
    ///
    /// # Errors
    ///
    /// As [`Expression::parse`].
    pub fn parse_with(source: &str, functions: &Functions) -> Result<Self, ParseError> {
        let (tree, mut warnings) = parse(source)?;
        let code = Code::new(&tree, functions);
        code.warn_of_missing_functions(&mut warnings);
        Ok(Self {
            source: source.into(),
            tree,
            warnings: warnings.into(),
            code,
        })
    }

    /// The value for the event with these attributes, and what stopped the evaluation, if something did.
    ///
    /// ```
    /// use cesql::{ErrorKind, Expression, Value};
    ///
    /// let expression = Expression::parse("INT(hop) + 1")?;
    ///
    /// let event = [("hop", Value::from("41"))];
    /// let evaluation = expression.evaluate(&event);
    /// assert_eq!(evaluation.value, Value::Integer(42));
    /// assert_eq!(evaluation.error, None);
    ///
    /// let event = [("hop", Value::from("many"))];
    /// let evaluation = expression.evaluate(&event);
    /// assert_eq!(evaluation.value, Value::Integer(0));
    /// assert_eq!(evaluation.error.map(|error| (error.kind, error.span.into())), Some((ErrorKind::Cast, 4..7)));
    /// # Ok::<(), cesql::ParseError>(())
    /// ```
    pub fn evaluate<'a, A: Attributes + ?Sized>(&'a self, attributes: &'a A) -> Evaluation<'a> {
        match Evaluator::new(attributes).value(&self.code) {
            Ok(value) => Evaluation { value, error: None },
            Err(fault) => {
                let (value, error) = fault.into_parts();
                Evaluation {
                    value: value.unwrap_or_else(|| self.code.returns().zero()),
                    error: Some(error),
                }
            }
        }
    }

    /// Whether a filter with this expression lets the event through: it is the Boolean `true`, without an error.
    /// Cheaper than [`Expression::evaluate`], since what stopped it need not be put into words.
    pub fn is_match<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        matches!(
            Evaluator::new(attributes).value(&self.code),
            Ok(Value::Boolean(true))
        )
    }

    /// The type of its value; none when only an event can tell, as for an attribute alone.
    ///
    /// ```
    /// use cesql::{Expression, Type};
    ///
    /// assert_eq!(Expression::parse("LENGTH(id) > 3")?.value_type(), Some(Type::Boolean));
    /// assert_eq!(Expression::parse("LENGTH(id)")?.value_type(), Some(Type::Integer));
    /// assert_eq!(Expression::parse("id")?.value_type(), None);
    /// # Ok::<(), cesql::ParseError>(())
    /// ```
    #[must_use]
    pub fn value_type(&self) -> Option<Type> {
        self.code.value_type()
    }

    /// What to tell the author: valid, and easily misread, or never without an error.
    ///
    /// ```
    /// use cesql::{Expression, WarningKind};
    ///
    /// let expression = Expression::parse("EXISTS a OR EXISTS b AND EXISTS c")?;
    /// assert_eq!(expression.warnings()[0].kind, WarningKind::MixedLogic);
    /// assert!(Expression::parse("EXISTS a OR (EXISTS b AND EXISTS c)")?.warnings().is_empty());
    /// # Ok::<(), cesql::ParseError>(())
    /// ```
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The text it was parsed from; all spans are ranges of it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its syntax tree.
    #[must_use]
    pub const fn tree(&self) -> &Node {
        &self.tree
    }
}

/// The text it was parsed from.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for Expression {
    type Err = ParseError;

    fn from_str(source: &str) -> Result<Self, ParseError> {
        Self::parse(source)
    }
}
