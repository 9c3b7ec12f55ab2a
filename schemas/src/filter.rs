//! Trigger filters: a condition on an event.
//!
//! Semantics (CloudEvents Subscriptions API 0.1, section 3.2.4.1, Knative's `filter.attributes`, and CloudEvents SQL):
//!
//! - Values are compared as canonical strings, byte for byte: the integer 5 equals `"5"`.
//! - A missing attribute makes `exact`, `prefix`, `suffix`, presence and every test of ours but `exists: false` false; so
//!   `not` of them is true.
//! - An expression lets an event pass when its value is the Boolean `true` and nothing went wrong.
//! - Only [`Filter::Data`] looks into the data, which is read as JSON the first time that one of them asks.
//!
//! A filter is checked when the configuration is read ([`crate::resources`]); evaluation cannot fail.
//!
//! `test` holds the conditions on one value, `data` finds values in JSON, `sql` is the expression dialect, `answer` what
//! an expression alone says, `explain` tells which clause decided, `key` what an index may file a filter under.

mod answer;
mod data;
mod explain;
mod key;
mod number;
mod sql;
mod test;
mod wildcard;

use serde::{Deserialize, Serialize};

use crate::event::Event;

pub use answer::{Answer, Fault, Scalar};
pub use data::{Facts, Pointer};
pub use explain::Clause;
pub use key::{Key, KeySet, Part};
pub use number::Number;
pub use sql::Sql;
pub use test::{Comparison, Network, Test};
pub use wildcard::Wildcard;

use data::Found;

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
    /// A CloudEvents SQL expression.
    Cesql(Sql),
    /// The attribute passes the test.
    Attribute(String, Test),
    /// The value at this place in the data passes the test. Data that is not JSON has no values.
    Data(Pointer, Test),
}

impl Filter {
    /// The filter that every event passes.
    pub fn everything() -> Filter {
        Filter::All(Vec::new())
    }

    /// Whether the event passes.
    pub fn matches(&self, event: &Event) -> bool {
        self.holds(&Facts::new(event))
    }

    /// Whether the event of these facts passes. Many filters share what one of them had to find out.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let attribute = |name: &str| facts.attribute(name);
        match self {
            Filter::All(filters) => filters.iter().all(|filter| filter.holds(facts)),
            Filter::Any(filters) => filters.iter().any(|filter| filter.holds(facts)),
            Filter::Not(filter) => !filter.holds(facts),
            Filter::Exact(name, value) => attribute(name).is_some_and(|found| found == value),
            Filter::Prefix(name, value) => {
                attribute(name).is_some_and(|found| found.starts_with(value.as_str()))
            }
            Filter::Suffix(name, value) => {
                attribute(name).is_some_and(|found| found.ends_with(value.as_str()))
            }
            Filter::Present(name) => attribute(name).is_some_and(|found| !found.is_empty()),
            Filter::Cesql(sql) => sql.matches(facts.event()),
            Filter::Attribute(name, test) => test.passes(attribute(name).map_or(Found::Nothing, Found::text)),
            Filter::Data(pointer, test) => facts.data(pointer, |found| test.passes(found)),
        }
    }
}
