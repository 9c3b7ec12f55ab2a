//! A mapping that is being read, and that knows which names were asked of it.

use std::cell::RefCell;
use std::sync::Arc;

use super::field::Field;
use super::node::{Entry, Mark, Value};
use super::problem::{Findings, Place, Problem};

/// A mapping that is being read.
pub struct Reader<'a> {
    findings: &'a Findings,
    path: Arc<str>,
    at: Mark,
    entries: &'a [Entry],
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(findings: &'a Findings, path: Arc<str>, at: Mark, entries: &'a [Entry]) -> Reader<'a> {
        Reader {
            findings,
            path,
            at,
            entries,
            known: RefCell::default(),
        }
    }

    /// The field of this name, present or not; the name is allowed from now on.
    pub fn field(&self, name: &'static str) -> Field<'a> {
        self.known.borrow_mut().push(name);
        let entry = self.entries.iter().find(|entry| entry.key == name);
        let at = entry.map_or(self.at, |entry| entry.key_start);
        Field::new(
            self.findings,
            self.path_of(name),
            at,
            entry.map(|entry| &entry.value),
        )
    }

    /// Allows fields without reading them.
    pub fn ignore(&self, names: &[&'static str]) {
        self.known.borrow_mut().extend(names);
    }

    /// Allows a field that has no effect here, with a notice that says so when it is there.
    pub fn notice(&self, name: &'static str, why: &str) {
        let field = self.field(name);
        if !field.is_absent() {
            let message = format!("{} is ignored: {why}", field.path());
            self.findings.add(Problem::notice(&field.name_place(), message));
        }
    }

    /// Refuses, by its name, a field that exists elsewhere and that this version does not have.
    pub fn refuse(&self, name: &'static str, help: &str) {
        let entry = self.entries.iter().find(|entry| entry.key == name);
        self.known.borrow_mut().push(name);
        let Some(entry) = entry.filter(|entry| entry.value.value != Value::Null) else {
            return;
        };
        let place = self.findings.place(entry.key_start, self.path_of(name));
        let message = format!("{} is not available in this version", place.path);
        self.findings.add(Problem::error(&place, message).with_help(help));
    }

    /// The collector that problems go to.
    pub fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// Where the mapping is named.
    pub fn place(&self) -> Place {
        self.findings.place(self.at, self.path.clone())
    }

    /// The mapping's path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Which of `names` hold a value.
    pub fn present(&self, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| self.holds(name)).collect()
    }

    /// Complains unless exactly one of `names` is there; tells which.
    pub fn exactly_one(&self, names: &[&'static str]) -> Option<&'static str> {
        let present = self.present(names);
        let path = if self.path.is_empty() {
            "the document"
        } else {
            &self.path
        };
        match present.as_slice() {
            [one] => return Some(one),
            [] => {
                let message = format!("{path} needs one of {}", names.join(", "));
                self.findings.add(Problem::error(&self.place(), message));
            }
            several => {
                let second = self
                    .entries
                    .iter()
                    .filter(|entry| several.contains(&entry.key.as_str()))
                    .nth(1);
                let mark = second.map_or(self.at, |entry| entry.key_start);
                let message = format!("{path} may have only one of {}", several.join(", "));
                self.findings.add(Problem::error(
                    &self.findings.place(mark, self.path.clone()),
                    message,
                ));
            }
        }
        None
    }

    fn holds(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.key == name && entry.value.value != Value::Null)
    }

    fn path_of(&self, name: &str) -> Arc<str> {
        if self.path.is_empty() {
            name.into()
        } else {
            format!("{}.{name}", self.path).into()
        }
    }

    /// Reports every key that nobody asked for. Its value may be anything, a mistyped password too, so it is masked.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for entry in self
            .entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
        {
            let parent = if self.path.is_empty() {
                "the document"
            } else {
                &self.path
            };
            let place = self.findings.place(entry.key_start, self.path_of(&entry.key));
            let message = format!("unknown field \"{}\" in {parent}", entry.key);
            let what = format!("{parent} may have");
            self.findings.mask(entry.value.start, entry.value.end);
            self.findings
                .add(Problem::error(&place, message).with_candidates(&entry.key, &what, &known));
        }
    }
}
