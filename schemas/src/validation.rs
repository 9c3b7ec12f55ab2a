//! JSON Schema for the data of events: a schema is compiled once and put to many events. Pure.
//!
//! What must hold:
//! - A schema is judged as `$schema` says, by draft 2020-12 when it says nothing. What it refers to is inside of it:
//!   nothing is ever fetched.
//! - Checking an event costs time in proportion to its data: patterns run on an engine that never backtracks, so that
//!   look-around and back-references are refused when the schema is compiled.
//! - What is said about an event names places and rules, never the values that stand there, and is bounded.

use std::fmt;

use jsonschema::PatternOptions;
use serde_json::Value;

use crate::event::Event;
use crate::event::media::is_json;
use crate::limits::{
    SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX, SCHEMA_EVERY_FAILURE_BYTES_MAX, SCHEMA_FAILURE_CHARS_MAX,
    SCHEMA_FAILURES_MAX, SCHEMA_PATTERN_BYTES_MAX,
};

/// A compiled schema.
pub struct DataSchema {
    validator: jsonschema::Validator,
}

/// A text or value that is no schema that can be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchema {
    /// It is over a limit.
    #[error("it measures {bytes} bytes as JSON; the limit is {SCHEMA_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is over a limit.
    #[error("it is nested deeper than {SCHEMA_DEPTH_MAX} levels")]
    TooDeep,
    /// It is no valid schema, or it uses what is not available here.
    #[error("{message}")]
    Invalid {
        /// JSON pointer into the schema; empty for the whole.
        at: String,
        /// What is wrong there.
        message: String,
    },
}

/// One thing that is wrong with an event's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where, as a JSON pointer into the event in its JSON format: `/data/order/total`, or `/datacontenttype`.
    pub at: String,
    /// What the schema asks for there. Holds no value of the data.
    pub message: String,
}

impl DataSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// [`BadSchema`] when it is over a limit, no valid schema, or refers to something outside of itself.
    pub fn compile(schema: &Value) -> Result<Self, BadSchema> {
        let bytes = schema.to_string().len();
        if bytes > SCHEMA_BYTES_MAX {
            return Err(BadSchema::TooLarge { bytes });
        }
        if is_deeper(schema, SCHEMA_DEPTH_MAX) {
            return Err(BadSchema::TooDeep);
        }
        let patterns = PatternOptions::regex()
            .size_limit(SCHEMA_PATTERN_BYTES_MAX)
            .dfa_size_limit(SCHEMA_PATTERN_BYTES_MAX);
        let options = jsonschema::options().offline().with_pattern_options(patterns);
        let validator = options.build(schema).map_err(|error| BadSchema::Invalid {
            at: error.instance_path().to_string(),
            message: shortened(&error.to_string()),
        })?;
        Ok(Self { validator })
    }

    /// Puts the schema to an event's data.
    ///
    /// # Errors
    /// The first few things that are wrong, at least one. Data that is no JSON, or none at all, fits no schema.
    pub fn check(&self, event: &Event) -> Result<(), Vec<Misfit>> {
        let misfit = |at: &str, message: String| {
            let at = at.to_owned();
            Err(vec![Misfit { at, message }])
        };
        if let Some(media) = event.data_content_type().filter(|media| !is_json(media)) {
            let message = format!("the data has to be JSON, not {}", shortened(media));
            return misfit("/datacontenttype", message);
        }
        let Some(data) = event.data() else {
            return misfit("/data", "the event has no data".to_owned());
        };
        match serde_json::from_slice::<Value>(data) {
            Ok(value) => self.judge(&value, data.len()),
            Err(error) => misfit("/data", format!("the data is not JSON: {error}")),
        }
    }

    fn judge(&self, data: &Value, bytes: usize) -> Result<(), Vec<Misfit>> {
        let misfit = |error: jsonschema::ValidationError<'_>| Misfit {
            at: shortened(&format!("/data{}", error.instance_path())),
            message: shortened(&error.masked_with("the value").to_string()),
        };
        // All failures are gathered in memory before the first can be had: of large data only the first is looked for.
        if bytes > SCHEMA_EVERY_FAILURE_BYTES_MAX {
            return self.validator.validate(data).map_err(|error| vec![misfit(error)]);
        }
        if self.validator.is_valid(data) {
            return Ok(());
        }
        let errors = self.validator.iter_errors(data);
        Err(errors.take(SCHEMA_FAILURES_MAX).map(misfit).collect())
    }
}

impl fmt::Debug for DataSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSchema").finish_non_exhaustive()
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return true;
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper(item, below)),
        Value::Object(members) => members.values().any(|member| is_deeper(member, below)),
        _ => false,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SCHEMA_FAILURE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
