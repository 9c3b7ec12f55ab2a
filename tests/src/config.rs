//! Builds resources in Knative's shape and writes them as multi-document YAML, the way a person would lay them out.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// A list of resources for one configuration file.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    documents: Vec<String>,
}

/// A Trigger in the making: no filter, no delivery, broker `default`, namespace `default`.
#[derive(Clone, Debug)]
pub struct Trigger {
    name: String,
    namespace: String,
    annotations: Map<String, Value>,
    spec: Map<String, Value>,
}

impl Resources {
    /// No resources.
    pub fn new() -> Self {
        Self::default()
    }

    /// The broker `default/default` without any delivery of its own.
    pub fn with_default_broker() -> Self {
        Self::new().broker("default", json!({}))
    }

    /// Adds a Broker in namespace `default` with this spec.
    #[must_use]
    pub fn broker(self, name: &str, spec: Value) -> Self {
        self.document(resource(
            "eventing.knative.dev/v1",
            "Broker",
            "default",
            name,
            spec,
        ))
    }

    /// Adds a Trigger.
    #[must_use]
    pub fn trigger(self, trigger: Trigger) -> Self {
        let spec = Value::Object(trigger.spec);
        let mut document = resource(
            "eventing.knative.dev/v1",
            "Trigger",
            &trigger.namespace,
            &trigger.name,
            spec,
        );
        if !trigger.annotations.is_empty() {
            document["metadata"]["annotations"] = Value::Object(trigger.annotations);
        }
        self.document(document)
    }

    /// Adds a resource of namespace `default` whose spec names no sink: it gets the broker `default` as its sink.
    #[must_use]
    pub fn source(self, api_version: &str, kind: &str, name: &str, mut spec: Value) -> Self {
        let broker =
            json!({"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}});
        let fields = spec.as_object_mut().expect("a spec is an object");
        fields.entry("sink").or_insert(broker);
        self.document(resource(api_version, kind, "default", name, spec))
    }

    /// Adds any resource.
    #[must_use]
    pub fn document(mut self, resource: Value) -> Self {
        let mut text = String::new();
        block(&resource, 0, &mut text);
        self.documents.push(text);
        self
    }

    /// Adds a document as it is written.
    #[must_use]
    pub fn text(mut self, yaml: &str) -> Self {
        self.documents.push(yaml.to_owned());
        self
    }

    /// The YAML text of all documents.
    pub fn to_yaml(&self) -> String {
        self.documents.join("---\n")
    }

    /// Writes the file `mesh.yaml` into `folder` and returns its path.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("mesh.yaml");
        std::fs::write(&path, self.to_yaml()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}

impl Trigger {
    /// A trigger on the broker `default` that sends everything to `uri`.
    pub fn new(name: &str, uri: &str) -> Self {
        let spec = json!({"broker": "default", "subscriber": {"uri": uri}});
        let Value::Object(spec) = spec else {
            unreachable!("an object literal")
        };
        Self {
            name: name.to_owned(),
            namespace: "default".to_owned(),
            annotations: Map::new(),
            spec,
        }
    }

    /// Listens to another broker of the same namespace.
    #[must_use]
    pub fn broker(self, name: &str) -> Self {
        self.field("broker", json!(name))
    }

    /// Sets `filter.attributes`.
    #[must_use]
    pub fn attributes(self, attributes: Value) -> Self {
        self.field("filter", json!({"attributes": attributes}))
    }

    /// Sets the `filters` list.
    #[must_use]
    pub fn filters(self, filters: Value) -> Self {
        self.field("filters", filters)
    }

    /// Sets `delivery`.
    #[must_use]
    pub fn delivery(self, delivery: Value) -> Self {
        self.field("delivery", delivery)
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), json!(value));
        self
    }

    /// Sets `subscriber`.
    #[must_use]
    pub fn subscriber(self, subscriber: Value) -> Self {
        self.field("subscriber", subscriber)
    }

    fn field(mut self, name: &str, value: Value) -> Self {
        self.spec.insert(name.to_owned(), value);
        self
    }
}

/// A resource in the shape that all kinds share.
pub fn resource(api_version: &str, kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

/// Writes `value` in block style at this indent: objects and lists a line an entry, scalars as JSON (which is YAML).
fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                text.push_str(&pad);
                entry(&format!("{}:", json!(name)), value, indent + 2, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&pad);
                entry("-", item, indent + 2, text);
            }
        }
        scalar => writeln!(text, "{pad}{scalar}").expect("a string takes any text"),
    }
}

/// Writes `lead` and its value: on the same line when it is a scalar or empty, below it when it is not.
fn entry(lead: &str, value: &Value, indent: usize, text: &mut String) {
    let empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    if empty || !(value.is_object() || value.is_array()) {
        writeln!(text, "{lead} {value}").expect("a string takes any text");
    } else {
        writeln!(text, "{lead}").expect("a string takes any text");
        block(value, indent, text);
    }
}
