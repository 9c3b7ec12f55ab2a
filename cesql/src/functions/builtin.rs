//! The functions every implementation has, in one table.

use super::{Failure, Parameter, Signature, resolve, text};
use crate::error::ErrorKind;
use crate::value::{Type, Value};

/// A function of the specification.
#[derive(Debug)]
pub(crate) struct Builtin {
    name: &'static str,
    parameters: &'static [Parameter],
    variadic: Option<Parameter>,
    returns: Type,
    pub(crate) body: Body,
}

type Body = for<'a> fn(&[Value<'a>]) -> Outcome<'a>;
pub(super) type Outcome<'a> = Result<Value<'a>, Failure<'a>>;

const STRING: Parameter = Parameter::Of(Type::String);
const INTEGER: Parameter = Parameter::Of(Type::Integer);
const BOOLEAN: Parameter = Parameter::Of(Type::Boolean);

const BUILTINS: &[Builtin] = &[
    Builtin::new("INT", &[INTEGER], Type::Integer, converted),
    Builtin::new("BOOL", &[BOOLEAN], Type::Boolean, converted),
    Builtin::new("STRING", &[STRING], Type::String, converted),
    Builtin::new("ABS", &[INTEGER], Type::Integer, abs),
    Builtin::new("LENGTH", &[STRING], Type::Integer, text::length),
    Builtin::new("CONCAT", &[], Type::String, text::concat).variadic(STRING),
    Builtin::new("CONCAT_WS", &[STRING], Type::String, text::concat_ws).variadic(STRING),
    Builtin::new("LOWER", &[STRING], Type::String, text::lower),
    Builtin::new("UPPER", &[STRING], Type::String, text::upper),
    Builtin::new("TRIM", &[STRING], Type::String, text::trim),
    Builtin::new("LEFT", &[STRING, INTEGER], Type::String, text::left),
    Builtin::new("RIGHT", &[STRING, INTEGER], Type::String, text::right),
    Builtin::new(
        "SUBSTRING",
        &[STRING, INTEGER],
        Type::String,
        text::substring_from,
    ),
    Builtin::new(
        "SUBSTRING",
        &[STRING, INTEGER, INTEGER],
        Type::String,
        text::substring,
    ),
];

impl Builtin {
    const fn new(name: &'static str, parameters: &'static [Parameter], returns: Type, body: Body) -> Self {
        Self {
            name,
            parameters,
            variadic: None,
            returns,
            body,
        }
    }

    const fn variadic(self, parameter: Parameter) -> Self {
        Self {
            variadic: Some(parameter),
            ..self
        }
    }

    pub(crate) const fn signature(&self) -> Signature<'static> {
        Signature {
            parameters: self.parameters,
            variadic: self.variadic,
            returns: self.returns,
        }
    }
}

/// The names of all of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|builtin| builtin.name)
}

/// All that bear `name`, in upper case.
pub(crate) fn named(name: &str) -> impl Iterator<Item = &'static Builtin> + Clone {
    BUILTINS.iter().filter(move |builtin| builtin.name == name)
}

/// The one that a call of `name`, in upper case, with so many arguments means.
pub(crate) fn find(name: &str, arguments: usize) -> Option<&'static Builtin> {
    resolve(named(name), Builtin::signature, arguments)
}

/// Casting the argument to the parameter's type was all there is to do.
fn converted<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else {
        return Err(wrong_arguments());
    };
    Ok(value.clone())
}

/// The greatest integer stands in for the one absolute value that does not fit.
fn abs<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Integer(number)] = arguments else {
        return Err(wrong_arguments());
    };
    number.checked_abs().map(Value::Integer).ok_or_else(|| {
        Failure::new(format!("the absolute value of {number} does not fit 32 bits"))
            .kind(ErrorKind::Math)
            .returning(Value::Integer(i32::MAX))
    })
}

/// The caller casts arguments to a function's parameters, so no function sees others; should one, it says so.
pub(super) fn wrong_arguments<'a>() -> Failure<'a> {
    Failure::new("the function was given arguments that it does not take")
}
