//! `filter` and `filters` of a trigger -> [`Filter`]. A filter that cannot be understood is an error, never skipped.

mod conditions;
mod expression;

use crate::filter::Filter;
use crate::yaml::{Field, Located, Place, Problem, Reader};

/// The dialects of an element of `filters`.
const DIALECTS: &[&str] = &["exact", "prefix", "suffix", "all", "any", "not", "cesql", HEDDLE];

/// The payload, which is no attribute.
const DATA: &str = "data";

/// The conditions that Knative does not have, as one more dialect.
const HEDDLE: &str = "heddle.dev/v1";

/// A filter and where each of its conditions is written: one place a leaf, in the order of the filter's leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFilter {
    /// The filter.
    pub filter: Filter,
    /// Where each condition that has none inside stands.
    pub places: Vec<Place>,
}

/// Reads both fields of a trigger's `spec`. A `filters` that is not empty replaces `filter`; neither takes every event.
pub(super) fn decode(spec: &Reader<'_>) -> Option<WrittenFilter> {
    let filter_field = spec.field("filter");
    let filter = filter_field.map(|reader| attributes(&reader.field("attributes")));
    let filters_field = spec.field("filters");
    let filters = elements(&filters_field)?;
    if filters.is_empty() {
        return if filter_field.is_absent() {
            Some(all_of(Vec::new()))
        } else {
            filter
        };
    }
    if !filter_field.is_absent() {
        let message = format!(
            "{} is ignored: {} replaces it",
            filter_field.path(),
            filters_field.path()
        );
        spec.findings()
            .add(Problem::notice(&filter_field.name_place(), message));
    }
    Some(all_of(filters))
}

/// `filter.attributes`: every pair must hold; an empty value asks for the attribute to be there and not empty.
fn attributes(field: &Field<'_>) -> Option<WrittenFilter> {
    let pairs = field.entries()?;
    let written = pairs.len();
    let filters: Vec<_> = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let (name, value) = (attribute_name(field, name), value.string());
            let (name, value) = (name?, value?);
            let filter = if value.value.is_empty() {
                Filter::Present(name.value)
            } else {
                Filter::Exact(name.value, value.value)
            };
            Some(leaf(filter, name.place))
        })
        .collect();
    (filters.len() == written).then(|| all_of(filters))
}

/// A list of elements; none when one of them cannot be read.
fn elements(field: &Field<'_>) -> Option<Vec<WrittenFilter>> {
    let items = field.items()?;
    let filters: Vec<_> = items.iter().filter_map(element).collect();
    (filters.len() == items.len()).then_some(filters)
}

/// One element: a mapping with exactly one dialect.
fn element(field: &Field<'_>) -> Option<WrittenFilter> {
    if field.is_absent() {
        field.error(format!("{} needs one of {}", field.path(), DIALECTS.join(", ")));
    }
    field.map(|reader| {
        let exact = pairs(&reader.field("exact"), Filter::Exact);
        let prefix = pairs(&reader.field("prefix"), Filter::Prefix);
        let suffix = pairs(&reader.field("suffix"), Filter::Suffix);
        let all = nested(&reader.field("all")).map(all_of);
        let any = nested(&reader.field("any")).map(|any| several(Filter::Any, any));
        let not = Some(reader.field("not"))
            .filter(|not| !not.is_absent())
            .and_then(|not| element(&not));
        let cesql = expression::decode(&reader.field("cesql"));
        let ours = conditions::decode(&reader.field(HEDDLE));
        match reader.exactly_one(DIALECTS)? {
            "exact" => exact,
            "prefix" => prefix,
            "suffix" => suffix,
            "all" => all,
            "any" => any,
            "not" => not.map(|inside| WrittenFilter {
                filter: Filter::Not(Box::new(inside.filter)),
                places: inside.places,
            }),
            "cesql" => cesql,
            HEDDLE => ours,
            _ => None,
        }
    })
}

/// The value of `exact`, `prefix` or `suffix`: at least one pair, none of them empty, and all must hold.
fn pairs(field: &Field<'_>, condition: fn(String, String) -> Filter) -> Option<WrittenFilter> {
    let pairs = at_least_one(field)?;
    let written = pairs.len();
    let filters: Vec<_> = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let (name, value) = (attribute_name(field, name), value.text());
            let (name, value) = (name?, value?);
            Some(leaf(condition(name.value, value.value), name.place))
        })
        .collect();
    (filters.len() == written).then(|| all_of(filters))
}

/// The pairs of a mapping that must not be empty; none when it is absent.
fn at_least_one<'a>(field: &Field<'a>) -> Option<Vec<(Located<String>, Field<'a>)>> {
    let pairs = field.entries()?;
    if pairs.is_empty() && !field.is_absent() {
        field.error(format!("{} needs at least one attribute", field.path()));
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// The list of `all` or `any`: at least one element.
fn nested(field: &Field<'_>) -> Option<Vec<WrittenFilter>> {
    if field.is_absent() {
        return None;
    }
    let filters = elements(field)?;
    if filters.is_empty() {
        field.error(format!("{} needs at least one element", field.path()));
        return None;
    }
    Some(filters)
}

/// `^[a-z][a-z0-9]*$`, as Knative has it, and not the payload, which no attribute may be called (core specification,
/// "Attribute Naming Convention").
fn attribute_name(field: &Field<'_>, name: Located<String>) -> Option<Located<String>> {
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if is_name(&name.value) && name.value != DATA {
        return Some(name);
    }
    let message = format!("\"{}\" is not the name of an attribute", name.value);
    let lower = name.value.to_ascii_lowercase();
    let help = match is_name(&lower) {
        _ if lower == DATA => {
            format!("what is in the data is asked for by {HEDDLE}: {{data: {{/pointer: {{exact: ...}}}}}}")
        }
        true => format!("did you mean \"{lower}\"?"),
        false => "a name is lower-case letters and digits, a letter first".to_owned(),
    };
    field
        .findings()
        .add(Problem::error(&name.place, message).with_help(help));
    None
}

fn leaf(filter: Filter, place: Place) -> WrittenFilter {
    WrittenFilter {
        filter,
        places: vec![place],
    }
}

fn all_of(mut filters: Vec<WrittenFilter>) -> WrittenFilter {
    match filters.len() {
        1 => filters.remove(0),
        _ => several(Filter::All, filters),
    }
}

fn several(join: fn(Vec<Filter>) -> Filter, written: Vec<WrittenFilter>) -> WrittenFilter {
    let (filters, places): (Vec<_>, Vec<_>) = written
        .into_iter()
        .map(|written| (written.filter, written.places))
        .unzip();
    WrittenFilter {
        filter: join(filters),
        places: places.concat(),
    }
}
