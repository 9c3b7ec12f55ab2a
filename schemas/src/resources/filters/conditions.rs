//! The dialect `heddle.dev/v1`: tests of attributes and of values in the data.
//!
//! ```yaml
//! heddle.dev/v1:
//!   attributes:
//!     priority: {gte: 5}
//!     subject: {wildcard: "orders/*"}
//!     clientip: {cidr: [10.0.0.0/8, "2001:db8::/32"]}
//!   data:
//!     /order/total: {gt: 99.5, lt: 1000}
//!     /order/country: {in: [DE, FR]}
//! ```
//!
//! All that is written must hold.

use std::fmt;

use super::{WrittenFilter, all_of, at_least_one, attribute_name, leaf};
use crate::filter::{Comparison, Filter, Network, Number, Pointer, Test, Wildcard};
use crate::yaml::{Field, Located, Problem, Reader, Value};

/// The tests that a value may be put to.
const TESTS: &[&str] = &[
    "exact", "in", "prefix", "suffix", "wildcard", "cidr", "exists", "eq", "ne", "lt", "lte", "gt", "gte",
];

const COMPARISONS: &[Comparison] = &[
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// The value of `heddle.dev/v1`.
pub(super) fn decode(field: &Field<'_>) -> Option<WrittenFilter> {
    field.map(|reader| {
        let attributes = reader.field("attributes");
        let data = reader.field("data");
        if attributes.is_absent() && data.is_absent() {
            field.error(format!("{} needs attributes or data", field.path()));
            return None;
        }
        let of_attributes = each(&attributes, |name| {
            let name = attribute_name(&attributes, name)?;
            Some(name.map(Target::Attribute))
        });
        let of_data = each(&data, |name| match Pointer::try_from(name.value) {
            Ok(pointer) => Some(Located {
                value: Target::Data(pointer),
                place: name.place,
            }),
            Err(error) => {
                let problem = Problem::error(&name.place, error.to_string());
                data.findings().add(problem);
                None
            }
        });
        Some(all_of(of_attributes?.into_iter().chain(of_data?).collect()))
    })
}

/// What is tested.
enum Target {
    Attribute(String),
    Data(Pointer),
}

impl Target {
    fn with(&self, test: Test) -> Filter {
        match self {
            Self::Attribute(name) => Filter::Attribute(name.clone(), test),
            Self::Data(pointer) => Filter::Data(pointer.clone(), test),
        }
    }
}

/// The conditions of a mapping from names to tests; none of them when it is absent.
fn each(
    field: &Field<'_>,
    target: impl Fn(Located<String>) -> Option<Located<Target>>,
) -> Option<Vec<WrittenFilter>> {
    if field.is_absent() {
        return Some(Vec::new());
    }
    let pairs = at_least_one(field)?;
    let written = pairs.len();
    let filters: Vec<_> = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let (target, tests) = (target(name), value.required().map(tests));
            let (target, tests) = (target?, tests?);
            let leaves = tests
                .into_iter()
                .map(|test| leaf(target.value.with(test), target.place.clone()));
            Some(all_of(leaves.collect()))
        })
        .collect();
    (filters.len() == written).then_some(filters)
}

/// The tests of one value: at least one, each of them well written.
fn tests(reader: &Reader<'_>) -> Option<Vec<Test>> {
    let written = reader.present(TESTS).len();
    let mut tests: Vec<Test> = [
        scalar(&reader.field("exact")).map(Test::Equals),
        list(&reader.field("in"), scalar).map(Test::OneOf),
        reader.field("prefix").text().map(|text| Test::Prefix(text.value)),
        reader.field("suffix").text().map(|text| Test::Suffix(text.value)),
        reader
            .field("wildcard")
            .text()
            .map(|text| Test::Wildcard(Wildcard::from(text.value))),
        list(&reader.field("cidr"), network).map(Test::Cidr),
        reader.field("exists").boolean().map(Test::Exists),
    ]
    .into_iter()
    .flatten()
    .collect();
    for comparison in COMPARISONS {
        let number = number(&reader.field(comparison.as_str()));
        tests.extend(number.map(|number| Test::Compare(*comparison, number)));
    }
    if written == 0 {
        let message = format!("{} needs one of {}", reader.path(), TESTS.join(", "));
        reader.findings().add(Problem::error(&reader.place(), message));
    }
    (written > 0 && tests.len() == written).then_some(tests)
}

/// A string, a number as it is written, or a boolean: what has a canonical string.
fn scalar(field: &Field<'_>) -> Option<String> {
    match &field.value()?.value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => field.wrong_type("a string, a number or a boolean"),
    }
}

fn number(field: &Field<'_>) -> Option<Number> {
    match &field.value()?.value {
        Value::Number(text) | Value::Text(text) => checked(field, text.parse()),
        Value::Bool(_) | Value::Null | Value::List(_) | Value::Map(_) => field.wrong_type("a number"),
    }
}

fn network(field: &Field<'_>) -> Option<Network> {
    checked(field, field.text()?.value.parse())
}

/// A list with at least one item, or a single one.
fn list<T>(field: &Field<'_>, read: impl Fn(&Field<'_>) -> Option<T>) -> Option<Vec<T>> {
    if !matches!(field.value()?.value, Value::List(_)) {
        return read(field).map(|one| vec![one]);
    }
    let items = field.items()?;
    if items.is_empty() {
        field.error(format!("{} needs at least one item", field.path()));
        return None;
    }
    let read: Vec<T> = items.iter().filter_map(read).collect();
    (read.len() == items.len()).then_some(read)
}

fn checked<T, E: fmt::Display>(field: &Field<'_>, result: Result<T, E>) -> Option<T> {
    result
        .map_err(|error| field.error(format!("{}: {error}", field.path())))
        .ok()
}
