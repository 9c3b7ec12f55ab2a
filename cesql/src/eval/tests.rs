//! The evaluator against a second one that follows the specification's tables step by step, copies everything, and
//! carries the value through each level instead of forgetting it.

use std::borrow::Cow;
use std::cell::Cell;

use proptest::prelude::*;

use crate::ast::{BinaryOperator, LogicalOperator, Node, NodeKind, UnaryOperator};
use crate::testing::{NAMES, tree};
use crate::{Attributes, ErrorKind, Expression, Value};

type Owned = Value<'static>;

/// A result, or the value of the failed node and the kind of the first error.
type Outcome = Result<Owned, (Owned, ErrorKind)>;

const FALSE: Owned = Value::Boolean(false);
const ZERO: Owned = Value::Integer(0);
const EMPTY: Owned = Value::String(Cow::Borrowed(""));

fn event() -> Vec<(&'static str, Owned)> {
    let values = [
        Value::from("ünï%😀"),
        Value::from(7),
        Value::from(true),
        Value::from("-12"),
    ];
    NAMES.into_iter().zip(values).collect()
}

/// `NAME`s of functions that the reference leaves to the tables of the integration tests.
fn is_covered(node: &Node) -> bool {
    !node.to_string().contains("SUBSTRING") && !node.to_string().contains("TRIM")
}

fn reference(node: &Node) -> Outcome {
    match &node.kind {
        NodeKind::Literal(value) => Ok(value.clone()),
        NodeKind::Attribute(name) => {
            let found = event().into_iter().find(|(key, _)| *key == &**name);
            found
                .map(|(_, value)| value)
                .ok_or((FALSE, ErrorKind::MissingAttribute))
        }
        NodeKind::Exists(name) => Ok(Value::from(&**name != "missing")),
        NodeKind::Unary {
            operator: UnaryOperator::Not,
            operand,
        } => {
            let truth = inner(operand, &FALSE).and_then(|value| to_boolean(&value, &FALSE))?;
            Ok(Value::from(!truth))
        }
        NodeKind::Unary {
            operator: UnaryOperator::Minus,
            operand,
        } => {
            let number = inner(operand, &ZERO).and_then(|value| to_integer(&value, &ZERO))?;
            narrow(-i64::from(number))
        }
        NodeKind::Binary {
            operator,
            left,
            right,
        } => reference_binary(*operator, left, right),
        NodeKind::Logical { operator, operands } => reference_logical(*operator, operands),
        NodeKind::Like {
            operand,
            pattern,
            negated,
        } => {
            let text = inner(operand, &FALSE)?.to_string();
            let pattern = crate::pattern::Pattern::new(pattern);
            Ok(Value::from(pattern.matches(&text) != *negated))
        }
        NodeKind::In {
            operand,
            set,
            negated,
        } => {
            let wanted = inner(operand, &FALSE)?;
            for element in set {
                if equals(&inner(element, &FALSE)?, &wanted)? {
                    return Ok(Value::from(!negated));
                }
            }
            Ok(Value::from(*negated))
        }
        NodeKind::Call { name, arguments } => reference_call(name, arguments),
    }
}

/// An operand inside something that returns `zero` when the operand fails.
fn inner(node: &Node, zero: &Owned) -> Outcome {
    reference(node).map_err(|(_, kind)| (zero.clone(), kind))
}

fn reference_binary(operator: BinaryOperator, left: &Node, right: &Node) -> Outcome {
    use BinaryOperator::{
        Add, Divide, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Multiply, NotEqual,
    };
    use BinaryOperator::{Remainder, Subtract};
    let zero = match operator {
        Multiply | Divide | Remainder | Add | Subtract => ZERO,
        _ => FALSE,
    };
    let (left, right) = (inner(left, &zero)?, inner(right, &zero)?);
    if matches!(operator, Equal | NotEqual) {
        return Ok(Value::from(equals(&left, &right)? == (operator == Equal)));
    }
    let (left, right) = (
        i64::from(to_integer(&left, &zero)?),
        i64::from(to_integer(&right, &zero)?),
    );
    match operator {
        Divide | Remainder if right == 0 => Err((ZERO, ErrorKind::Math)),
        Divide => narrow(left / right),
        Remainder => narrow(left % right),
        Multiply => narrow(left * right),
        Add => narrow(left + right),
        Subtract => narrow(left - right),
        Less => Ok(Value::from(left < right)),
        LessOrEqual => Ok(Value::from(left <= right)),
        Greater => Ok(Value::from(left > right)),
        GreaterOrEqual => Ok(Value::from(left >= right)),
        Equal | NotEqual => unreachable!("handled above"),
    }
}

/// Two operands at a time, from the right, as the grammar has it.
fn reference_logical(operator: LogicalOperator, operands: &[Node]) -> Outcome {
    let [first, rest @ ..] = operands else {
        unreachable!("a run has operands")
    };
    let left = to_boolean(&inner(first, &FALSE)?, &FALSE)?;
    if rest.is_empty() {
        return Ok(Value::from(left));
    }
    let right = |()| reference_logical(operator, rest).and_then(|value| to_boolean(&value, &FALSE));
    Ok(Value::from(match operator {
        LogicalOperator::And => left && right(())?,
        LogicalOperator::Or => left || right(())?,
        LogicalOperator::Xor => left != right(())?,
    }))
}

fn reference_call(name: &str, arguments: &[Node]) -> Outcome {
    let any = |index: usize, zero: &Owned| inner(&arguments[index], zero);
    let text = |index: usize, zero: &Owned| any(index, zero).map(|value| value.to_string());
    let joined = |separator: &str, from: usize| {
        let parts: Result<Vec<_>, _> = (from..arguments.len()).map(|index| text(index, &EMPTY)).collect();
        parts.map(|parts| Value::from(parts.join(separator)))
    };
    match (name, arguments.len()) {
        ("INT", 1) => any(0, &ZERO)
            .and_then(|value| to_integer(&value, &ZERO))
            .map(Value::from),
        ("BOOL", 1) => any(0, &FALSE)
            .and_then(|value| to_boolean(&value, &FALSE))
            .map(Value::from),
        ("STRING", 1) => text(0, &EMPTY).map(Value::from),
        ("ABS", 1) => match any(0, &ZERO).and_then(|value| to_integer(&value, &ZERO))? {
            i32::MIN => Err((Value::from(i32::MAX), ErrorKind::Math)),
            number => Ok(Value::from(number.abs())),
        },
        ("LENGTH", 1) => narrow(i64::try_from(text(0, &ZERO)?.chars().count()).unwrap()),
        ("CONCAT", _) => joined("", 0),
        ("CONCAT_WS", 1..) => text(0, &EMPTY).and_then(|separator| joined(&separator, 1)),
        ("LOWER", 1) => text(0, &EMPTY).map(|text| Value::from(text.to_lowercase())),
        ("UPPER", 1) => text(0, &EMPTY).map(|text| Value::from(text.to_uppercase())),
        ("LEFT" | "RIGHT", 2) => {
            let (text, count) = (text(0, &EMPTY)?, to_integer(&any(1, &EMPTY)?, &EMPTY)?);
            let characters: Vec<char> = text.chars().collect();
            let Ok(count) = usize::try_from(count) else {
                return Err((Value::from(text), ErrorKind::FunctionEvaluation));
            };
            let count = count.min(characters.len());
            let start = if name == "LEFT" {
                0
            } else {
                characters.len() - count
            };
            Ok(Value::from(
                characters[start..start + count].iter().collect::<String>(),
            ))
        }
        _ => Err((FALSE, ErrorKind::MissingFunction)),
    }
}

fn to_integer(value: &Owned, zero: &Owned) -> Result<i32, (Owned, ErrorKind)> {
    match value {
        Value::Integer(number) => Ok(*number),
        Value::Boolean(truth) => Ok(i32::from(*truth)),
        Value::String(text) => text.parse().map_err(|_| (zero.clone(), ErrorKind::Cast)),
    }
}

fn to_boolean(value: &Owned, zero: &Owned) -> Result<bool, (Owned, ErrorKind)> {
    match value {
        Value::Boolean(truth) => Ok(*truth),
        Value::Integer(number) => Ok(*number != 0),
        Value::String(text) => match &*text.to_lowercase() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err((zero.clone(), ErrorKind::Cast)),
        },
    }
}

fn equals(value: &Owned, other: &Owned) -> Result<bool, (Owned, ErrorKind)> {
    match other {
        Value::String(text) => Ok(value.to_string() == **text),
        Value::Integer(number) => to_integer(value, &FALSE).map(|value| value == *number),
        Value::Boolean(truth) => to_boolean(value, &FALSE).map(|value| value == *truth),
    }
}

fn narrow(number: i64) -> Outcome {
    i32::try_from(number)
        .map(Value::from)
        .map_err(|_| (ZERO, ErrorKind::Math))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_the_reference(tree in tree().prop_filter("covered", is_covered)) {
        let source = tree.to_string();
        let expression = Expression::parse(&source).unwrap();
        let event = event();
        let evaluation = expression.evaluate(event.as_slice());
        let found = (evaluation.value.clone(), evaluation.error.as_ref().map(|error| error.kind));
        let expected = match reference(&tree) {
            Ok(value) => (value, None),
            Err((value, kind)) => (value, Some(kind)),
        };
        prop_assert_eq!(&found, &expected, "{}", source);
        prop_assert_eq!(expression.is_match(event.as_slice()), found == (Value::from(true), None));
    }

    #[test]
    fn no_expression_makes_it_panic(tree in tree(), number in any::<i32>(), text in any::<String>()) {
        let source = tree.to_string();
        let expression = Expression::parse(&source).unwrap();
        let event = [("number", Value::from(number)), ("text", Value::from(text)), ("digits", Value::from(number))];
        let evaluation = expression.evaluate(&event);
        if let Some(error) = evaluation.error {
            prop_assert!(source.get(error.span.start..error.span.end).is_some());
        }
    }
}

/// Attributes that count how often they are asked for.
struct Counting {
    asked: Cell<usize>,
}

impl Attributes for Counting {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        self.asked.set(self.asked.get() + 1);
        (name != "missing").then(|| Value::from("x"))
    }
}

#[test]
fn attributes_are_not_asked_for_behind_a_decided_condition() {
    for (source, asked) in [
        ("a = 'y' AND b = 'x'", 1),
        ("a = 'x' AND b = 'x'", 2),
        ("a = 'x' OR b = 'x'", 1),
        ("a IN (b, c, d)", 2),
        ("missing = a AND b = 'x'", 1),
        ("NOSUCH(a)", 0),
    ] {
        let counting = Counting { asked: Cell::new(0) };
        Expression::parse(source).unwrap().evaluate(&counting);
        assert_eq!(counting.asked.get(), asked, "{source}");
    }
}

#[test]
fn text_of_expression_and_event_is_borrowed() {
    let event = [
        ("subject", Value::from("abc".to_owned())),
        ("urgent", Value::from(true)),
    ];
    for source in [
        "subject",
        "'abc'",
        "LEFT(subject, 2)",
        "RIGHT('abc', 2)",
        "SUBSTRING(subject, 2)",
        "TRIM(subject)",
        "STRING(urgent)",
    ] {
        let expression = Expression::parse(source).unwrap();
        let value = expression.evaluate(&event).value;
        assert!(matches!(value, Value::String(Cow::Borrowed(_))), "{source}");
    }
}
