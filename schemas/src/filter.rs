//! Trigger filters: a condition on the context attributes of an event.
//!
//! Semantics (CloudEvents Subscriptions API 0.1, section 3.2.4.1, and Knative's `filter.attributes`):
//!
//! - Values are compared as canonical strings, byte for byte: the integer 5 equals `"5"`.
//! - A missing attribute makes `exact`, `prefix`, `suffix` and presence false; so `not` of them is true.
//! - Data cannot be addressed.
//!
//! A filter is checked when the configuration is read ([`crate::resources`]); evaluation cannot fail.

use std::iter;

use serde::{Deserialize, Serialize};

use crate::event::Event;

#[cfg(test)]
mod tests;

/// A condition on an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Filter {
    /// All of them hold. Holds when empty.
    All(Vec<Filter>),
    /// At least one of them holds. Does not hold when empty.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// The attribute is there and equals the value.
    Exact(String, String),
    /// The attribute is there and starts with the value.
    Prefix(String, String),
    /// The attribute is there and ends with the value.
    Suffix(String, String),
    /// The attribute is there and is not empty.
    Present(String),
}

impl Filter {
    /// The filter that every event passes.
    pub fn everything() -> Filter {
        Filter::All(Vec::new())
    }

    /// Whether the event passes.
    pub fn matches(&self, event: &Event) -> bool {
        self.holds(&|name| event.attribute(name).map(|attribute| attribute.value))
    }

    /// Pairs of attribute and value that an event must have, exactly, to pass. An index may use any of them to skip events; an
    /// event that has all of them may still not pass. Empty when nothing can be said.
    pub fn required_exact(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut open = vec![self];
        iter::from_fn(move || {
            while let Some(filter) = open.pop() {
                match filter {
                    Filter::Exact(name, value) => return Some((name.as_str(), value.as_str())),
                    Filter::All(filters) => open.extend(filters.iter().rev()),
                    Filter::Any(filters) if filters.len() == 1 => open.extend(filters),
                    Filter::Any(_) => {}
                    Filter::Not(_) | Filter::Prefix(..) | Filter::Suffix(..) | Filter::Present(_) => {}
                }
            }
            None
        })
    }

    fn holds<'e>(&self, attribute: &impl Fn(&str) -> Option<&'e str>) -> bool {
        match self {
            Filter::All(filters) => filters.iter().all(|filter| filter.holds(attribute)),
            Filter::Any(filters) => filters.iter().any(|filter| filter.holds(attribute)),
            Filter::Not(filter) => !filter.holds(attribute),
            Filter::Exact(name, value) => attribute(name).is_some_and(|found| found == value),
            Filter::Prefix(name, value) => {
                attribute(name).is_some_and(|found| found.starts_with(value.as_str()))
            }
            Filter::Suffix(name, value) => {
                attribute(name).is_some_and(|found| found.ends_with(value.as_str()))
            }
            Filter::Present(name) => attribute(name).is_some_and(|found| !found.is_empty()),
        }
    }
}
