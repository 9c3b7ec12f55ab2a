//! A YAML tree as JSON, for what is written in YAML and read by others as JSON.

use serde_json::Value as Json;

use super::field::Field;
use super::node::{Node, Value};
use super::problem::{Findings, Problem};

impl Field<'_> {
    /// The value written here as JSON, null included; none, and a problem, when there is no such JSON.
    pub fn json(&self) -> Option<Json> {
        json(self.value()?, self.path(), self.findings())
    }
}

/// A tree as JSON. `path` is where it stands, for messages.
pub(crate) fn json(node: &Node, path: &str, findings: &Findings) -> Option<Json> {
    Some(match &node.value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Text(text) => Json::String(text.clone()),
        Value::Number(text) => match serde_json::from_str(text) {
            Ok(number) => Json::Number(number),
            Err(_) => {
                let message = format!("{path}: {text} is no number of JSON");
                let problem = Problem::error(&findings.place(node.start, path), message);
                findings.add(problem.with_help("write it as decimal digits, or in quotes if it is a text"));
                return None;
            }
        },
        Value::List(items) => {
            let read = items
                .iter()
                .enumerate()
                .map(|(index, item)| json(item, &format!("{path}[{index}]"), findings));
            // All of them are read, so that every mistake is reported at once.
            let read: Vec<Option<Json>> = read.collect();
            Json::Array(read.into_iter().collect::<Option<_>>()?)
        }
        Value::Map(entries) => {
            let read = entries.iter().map(|entry| {
                let value = json(&entry.value, &format!("{path}.{}", entry.key), findings);
                Some((entry.key.clone(), value?))
            });
            let read: Vec<Option<(String, Json)>> = read.collect();
            Json::Object(read.into_iter().collect::<Option<_>>()?)
        }
    })
}

/// The node that a JSON pointer leads to, or the last one on its way.
pub(crate) fn at<'a>(root: &'a Node, pointer: &str) -> &'a Node {
    let mut node = root;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = match &node.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == step)
                .map(|entry| &entry.value),
            Value::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        node = next;
    }
    node
}
