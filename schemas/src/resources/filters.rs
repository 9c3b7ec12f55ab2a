//! `filter` and `filters` of a trigger -> [`Filter`]. A filter that cannot be understood is an error, never skipped.

use crate::filter::Filter;
use crate::yaml::{Field, Located, Problem, Reader};

/// The dialects of an element of `filters`.
const DIALECTS: &[&str] = &["exact", "prefix", "suffix", "all", "any", "not", "cesql"];

/// Reads both fields of a trigger's `spec`. A `filters` that is not empty replaces `filter`; neither takes every event.
pub(super) fn decode(spec: &Reader<'_>) -> Option<Filter> {
    let filter_field = spec.field("filter");
    let filter = filter_field.map(|reader| attributes(&reader.field("attributes")));
    let filters_field = spec.field("filters");
    let filters = elements(&filters_field)?;
    if filters.is_empty() {
        return if filter_field.is_absent() {
            Some(Filter::everything())
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
fn attributes(field: &Field<'_>) -> Option<Filter> {
    let pairs = field.entries()?;
    let written = pairs.len();
    let filters: Vec<Filter> = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let (name, value) = (attribute_name(field, name), value.string());
            let (name, value) = (name?, value?.value);
            Some(if value.is_empty() {
                Filter::Present(name)
            } else {
                Filter::Exact(name, value)
            })
        })
        .collect();
    (filters.len() == written).then(|| all_of(filters))
}

/// A list of elements; none when one of them cannot be read.
fn elements(field: &Field<'_>) -> Option<Vec<Filter>> {
    let items = field.items()?;
    let filters: Vec<Filter> = items.iter().filter_map(element).collect();
    (filters.len() == items.len()).then_some(filters)
}

/// One element: a mapping with exactly one dialect.
fn element(field: &Field<'_>) -> Option<Filter> {
    if field.is_absent() {
        field.error(format!("{} needs one of {}", field.path(), DIALECTS.join(", ")));
    }
    field.map(|reader| {
        let exact = pairs(&reader.field("exact"), Filter::Exact);
        let prefix = pairs(&reader.field("prefix"), Filter::Prefix);
        let suffix = pairs(&reader.field("suffix"), Filter::Suffix);
        let all = nested(&reader.field("all")).map(all_of);
        let any = nested(&reader.field("any")).map(Filter::Any);
        let not = Some(reader.field("not"))
            .filter(|not| !not.is_absent())
            .and_then(|not| element(&not));
        reader.refuse("cesql", "use exact, prefix, suffix, all, any and not");
        match reader.exactly_one(DIALECTS)? {
            "exact" => exact,
            "prefix" => prefix,
            "suffix" => suffix,
            "all" => all,
            "any" => any,
            "not" => not.map(|filter| Filter::Not(Box::new(filter))),
            _ => None,
        }
    })
}

/// The value of `exact`, `prefix` or `suffix`: at least one pair, none of them empty, and all must hold.
fn pairs(field: &Field<'_>, condition: fn(String, String) -> Filter) -> Option<Filter> {
    let pairs = field.entries()?;
    if field.is_absent() {
        return None;
    }
    let written = pairs.len();
    if written == 0 {
        field.error(format!("{} needs at least one attribute", field.path()));
        return None;
    }
    let filters: Vec<Filter> = pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let (name, value) = (attribute_name(field, name), value.text());
            Some(condition(name?, value?.value))
        })
        .collect();
    (filters.len() == written).then(|| all_of(filters))
}

/// The list of `all` or `any`: at least one element.
fn nested(field: &Field<'_>) -> Option<Vec<Filter>> {
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

/// `^[a-z][a-z0-9]*$`, as Knative has it.
fn attribute_name(field: &Field<'_>, name: Located<String>) -> Option<String> {
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if is_name(&name.value) {
        return Some(name.value);
    }
    let message = format!("\"{}\" is not the name of an attribute", name.value);
    let lower = name.value.to_ascii_lowercase();
    let help = match is_name(&lower) {
        true => format!("did you mean \"{lower}\"?"),
        false => "a name is lower-case letters and digits, a letter first".to_owned(),
    };
    field
        .findings()
        .add(Problem::error(&name.place, message).with_help(help));
    None
}

fn all_of(mut filters: Vec<Filter>) -> Filter {
    match filters.len() {
        1 => filters.remove(0),
        _ => Filter::All(filters),
    }
}
