//! The functions an expression may call: the built-in ones, and those a user registers.
//!
//! A call is resolved when the expression is parsed, by name in any case and number of arguments. Arguments are cast
//! to the parameters' types before the function sees them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::parser::is_function_name;
use crate::value::{Type, Value};

pub(crate) mod builtin;
mod text;

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// A value of any type, as it is.
    Any,
    /// A value cast to this type.
    Of(Type),
}

/// Why a function refused, and what it returns all the same.
///
/// The value counts only where the call is the whole expression; what encloses it returns its own type's zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Cow<'static, str>,
    pub(crate) value: Option<Value<'a>>,
}

/// A function of your own.
#[derive(Clone)]
pub struct Function {
    name: Box<str>,
    parameters: Vec<Parameter>,
    variadic: Option<Parameter>,
    returns: Type,
    body: Arc<Body>,
}

/// The functions of your own that an expression may call beside the built-in ones.
///
/// ```
/// use cesql::{Expression, Function, Functions, Parameter, Type, Value};
///
/// let mut functions = Functions::new();
/// functions.register(Function::new("reverse", [Parameter::Of(Type::String)], Type::String, |arguments| {
///     let text = arguments[0].as_str().unwrap_or_default();
///     Ok(Value::from(text.chars().rev().collect::<String>()))
/// }))?;
///
/// let expression = Expression::parse_with("REVERSE(subject) = 'cba'", &functions)?;
/// assert!(expression.is_match(&[("subject", Value::from("abc"))]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Functions {
    by_name: BTreeMap<Box<str>, Vec<Arc<Function>>>,
}

/// Why a function could not be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// No expression could call it.
    #[error("{name:?} is no function name: it takes letters and underscores, a letter first, and no keyword")]
    Name {
        /// The name as given.
        name: String,
    },
    /// A call would fit two functions.
    #[error("a function {name} that takes {arity} is there already")]
    Taken {
        /// The name in upper case.
        name: String,
        /// `2 arguments`, `2 or more arguments`
        arity: String,
    },
}

/// A user's function: arguments to result.
pub(crate) type Body = dyn for<'a> Fn(&[Value<'a>]) -> Result<Value<'a>, Failure<'a>> + Send + Sync;

/// What a function takes and returns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature<'f> {
    pub(crate) parameters: &'f [Parameter],
    pub(crate) variadic: Option<Parameter>,
    pub(crate) returns: Type,
}

impl<'a> Failure<'a> {
    /// A `functionEvaluation` error that returns the zero of the function's type.
    #[must_use]
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: ErrorKind::FunctionEvaluation,
            message: message.into(),
            value: None,
        }
    }

    /// The same failure as an error of another kind.
    #[must_use]
    pub fn kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// The same failure, returning `value`.
    #[must_use]
    pub fn returning(self, value: Value<'a>) -> Self {
        Self {
            value: Some(value),
            ..self
        }
    }
}

impl Function {
    /// A function called `name`, in any case, with these parameters. `body` is given one argument for each, already
    /// cast, and must return a value of type `returns`; another one becomes a `functionEvaluation` error.
    #[must_use]
    pub fn new<F>(name: &str, parameters: impl IntoIterator<Item = Parameter>, returns: Type, body: F) -> Self
    where
        F: for<'a> Fn(&[Value<'a>]) -> Result<Value<'a>, Failure<'a>> + Send + Sync + 'static,
    {
        Self {
            name: name.to_ascii_uppercase().into(),
            parameters: parameters.into_iter().collect(),
            variadic: None,
            returns,
            body: Arc::new(body),
        }
    }

    /// The same function taking any number of further arguments of this type, also none.
    #[must_use]
    pub fn variadic(self, parameter: Parameter) -> Self {
        Self {
            variadic: Some(parameter),
            ..self
        }
    }

    pub(crate) fn signature(&self) -> Signature<'_> {
        Signature {
            parameters: &self.parameters,
            variadic: self.variadic,
            returns: self.returns,
        }
    }

    pub(crate) fn body(&self) -> &Body {
        &*self.body
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("signature", &self.signature())
            .finish_non_exhaustive()
    }
}

impl Functions {
    /// None but the built-in ones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of all functions that an expression may call, in upper case: the built-in ones and yours. One that takes
    /// different numbers of arguments is there once for each.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.by_name.keys().map(|name| -> &str { name });
        builtin::names().map(|name| -> &str { name }).chain(own)
    }

    /// Adds `function`. One name may stand for several functions that take different numbers of arguments, one of
    /// them variadic; an exact number wins over it.
    ///
    /// # Errors
    ///
    /// When no expression could call it, or when a function, built-in or registered, takes as many arguments under
    /// its name.
    pub fn register(&mut self, function: Function) -> Result<(), RegisterError> {
        if !is_function_name(&function.name) {
            return Err(RegisterError::Name {
                name: function.name.into(),
            });
        }
        if self.is_taken(&function) {
            let arity = function.signature().arity();
            return Err(RegisterError::Taken {
                name: function.name.into(),
                arity,
            });
        }
        self.by_name
            .entry(function.name.clone())
            .or_default()
            .push(Arc::new(function));
        Ok(())
    }

    /// The user's function that a call of `name`, in upper case, with so many arguments means.
    pub(crate) fn find(&self, name: &str, arguments: usize) -> Option<&Arc<Function>> {
        resolve(
            self.by_name.get(name)?.iter(),
            |function| function.signature(),
            arguments,
        )
    }

    fn is_taken(&self, function: &Function) -> bool {
        let signature = function.signature();
        let mut registered = self.by_name.get(&function.name).into_iter().flatten();
        builtin::named(&function.name).any(|other| other.signature().collides(signature))
            || registered.any(|other| other.signature().collides(signature))
    }
}

impl Signature<'_> {
    /// What the argument at `index` is cast to.
    pub(crate) fn parameter(&self, index: usize) -> Parameter {
        self.parameters
            .get(index)
            .copied()
            .or(self.variadic)
            .unwrap_or(Parameter::Any)
    }

    fn collides(&self, other: Signature<'_>) -> bool {
        match (self.variadic, other.variadic) {
            (Some(_), Some(_)) => true,
            (None, None) => self.parameters.len() == other.parameters.len(),
            _ => false,
        }
    }

    fn arity(&self) -> String {
        let or_more = if self.variadic.is_some() { " or more" } else { "" };
        format!("{}{or_more} arguments", self.parameters.len())
    }
}

/// The one of `functions` that takes `arguments`: exactly so many before the variadic one.
pub(crate) fn resolve<'f, F>(
    functions: impl Iterator<Item = F> + Clone,
    signature: impl Fn(F) -> Signature<'f>,
    arguments: usize,
) -> Option<F>
where
    F: Copy,
{
    let exact =
        |signature: Signature<'_>| signature.variadic.is_none() && signature.parameters.len() == arguments;
    let variadic =
        |signature: Signature<'_>| signature.variadic.is_some() && signature.parameters.len() <= arguments;
    functions
        .clone()
        .find(|function| exact(signature(*function)))
        .or_else(|| functions.clone().find(|function| variadic(signature(*function))))
}

#[cfg(test)]
mod tests;
