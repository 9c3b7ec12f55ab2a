//! Evaluation: stops at the first error.
//!
//! Operands are evaluated from left to right and cast when all of an operator's are there; `AND`, `OR` and `IN` cast
//! and stop one by one. The operation in which an error arises may have a value of its own for it; every operation
//! around it returns the zero of its own type instead, so that only the outermost one matters:
//! [`Fault::enclosed`] forgets the value, and the caller puts the zero of the whole expression in its place.
//!
//! Arithmetic that leaves 32 bits is a `math` error with value 0; the specification is silent there.

use std::borrow::Cow;
use std::cell::Cell;

use crate::ast::{BinaryOperator, LogicalOperator};
use crate::attributes::Attributes;
use crate::cast::{boolean, cast, integer, text};
use crate::compile::{Callee, Code, Operation};
use crate::functions::{Failure, Parameter};
use crate::limits::TEXT_BYTES_MAX;
use crate::span::Span;
use crate::value::{Type, Value};

mod fault;

pub(crate) use fault::{Cause, Fault};

/// One evaluation of one expression against one event.
pub(crate) struct Evaluator<'a, A: ?Sized> {
    attributes: &'a A,
    /// Bytes of text that functions may still build.
    text_bytes_left: Cell<usize>,
}

type Outcome<'a, T> = Result<T, Fault<'a>>;

impl<'a, A: Attributes + ?Sized> Evaluator<'a, A> {
    pub(crate) const fn new(attributes: &'a A) -> Self {
        Self {
            attributes,
            text_bytes_left: Cell::new(TEXT_BYTES_MAX),
        }
    }

    /// The value of `code`.
    pub(crate) fn value(&self, code: &'a Code) -> Outcome<'a, Value<'a>> {
        match &code.operation {
            Operation::Literal(value) => Ok(value.borrowed()),
            Operation::Attribute(name) => self.attribute(name, code.span),
            Operation::Exists(name) => Ok(Value::Boolean(self.attributes.get(name).is_some())),
            Operation::Not(operand) => Ok(Value::Boolean(!self.boolean(operand)?)),
            Operation::Minus(operand) => self.minus(operand, code.span).map(Value::Integer),
            Operation::Binary { operator, operands } => self.binary(*operator, operands, code.span),
            Operation::Logical { operator, operands } => {
                self.logical(*operator, operands).map(Value::Boolean)
            }
            Operation::Like {
                operand,
                pattern,
                negated,
            } => self
                .operand(operand)
                .map(|value| Value::Boolean(pattern.matches(&text(value)) != *negated)),
            Operation::In {
                operand,
                set,
                negated,
            } => Ok(Value::Boolean(self.is_in(operand, set)? != *negated)),
            Operation::Call { callee, arguments } => self.call(callee, arguments, code.span),
            Operation::MissingFunction { name, arguments } => Err(Fault::new(
                Cause::MissingFunction {
                    name,
                    arguments: *arguments,
                },
                code.span,
            )),
        }
    }

    /// The value of an operand.
    fn operand(&self, code: &'a Code) -> Outcome<'a, Value<'a>> {
        self.value(code).map_err(Fault::enclosed)
    }

    fn boolean(&self, code: &'a Code) -> Outcome<'a, bool> {
        let value = self.operand(code)?;
        boolean(&value).ok_or_else(|| Fault::cast(value, Type::Boolean, code.span))
    }

    fn integer(&self, code: &'a Code) -> Outcome<'a, i32> {
        let value = self.operand(code)?;
        integer(&value).ok_or_else(|| Fault::cast(value, Type::Integer, code.span))
    }

    fn attribute(&self, name: &'a str, span: Span) -> Outcome<'a, Value<'a>> {
        self.attributes
            .get(name)
            .ok_or_else(|| Fault::new(Cause::MissingAttribute(name), span))
    }

    fn minus(&self, operand: &'a Code, span: Span) -> Outcome<'a, i32> {
        self.integer(operand)?
            .checked_neg()
            .ok_or_else(|| Fault::new(Cause::Overflow, span))
    }

    fn binary(
        &self,
        operator: BinaryOperator,
        operands: &'a [Code; 2],
        span: Span,
    ) -> Outcome<'a, Value<'a>> {
        let [left_code, right_code] = operands;
        let (left, right) = (self.operand(left_code)?, self.operand(right_code)?);
        match operator {
            BinaryOperator::Equal => equal(left, left_code.span, &right).map(Value::Boolean),
            BinaryOperator::NotEqual => {
                equal(left, left_code.span, &right).map(|equal| Value::Boolean(!equal))
            }
            _ => {
                let left = integer(&left).ok_or_else(|| Fault::cast(left, Type::Integer, left_code.span))?;
                let right =
                    integer(&right).ok_or_else(|| Fault::cast(right, Type::Integer, right_code.span))?;
                numeric(operator, left, right).map_err(|cause| Fault::new(cause, span))
            }
        }
    }

    fn logical(&self, operator: LogicalOperator, operands: &'a [Code]) -> Outcome<'a, bool> {
        let mut odd = false;
        for operand in operands {
            let truth = self.boolean(operand)?;
            match operator {
                LogicalOperator::And if !truth => return Ok(false),
                LogicalOperator::Or if truth => return Ok(true),
                _ => odd ^= truth,
            }
        }
        Ok(match operator {
            LogicalOperator::And => true,
            LogicalOperator::Or => false,
            LogicalOperator::Xor => odd,
        })
    }

    /// Whether the value is in the set, each element cast to the value's type until one is equal.
    fn is_in(&self, operand: &'a Code, set: &'a [Code]) -> Outcome<'a, bool> {
        let wanted = self.operand(operand)?;
        for element in set {
            let value = self.operand(element)?;
            if equal(value, element.span, &wanted)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn call(&self, callee: &'a Callee, arguments: &'a [Code], span: Span) -> Outcome<'a, Value<'a>> {
        let signature = callee.signature();
        let mut values = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let value = self.operand(argument)?;
            values.push(match signature.parameter(index) {
                Parameter::Any => value,
                Parameter::Of(to) => {
                    cast(value, to).map_err(|value| Fault::cast(value, to, argument.span))?
                }
            });
        }
        let result = match callee {
            Callee::Builtin(builtin) => (builtin.body)(&values),
            Callee::User(function) => function.body()(&values),
        };
        let value = result.and_then(|value| of_type(value, signature.returns));
        let value = value.map_err(|failure| Fault::function(failure, signature.returns, span))?;
        self.charge(value, span)
    }

    /// Counts the text that a call has built.
    fn charge(&self, value: Value<'a>, span: Span) -> Outcome<'a, Value<'a>> {
        if let Value::String(Cow::Owned(text)) = &value {
            match self.text_bytes_left.get().checked_sub(text.len()) {
                Some(left) => self.text_bytes_left.set(left),
                None => return Err(Fault::new(Cause::TooMuchText, span)),
            }
        }
        Ok(value)
    }
}

/// Whether both are equal, `value` cast to the type of `other`: the right operand of `=` decides, and the left one of
/// `IN`.
fn equal<'a>(value: Value<'a>, span: Span, other: &Value<'a>) -> Outcome<'a, bool> {
    let to = other.type_of();
    let value = cast(value, to).map_err(|value| Fault::cast(value, to, span))?;
    Ok(value == *other)
}

fn numeric<'a>(operator: BinaryOperator, left: i32, right: i32) -> Result<Value<'a>, Cause<'a>> {
    let number = match operator {
        BinaryOperator::Less => return Ok(Value::Boolean(left < right)),
        BinaryOperator::LessOrEqual => return Ok(Value::Boolean(left <= right)),
        BinaryOperator::Greater => return Ok(Value::Boolean(left > right)),
        BinaryOperator::GreaterOrEqual => return Ok(Value::Boolean(left >= right)),
        BinaryOperator::Equal => return Ok(Value::Boolean(left == right)),
        BinaryOperator::NotEqual => return Ok(Value::Boolean(left != right)),
        BinaryOperator::Divide | BinaryOperator::Remainder if right == 0 => {
            return Err(Cause::DivisionByZero);
        }
        BinaryOperator::Multiply => left.checked_mul(right),
        BinaryOperator::Divide => left.checked_div(right),
        BinaryOperator::Remainder => Some(left.wrapping_rem(right)),
        BinaryOperator::Add => left.checked_add(right),
        BinaryOperator::Subtract => left.checked_sub(right),
    };
    number.map(Value::Integer).ok_or(Cause::Overflow)
}

fn of_type<'a>(value: Value<'a>, declared: Type) -> Result<Value<'a>, Failure<'a>> {
    if value.type_of() == declared {
        return Ok(value);
    }
    let message = format!(
        "the function returned a value of type {}, but declared {declared}",
        value.type_of()
    );
    Err(Failure::new(message))
}

#[cfg(test)]
mod tests;
