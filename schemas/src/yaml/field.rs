//! A field: a place in a document that holds a value, or could, and the ways to read it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::node::{Entry, Mark, Node, Value};
use super::problem::{Findings, Located, Place, Problem};
use super::reader::Reader;

/// A place in a document that holds a value, or could.
#[derive(Clone)]
pub struct Field<'a> {
    findings: &'a Findings,
    path: Arc<str>,
    /// Where the field is named: its key, its list item, or what should contain it when it is absent.
    at: Mark,
    node: Option<&'a Node>,
    secret: bool,
}

impl<'a> Field<'a> {
    pub(super) fn new(findings: &'a Findings, path: Arc<str>, at: Mark, node: Option<&'a Node>) -> Field<'a> {
        Field {
            findings,
            path,
            at,
            node,
            secret: false,
        }
    }

    /// The root of a document.
    pub fn root(node: &'a Node, findings: &'a Findings) -> Field<'a> {
        Field {
            findings,
            path: "".into(),
            at: node.start,
            node: Some(node),
            secret: false,
        }
    }

    /// The collector that this field's problems go to.
    pub fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// Where the value stands, or where it would be expected.
    pub fn place(&self) -> Place {
        let mark = self.value().map_or(self.at, |node| node.start);
        self.findings.place(mark, self.path.clone())
    }

    /// Where the byte at `offset` of the text written here stands. None unless the text is written in one line and as it
    /// is: plain, or in quotes without an escape.
    pub fn place_within(&self, offset: usize) -> Option<Place> {
        let Node {
            start,
            end,
            value: Value::Text(text),
        } = self.value()?
        else {
            return None;
        };
        let written = end.column.checked_sub(start.column)?;
        let quotes = written.checked_sub(text.chars().count())?;
        if start.line != end.line || !matches!(quotes, 0 | 2) {
            return None;
        }
        let mark = Mark {
            line: start.line,
            column: start.column + quotes / 2 + text.get(..offset)?.chars().count(),
        };
        Some(self.findings.place(mark, self.path.clone()))
    }

    /// Where the field's name stands.
    pub fn name_place(&self) -> Place {
        self.findings.place(self.at, self.path.clone())
    }

    /// The field's path, such as `spec.delivery.retry`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value as it is in the tree; none when it is absent or null.
    pub fn value(&self) -> Option<&'a Node> {
        self.node.filter(|node| node.value != Value::Null)
    }

    /// Whether there is no value. Null counts as none.
    pub fn is_absent(&self) -> bool {
        self.value().is_none()
    }

    /// The field, after complaining when it is absent.
    #[must_use]
    pub fn required(self) -> Field<'a> {
        if self.is_absent() {
            let (parent, name) = self.path.rsplit_once('.').unwrap_or(("the document", &self.path));
            let message = format!("missing required field \"{name}\" in {parent}");
            self.findings.add(Problem::error(&self.name_place(), message));
        }
        self
    }

    /// The field as one whose text is never shown: not in messages, and masked in the lines that are quoted.
    #[must_use]
    pub fn secret(mut self) -> Field<'a> {
        self.secret = true;
        if let Some(node) = self.value() {
            self.findings.mask(node.start, node.end);
        }
        self
    }

    /// The string written here.
    pub fn string(&self) -> Option<Located<String>> {
        match &self.value()?.value {
            Value::Text(text) => Some(Located {
                value: text.clone(),
                place: self.place(),
            }),
            _ => self.wrong_type("a string"),
        }
    }

    /// The string written here, which must not be empty.
    pub fn text(&self) -> Option<Located<String>> {
        let text = self.string()?;
        if text.value.is_empty() {
            self.error(format!("{} must not be empty", self.path));
            return None;
        }
        Some(text)
    }

    /// The boolean written here.
    pub fn boolean(&self) -> Option<bool> {
        match &self.value()?.value {
            Value::Bool(value) => Some(*value),
            _ => self.wrong_type("true or false"),
        }
    }

    /// The integer written here, which must be in the range.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let Value::Number(text) = &self.value()?.value else {
            return self.wrong_type("an integer");
        };
        let number = text.parse::<i64>().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            self.error(format!(
                "{} must be an integer from {low} to {high}, not {text}",
                self.path
            ));
        }
        number
    }

    /// The choice whose name is written here.
    pub fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.string()?;
        let found = choices
            .iter()
            .find(|(name, _)| *name == text.value)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let message = format!("{} cannot be \"{}\"", self.path, text.value);
            self.findings
                .add(Problem::error(&text.place, message).with_candidates(&text.value, "it can be", &names));
        }
        found
    }

    /// Reads the mapping written here. What `read` did not ask for is reported as unknown when it returns.
    pub fn map<T>(&self, read: impl FnOnce(&Reader<'a>) -> Option<T>) -> Option<T> {
        let reader = self.reader()?;
        let result = read(&reader);
        reader.finish();
        result
    }

    /// Reads some fields of the mapping written here and lets all others be.
    pub fn map_loosely<T>(&self, read: impl FnOnce(&Reader<'a>) -> Option<T>) -> Option<T> {
        read(&self.reader()?)
    }

    /// The string at a path below this field, if there is one; complains about nothing.
    pub fn peek(&self, path: &[&str]) -> Option<&'a str> {
        let mut node = self.value()?;
        for name in path {
            let Value::Map(entries) = &node.value else {
                return None;
            };
            node = &entries.iter().find(|entry| entry.key == *name)?.value;
        }
        match &node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads each item of the list written here; items that cannot be read are left out. Absent gives an empty list.
    pub fn list<T>(&self, read: impl FnMut(&Field<'a>) -> Option<T>) -> Vec<T> {
        self.items().unwrap_or_default().iter().filter_map(read).collect()
    }

    /// The items of the list written here: none of them when it is absent, no list when it is something else.
    pub fn items(&self) -> Option<Vec<Field<'a>>> {
        let Some(node) = self.value() else {
            return Some(Vec::new());
        };
        let Value::List(items) = &node.value else {
            return self.wrong_type("a list");
        };
        let item = |(index, node): (usize, &'a Node)| Field {
            findings: self.findings,
            path: format!("{}[{index}]", self.path).into(),
            at: node.start,
            node: Some(node),
            secret: self.secret,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The keys and values of a mapping whose keys are free, such as labels: none of them when it is absent, no list when it
    /// is something else.
    pub fn entries(&self) -> Option<Vec<(Located<String>, Field<'a>)>> {
        let Some(node) = self.value() else {
            return Some(Vec::new());
        };
        let Value::Map(entries) = &node.value else {
            return self.wrong_type("a mapping");
        };
        let item = |entry: &'a Entry| {
            let path: Arc<str> = format!("{}.{}", self.path, entry.key).into();
            let place = self.findings.place(entry.key_start, path.clone());
            let field = Field {
                findings: self.findings,
                path,
                at: entry.key_start,
                node: Some(&entry.value),
                secret: self.secret,
            };
            (
                Located {
                    value: entry.key.clone(),
                    place,
                },
                field,
            )
        };
        Some(entries.iter().map(item).collect())
    }

    /// Adds an error at the value.
    pub fn error(&self, message: impl Into<String>) {
        self.findings.add(Problem::error(&self.place(), message));
    }

    /// Adds an error at the value, with what would be right.
    pub fn error_with_help(&self, message: impl Into<String>, help: impl Into<String>) {
        self.findings
            .add(Problem::error(&self.place(), message).with_help(help));
    }

    /// Complains that the value is not `expected` (with its article) and gives none.
    pub fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let node = self.value()?;
        let message = format!(
            "{} must be {expected}, not {}",
            self.path_or_document(),
            node.value.type_name()
        );
        let mut problem = Problem::error(&self.place(), message);
        if expected == "a string" {
            problem.help = self.quoting_help(&node.value);
        }
        self.findings.add(problem);
        None
    }

    fn reader(&self) -> Option<Reader<'a>> {
        let Value::Map(entries) = &self.value()?.value else {
            return self.wrong_type("a mapping");
        };
        Some(Reader::new(self.findings, self.path.clone(), self.at, entries))
    }

    fn quoting_help(&self, value: &Value) -> Option<String> {
        let (Value::Number(_) | Value::Bool(_)) = value else {
            return None;
        };
        let shown = match value {
            _ if self.secret => return Some("put it in quotes".to_owned()),
            Value::Number(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            _ => return None,
        };
        Some(format!("put it in quotes: \"{shown}\""))
    }

    fn path_or_document(&self) -> &str {
        if self.path.is_empty() {
            "a document"
        } else {
            &self.path
        }
    }
}
