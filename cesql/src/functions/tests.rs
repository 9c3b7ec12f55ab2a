//! User functions: registration, resolution and refusal.

use super::{Failure, Function, Functions, Parameter, RegisterError};
use crate::{ErrorKind, Expression, Type, Value};

const INTEGER: Parameter = Parameter::Of(Type::Integer);

/// A function that answers its number of arguments, times ten to tell it from others.
fn counting(name: &str, parameters: usize, times: i32) -> Function {
    Function::new(name, vec![INTEGER; parameters], Type::Integer, move |arguments| {
        Ok(Value::from(i32::try_from(arguments.len()).unwrap() * times))
    })
}

fn registered(functions: impl IntoIterator<Item = Function>) -> Functions {
    let mut registry = Functions::new();
    for function in functions {
        registry.register(function).unwrap();
    }
    registry
}

#[track_caller]
fn check(functions: &Functions, source: &str, value: impl Into<Value<'static>>, error: Option<ErrorKind>) {
    let expression = Expression::parse_with(source, functions).unwrap();
    let none: [(&str, Value<'_>); 0] = [];
    let evaluation = expression.evaluate(&none);
    assert_eq!(
        (evaluation.value, evaluation.error.map(|error| error.kind)),
        (value.into(), error),
        "{source}"
    );
}

#[test]
fn an_exact_number_of_arguments_wins_over_a_variadic_function() {
    let functions = registered([
        counting("COUNT", 1, 100).variadic(INTEGER),
        counting("COUNT", 2, 10),
        counting("count", 0, 10),
    ]);
    check(&functions, "COUNT()", 0, None);
    check(&functions, "Count(1)", 100, None);
    check(&functions, "COUNT(1, 2)", 20, None);
    check(&functions, "COUNT(1, 2, 3)", 300, None);
    check(&functions, "COUNT(1, 2, 'x')", 0, Some(ErrorKind::Cast));
}

#[test]
fn a_built_in_name_takes_other_numbers_of_arguments() {
    let functions = registered([counting("ABS", 2, 10)]);
    check(&functions, "ABS(-1)", 1, None);
    check(&functions, "ABS(1, 2)", 20, None);
}

#[test]
fn what_could_not_be_called_is_not_registered() {
    let mut functions = registered([counting("F", 1, 1), counting("G", 0, 1).variadic(INTEGER)]);
    for name in ["", "_F", "F1", "MY-F", "größe", "like", "TRUE"] {
        let error = functions.register(counting(name, 0, 1)).unwrap_err();
        assert_eq!(
            error,
            RegisterError::Name {
                name: name.to_ascii_uppercase()
            }
        );
    }
    for (function, arity) in [
        (counting("f", 1, 1), "1 arguments"),
        (counting("g", 3, 1).variadic(INTEGER), "3 or more arguments"),
        (counting("abs", 1, 1), "1 arguments"),
        (counting("concat", 1, 1).variadic(INTEGER), "1 or more arguments"),
    ] {
        let name = function.name.to_string();
        assert_eq!(
            functions.register(function),
            Err(RegisterError::Taken {
                name,
                arity: arity.to_owned()
            })
        );
    }
}

#[test]
fn a_refusal_returns_its_value_only_at_the_outside() {
    let functions = registered([
        Function::new("REFUSE", [], Type::Integer, |_| {
            Err(Failure::new("no").returning(Value::from(7)))
        }),
        Function::new("OVERFLOW", [], Type::Integer, |_| {
            Err(Failure::new("no").kind(ErrorKind::Math))
        }),
        Function::new("MISTYPED", [], Type::Integer, |_| {
            Err(Failure::new("no").returning(Value::from("7")))
        }),
    ]);
    check(&functions, "REFUSE()", 7, Some(ErrorKind::FunctionEvaluation));
    check(&functions, "REFUSE() + 1", 0, Some(ErrorKind::FunctionEvaluation));
    check(&functions, "OVERFLOW()", 0, Some(ErrorKind::Math));
    check(&functions, "MISTYPED()", 0, Some(ErrorKind::FunctionEvaluation));
}

#[test]
fn a_result_of_another_type_than_declared_is_an_error() {
    let functions = registered([Function::new("LIE", [], Type::Integer, |_| {
        Ok(Value::from("text"))
    })]);
    check(&functions, "LIE()", 0, Some(ErrorKind::FunctionEvaluation));
}

#[test]
fn any_takes_an_argument_as_it_is() {
    let type_of = Function::new("TYPE_OF", [Parameter::Any], Type::String, |arguments| {
        Ok(Value::from(arguments[0].type_of().to_string()))
    });
    let functions = registered([type_of]);
    check(&functions, "TYPE_OF('1')", "String", None);
    check(&functions, "TYPE_OF(1)", "Integer", None);
    check(&functions, "TYPE_OF(1 = 1)", "Boolean", None);
}

#[test]
fn text_given_by_the_event_can_be_returned_without_copying_it() {
    let functions = registered([Function::new(
        "FIRST",
        [Parameter::Any],
        Type::String,
        |arguments| Ok(arguments[0].clone()),
    )]);
    check(&functions, "FIRST('a')", "a", None);
}
