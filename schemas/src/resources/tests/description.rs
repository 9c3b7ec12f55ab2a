//! The description of the configuration and the decoders know the same fields and choices.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::decode;
use super::super::description::CONFIGURATION;
use super::super::kinds::served_names;

/// What nobody has written.
const NOBODYS: &str = "zzzzzzzzzzzzzzzzzzzz";
/// Fields that a decoder refuses by name, with advice: an editor need not offer them.
const REFUSED: &[&str] = &[
    "generateName",
    "brokerRef",
    "group",
    "address",
    "tokenProvider",
    "roleARN",
];

fn description() -> Value {
    serde_json::from_str(CONFIGURATION).unwrap()
}

/// A place in a document: the steps that lead to it.
#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Item,
}

/// Goes through what the description has below a place, and calls for each object with fixed members and each choice.
struct Walk<'a> {
    root: &'a Value,
    kind: &'a str,
    objects: usize,
    choices: usize,
}

impl Walk<'_> {
    fn at(&mut self, node: &Value, path: &[Step]) {
        if path.len() > 12 {
            return; // Filters hold filters.
        }
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let node = self
                .root
                .pointer(reference.trim_start_matches('#'))
                .unwrap()
                .clone();
            return self.at(&node, path);
        }
        for alternative in ["oneOf", "allOf"]
            .iter()
            .filter_map(|word| node.get(word)?.as_array())
        {
            alternative.iter().for_each(|one| self.at(one, path));
        }
        let extended = |step: Step| [path, &[step]].concat();
        if let Some(items) = node.get("items") {
            self.at(items, &extended(Step::Item));
        }
        match node.get("additionalProperties") {
            Some(Value::Bool(false)) => self.object(node, path),
            Some(of_any) => self.at(of_any, &extended(Step::Member("/any".to_owned()))),
            None => {}
        }
        // Annotations and labels are not fields.
        let is_free = node.get("additionalProperties").is_some_and(Value::is_object);
        for (name, member) in node
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            if !is_free {
                self.at(member, &extended(Step::Member(name.clone())));
            }
        }
        if let Some(choices) = node.get("enum").and_then(Value::as_array) {
            self.choice(choices, path);
        }
    }

    fn object(&mut self, node: &Value, path: &[Step]) {
        let described: BTreeSet<String> = node["properties"].as_object().unwrap().keys().cloned().collect();
        let helps = self.helps(json!({NOBODYS: 1}), path, &format!("unknown field \"{NOBODYS}\""));
        let [help] = helps.as_slice() else {
            panic!(
                "{} at {path:?}: the decoder does not look there: {helps:?}",
                self.kind
            )
        };
        let read = listed(help)
            .into_iter()
            .filter(|name| !REFUSED.contains(&name.as_str()));
        let read: BTreeSet<String> = read.collect();
        assert_eq!(
            read, described,
            "{} at {path:?}: on the left what the decoder reads, on the right configuration.schema.json",
            self.kind
        );
        self.objects += 1;
    }

    fn choice(&mut self, choices: &[Value], path: &[Step]) {
        let helps = self.helps(json!(NOBODYS), path, "cannot be");
        let Some(help) = helps.first() else { return };
        let described: BTreeSet<String> = choices
            .iter()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect();
        let read: BTreeSet<String> = listed(help).into_iter().collect();
        assert_eq!(read, described, "{} at {path:?}", self.kind);
        self.choices += 1;
    }

    /// What is advised by the problems of this beginning, with this value at this place of a document.
    fn helps(&self, value: Value, path: &[Step], beginning: &str) -> Vec<String> {
        let versions = &self.root["definitions"][self.kind]["properties"]["apiVersion"]["enum"];
        let mut document = json!({"apiVersion": versions[0], "kind": self.kind, "metadata": {"name": "x"}});
        put(&mut document, path, value);
        let decoded = decode("f.yaml", &document.to_string());
        let problems = decoded.problems.into_iter();
        let about = problems.filter(|problem| problem.message.contains(beginning));
        about.map(|problem| problem.help.unwrap_or_default()).collect()
    }
}

/// The names after the colon of an advice.
fn listed(help: &str) -> Vec<String> {
    let (_, names) = help
        .split_once(": ")
        .unwrap_or_else(|| panic!("a list was expected: {help:?}"));
    names.split(", ").map(str::to_owned).collect()
}

fn put(at: &mut Value, path: &[Step], value: Value) {
    match path {
        [] => match (at, value) {
            // Beside what is there, so that a kind stays known.
            (Value::Object(members), Value::Object(more)) => members.extend(more),
            (at, value) => *at = value,
        },
        [Step::Member(name), rest @ ..] => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            put(&mut at[name.as_str()], rest, value);
        }
        [Step::Item, rest @ ..] => {
            *at = json!([null]);
            put(&mut at[0], rest, value);
        }
    }
}

#[test]
fn the_description_and_the_decoders_know_the_same_fields_and_choices() {
    let root = description();
    let (mut objects, mut choices) = (0, 0);
    for kind in served_names().split(", ") {
        let mut walk = Walk {
            root: &root,
            kind,
            objects: 0,
            choices: 0,
        };
        walk.at(&root["definitions"][kind], &[]);
        assert!(walk.objects >= 2, "{kind} is described");
        objects += walk.objects;
        choices += walk.choices;
    }
    assert!(
        objects > 50 && choices > 8,
        "{objects} objects, {choices} choices"
    );
}

#[test]
fn every_example_fits_the_description_and_mistakes_do_not() {
    let validator = jsonschema::validator_for(&description()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut count = 0;
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                for document in documents(&std::fs::read_to_string(&path).unwrap()) {
                    let errors = validator.iter_errors(&document);
                    let errors: Vec<_> = errors
                        .map(|error| format!("{}: {error}", error.instance_path()))
                        .collect();
                    assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 10, "{count}");
    let mistakes = [
        json!({"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": {"name": "b"}, "spec": {"delivry": {}}}),
        json!({"apiVersion": "eventing.knative.dev/v2", "kind": "Broker", "metadata": {"name": "b"}}),
        json!({"apiVersion": "heddle.dev/v1", "kind": "Schema", "metadata": {"name": "s"}, "spec": {"match": {"type": "t"}, "mode": "quarantin", "schema": {}}}),
        json!({"kind": "Broker"}),
    ];
    for mistake in mistakes {
        assert!(!validator.is_valid(&mistake), "{mistake}");
    }
}

fn documents(text: &str) -> Vec<Value> {
    let findings = crate::yaml::Findings::new("f.yaml");
    let documents = crate::yaml::parse(text, &findings);
    documents
        .iter()
        .map(|node| crate::yaml::json(node, "", &findings).unwrap())
        .collect()
}
