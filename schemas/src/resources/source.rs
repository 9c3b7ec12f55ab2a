//! SourceSpec: what all sources share, where their events go and what is written over them.

use super::destination::Destination;
use super::meta;
use super::scope::Scope;
use crate::yaml::{Field, Problem, Reader};

/// Context attributes that are not extensions, and the name that none may have.
const NOT_EXTENSIONS: &[&str] = &[
    "id",
    "source",
    "specversion",
    "type",
    "datacontenttype",
    "dataschema",
    "subject",
    "time",
    "data",
];

/// `sink` and `ceOverrides` of a source.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Where its events go.
    pub sink: Destination,
    /// Extensions set on each event, in place of what it had: name and value.
    pub overrides: Vec<(String, String)>,
}

impl SourceSpec {
    /// Reads `sink` and `ceOverrides` out of a source's `spec`.
    pub(super) fn read(spec: &Reader<'_>, scope: &Scope) -> Option<SourceSpec> {
        let sink = Destination::decode(&spec.field("sink").required(), scope);
        let overrides = spec
            .field("ceOverrides")
            .map(|reader| Some(extensions(&reader.field("extensions"))));
        Some(SourceSpec {
            sink: sink?,
            overrides: overrides.unwrap_or_default(),
        })
    }
}

fn extensions(field: &Field<'_>) -> Vec<(String, String)> {
    let checked = meta::strings(field).into_iter().filter_map(|(key, value)| {
        let name = key.value;
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let message = if !is_name {
            format!("\"{name}\" is not an extension's name: lower-case letters and digits only")
        } else if NOT_EXTENSIONS.contains(&name.as_str()) {
            format!("\"{name}\" is not an extension and cannot be overridden")
        } else {
            return Some((name, value.value));
        };
        field.findings().add(Problem::error(&key.place, message));
        None
    });
    checked.collect()
}
