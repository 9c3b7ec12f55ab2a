//! EventType (`eventing.knative.dev/v1beta1` to `v1beta3`): what somebody says about a type of events. It is shown beside
//! what was seen and changes nothing.
//!
//! `v1beta3` lists attributes with values; the versions before have fields for them. Both are read under every version.

use super::meta::Meta;
use super::scope::Scope;
use super::trigger::broker_of;
use crate::names::ResourceName;
use crate::yaml::{Field, Located, Reader};

/// What is said about a type of events.
#[derive(Clone, Debug)]
pub struct EventType {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// The type.
    pub ty: String,
    /// Where such events come from; may be a template with `{variable}`s.
    pub source: Option<String>,
    /// A URI that names the schema of the data.
    pub schema: Option<String>,
    /// In words.
    pub description: Option<String>,
    /// The broker that has such events, when it is said to be a broker.
    pub broker: Option<Located<ResourceName>>,
}

impl EventType {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<EventType> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[]);
        }
        document.field("spec").required().map(|spec| {
            let attributes = spec.field("attributes").list(attribute);
            let of = |name: &str| {
                let found = attributes.iter().find(|(found, _)| found == name);
                found.and_then(|(_, value)| value.clone())
            };
            let (ty, source) = (spec.field("type").text(), spec.field("source").text());
            let schema = spec.field("schema").string();
            spec.notice("schemaData", "a heddle.dev/v1 Schema holds data to a schema");
            spec.ignore(&["variables"]);
            let description = spec.field("description").string();
            let by_name = spec.field("broker").text();
            let named = by_name.or_else(|| reference(&spec.field("reference")));
            let broker = named.and_then(|name| broker_of(spec, scope, name));
            let ty = ty.map(|ty| ty.value).or_else(|| of("type"));
            if ty.is_none() && spec.present(&["type"]).is_empty() {
                let _complained = spec.field("type").required();
            }
            Some(EventType {
                ty: ty?,
                source: source.map(|source| source.value).or_else(|| of("source")),
                schema: schema
                    .map(|schema| schema.value)
                    .filter(|uri| !uri.is_empty())
                    .or_else(|| of("dataschema")),
                description: description.map(|text| text.value).filter(|text| !text.is_empty()),
                broker,
                meta: meta?,
            })
        })
    }
}

/// An item of `attributes`: its name, and its value if it has one.
fn attribute(item: &Field<'_>) -> Option<(String, Option<String>)> {
    item.map(|reader| {
        let name = reader.field("name").required().text();
        let value = reader.field("value").string();
        reader.field("required").boolean();
        Some((
            name?.value,
            value.map(|value| value.value).filter(|value| !value.is_empty()),
        ))
    })
}

/// The broker's name, when it is a broker that is referred to.
fn reference(field: &Field<'_>) -> Option<Located<String>> {
    field.map(|reader| {
        let kind = reader.field("kind").required().text();
        let name = reader.field("name").required().text();
        reader.ignore(&["apiVersion", "namespace"]);
        name.filter(|_| kind.is_some_and(|kind| kind.value == "Broker"))
    })
}
