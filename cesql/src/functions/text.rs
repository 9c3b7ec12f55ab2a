//! The built-in functions on text. Characters are Unicode scalar values; positions start at 1.
//!
//! Where the specification leaves a case open: a length beyond 32 bits is a `math` error; a start further from the
//! end than the text is long, and a negative length, are `functionEvaluation` errors that return the empty text.

use std::borrow::Cow;
use std::ops::Range;

use super::Failure;
use super::builtin::{Outcome, wrong_arguments};
use crate::error::ErrorKind;
use crate::limits::TEXT_BYTES_MAX;
use crate::value::Value;

pub(super) fn length<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else {
        return Err(wrong_arguments());
    };
    i32::try_from(text.chars().count())
        .map(Value::Integer)
        .map_err(|_| Failure::new("the length does not fit 32 bits").kind(ErrorKind::Math))
}

pub(super) fn concat<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    joined("", arguments)
}

pub(super) fn concat_ws<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(separator), parts @ ..] = arguments else {
        return Err(wrong_arguments());
    };
    joined(separator, parts)
}

pub(super) fn lower<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else {
        return Err(wrong_arguments());
    };
    Ok(text.to_lowercase().into())
}

pub(super) fn upper<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else {
        return Err(wrong_arguments());
    };
    Ok(text.to_uppercase().into())
}

pub(super) fn trim<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else {
        return Err(wrong_arguments());
    };
    let start = text.len() - text.trim_start().len();
    let end = start + text.trim().len();
    Ok(part(text, start..end))
}

pub(super) fn left<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::Integer(count)] = arguments else {
        return Err(wrong_arguments());
    };
    let count = characters(text, *count)?;
    Ok(part(text, 0..offset(text, count)))
}

pub(super) fn right<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::Integer(count)] = arguments else {
        return Err(wrong_arguments());
    };
    let count = characters(text, *count)?;
    let all = text.chars().count();
    Ok(part(text, offset(text, all.saturating_sub(count))..text.len()))
}

pub(super) fn substring_from<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::Integer(position)] = arguments else {
        return Err(wrong_arguments());
    };
    match start(text, *position)? {
        Some(start) => Ok(part(text, start..text.len())),
        None => Ok("".into()),
    }
}

pub(super) fn substring<'a>(arguments: &[Value<'a>]) -> Outcome<'a> {
    let [
        Value::String(text),
        Value::Integer(position),
        Value::Integer(count),
    ] = arguments
    else {
        return Err(wrong_arguments());
    };
    let Ok(count) = usize::try_from(*count) else {
        return Err(Failure::new(format!("the length {count} is negative")));
    };
    match start(text, *position)? {
        Some(start) => Ok(part(text, start..start + offset(&text[start..], count))),
        None => Ok("".into()),
    }
}

/// The parts with the separator between them, refused before it is built when it would be too long.
fn joined<'a>(separator: &str, parts: &[Value<'a>]) -> Outcome<'a> {
    let separators = separator.len().saturating_mul(parts.len().saturating_sub(1));
    let bytes = parts
        .iter()
        .filter_map(Value::as_str)
        .fold(separators, |sum, part| sum.saturating_add(part.len()));
    if bytes > TEXT_BYTES_MAX {
        let message = format!("the text would have {bytes} bytes, but at most {TEXT_BYTES_MAX} may be built");
        return Err(Failure::new(message).kind(ErrorKind::Generic));
    }
    let mut text = String::with_capacity(bytes);
    for (index, part) in parts.iter().filter_map(Value::as_str).enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(part);
    }
    Ok(text.into())
}

/// A number of characters to take; a negative one fails and returns the whole text.
fn characters<'a>(text: &Cow<'a, str>, count: i32) -> Result<usize, Failure<'a>> {
    usize::try_from(count).map_err(|_| {
        let failure = Failure::new(format!("the number of characters {count} is negative"));
        failure.returning(Value::String(text.clone()))
    })
}

/// Where the character at `position` starts, in bytes: counted from 1, or from the end when negative. Position 0 is
/// before the text, where there is nothing.
fn start<'a>(text: &str, position: i32) -> Result<Option<usize>, Failure<'a>> {
    if position == 0 {
        return Ok(None);
    }
    let steps = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX) - 1;
    let at = if position > 0 {
        text.char_indices().nth(steps)
    } else {
        text.char_indices().rev().nth(steps)
    };
    at.map(|(at, _)| Some(at))
        .ok_or_else(|| Failure::new(format!("the position {position} is outside of the text")))
}

/// Where the character after the first `count` starts, in bytes; the text's end when it has no more.
fn offset(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

/// A part of a text, borrowed where the text is.
fn part<'a>(text: &Cow<'a, str>, bytes: Range<usize>) -> Value<'a> {
    match text {
        Cow::Borrowed(text) => Value::from(&text[bytes]),
        Cow::Owned(text) => Value::from(text[bytes].to_owned()),
    }
}
