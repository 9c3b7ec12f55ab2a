//! Conversions between the three types, explicit (`INT(x)`) and implied by an operator.
//!
//! | from \ to | String         | Integer                                | Boolean                        |
//! |-----------|----------------|----------------------------------------|--------------------------------|
//! | String    | itself         | base 10, 32 bits, optional `+` or `-`  | `true` / `false` in any case   |
//! | Integer   | base 10        | itself                                 | 0 is false, all else true      |
//! | Boolean   | `true`/`false` | 1 / 0                                  | itself                         |

use std::borrow::Cow;

use crate::value::{Type, Value};

/// `value` as `to`, or the value back when it cannot be read so.
pub(crate) fn cast(value: Value<'_>, to: Type) -> Result<Value<'_>, Value<'_>> {
    let cast = match to {
        Type::String => return Ok(Value::String(text(value))),
        Type::Integer => integer(&value).map(Value::Integer),
        Type::Boolean => boolean(&value).map(Value::Boolean),
    };
    cast.ok_or(value)
}

/// The canonical string; text and truth values are not copied.
pub(crate) fn text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::String(text) => text,
        Value::Integer(number) => Cow::Owned(number.to_string()),
        Value::Boolean(true) => Cow::Borrowed("true"),
        Value::Boolean(false) => Cow::Borrowed("false"),
    }
}

/// The number, or none for text that is not one.
pub(crate) fn integer(value: &Value<'_>) -> Option<i32> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Integer(number) => Some(*number),
        Value::Boolean(truth) => Some(i32::from(*truth)),
    }
}

/// The truth value, or none for text that is neither `true` nor `false`.
pub(crate) fn boolean(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::String(_) => None,
        Value::Integer(number) => Some(*number != 0),
        Value::Boolean(truth) => Some(*truth),
    }
}
