//! Schema (`heddle.dev/v1`): what the data of some events must look like, and what becomes of those that do not.
//!
//! ```yaml
//! spec:
//!   broker: orders                    # none: every broker of the namespace
//!   match: {type: com.example.order.*} # and/or dataschema: https://example.com/order.json
//!   mode: reject                      # off | warn | reject | quarantine
//!   schema: {type: object, required: [id]}
//! ```

use std::sync::Arc;

use super::meta::Meta;
use super::scope::Scope;
use super::trigger::broker_of;
use super::value::Value;
use crate::filter::Wildcard;
use crate::names::ResourceName;
use crate::validation::{BadSchema, DataSchema};
use crate::yaml::{self, Field, Findings, Located, Node, Place, Problem, Reader};

/// A schema and the events that it is for.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Its name, labels and annotations.
    pub meta: Meta,
    /// The broker at whose door it stands; none: every broker of its namespace.
    pub broker: Option<Located<ResourceName>>,
    /// Which events it is for.
    pub events: EventMatch,
    /// What becomes of an event that does not fit.
    pub mode: SchemaMode,
    /// The schema itself.
    pub schema: SchemaText,
}

/// Which events a schema is for: all that is written must hold, and something is.
#[derive(Clone, Debug)]
pub struct EventMatch {
    /// The event's type.
    pub ty: Option<Wildcard>,
    /// The event's `dataschema`, to the letter.
    pub data_schema: Option<String>,
}

/// What becomes of an event whose data does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaMode {
    /// Nothing: the schema is checked when the configuration is read, and put to no event.
    Off,
    /// It is accepted, counted and logged.
    Warn,
    /// It is refused.
    #[default]
    Reject,
    /// It is accepted, and kept as a dead letter in place of being delivered.
    Quarantine,
}

/// Where the schema is written.
#[derive(Clone, Debug)]
pub enum SchemaText {
    /// In the resource; compiled.
    Inline(Arc<DataSchema>),
    /// In a file, which is looked at when it is known: JSON, or YAML where its name says so.
    File(Value),
}

impl Schema {
    pub(super) fn decode(document: &Reader<'_>, meta: Option<Meta>, scope: &Scope) -> Option<Schema> {
        if let Some(meta) = &meta {
            meta.review_annotations(document, &[]);
        }
        document.field("spec").required().map(|spec| {
            let broker_name = spec.field("broker").text();
            let has_broker = broker_name.is_some();
            let broker = broker_name.and_then(|name| broker_of(spec, scope, name));
            let events = spec.field("match").required().map(event_match);
            let mode = mode(&spec.field("mode"));
            let inline = spec
                .field("schema")
                .value()
                .and_then(|_| inline(&spec.field("schema")));
            let file = Value::decode_path(&spec.field("file"), scope);
            let schema = match spec.exactly_one(&["schema", "file"])? {
                "schema" => SchemaText::Inline(inline?),
                _ => SchemaText::File(file?),
            };
            (broker.is_some() == has_broker).then_some(())?;
            Some(Schema {
                broker,
                events: events?,
                mode: mode?,
                schema,
                meta: meta?,
            })
        })
    }

    /// Whether it stands at the door of this broker.
    pub fn is_for(&self, broker: &ResourceName) -> bool {
        match &self.broker {
            Some(own) => own.value == *broker,
            None => self.meta.namespace() == broker.namespace(),
        }
    }
}

/// Compiles a schema that stands in a file, of which `place` names the place that asks for it.
///
/// # Errors
/// A problem at that place, which says what is wrong in the file and where.
pub fn compile_file(place: &Place, path: &str, text: &str) -> Result<Arc<DataSchema>, Problem> {
    let wrong = |what: String| Problem::error(place, format!("the schema in {path} cannot be used: {what}"));
    let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
    let json = if is_yaml {
        let findings = Findings::new(path);
        let json = match yaml::parse(text, &findings).as_slice() {
            [one] => yaml::json(one, "the schema", &findings),
            _ => None,
        };
        let (problems, _, _) = findings.finish();
        let problem = problems.first().map(ToString::to_string);
        match (json, problem) {
            (Some(json), None) => json,
            (_, problem) => {
                return Err(wrong(
                    problem.unwrap_or_else(|| "it has to be one document".to_owned()),
                ));
            }
        }
    } else {
        serde_json::from_str(text).map_err(|error| wrong(format!("it is not JSON: {error}")))?
    };
    let compiled = DataSchema::compile(&json).map_err(|error| match &error {
        BadSchema::Invalid { at, message } if !at.is_empty() => wrong(format!("{at}: {message}")),
        _ => wrong(error.to_string()),
    });
    compiled.map(Arc::new)
}

fn event_match(reader: &Reader<'_>) -> Option<EventMatch> {
    let ty = reader.field("type").text();
    let data_schema = reader.field("dataschema").text();
    if reader.present(&["type", "dataschema"]).is_empty() {
        let message = format!("{} needs type or dataschema", reader.path());
        let problem = Problem::error(&reader.place(), message);
        reader
            .findings()
            .add(problem.with_help("type: '*' stands for every event"));
        return None;
    }
    Some(EventMatch {
        ty: ty.map(|ty| Wildcard::from(ty.value)),
        data_schema: data_schema.map(|uri| uri.value),
    })
}

/// An unsaid mode is `reject`: who writes a schema wants it kept.
fn mode(field: &Field<'_>) -> Option<SchemaMode> {
    if field.is_absent() {
        return Some(SchemaMode::default());
    }
    let modes = [
        ("off", SchemaMode::Off),
        ("warn", SchemaMode::Warn),
        ("reject", SchemaMode::Reject),
        ("quarantine", SchemaMode::Quarantine),
    ];
    field.one_of(&modes)
}

fn inline(field: &Field<'_>) -> Option<Arc<DataSchema>> {
    let node: &Node = field.value()?;
    match DataSchema::compile(&field.json()?) {
        Ok(schema) => Some(Arc::new(schema)),
        Err(error) => {
            let at = match &error {
                BadSchema::Invalid { at, .. } => at.as_str(),
                BadSchema::TooLarge { .. } | BadSchema::TooDeep => "",
            };
            let path = format!("{}{}", field.path(), at.replace('/', "."));
            let place = field.findings().place(yaml::at(node, at).start, path.clone());
            let message = format!("{path} is no schema that can be used: {error}");
            field.findings().add(Problem::error(&place, message));
            None
        }
    }
}
