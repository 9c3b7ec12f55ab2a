//! What can be said about a configuration: problems with their places, and the collector they go to.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::node::Mark;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing starts while it stands.
    Error,
    /// It is accepted, and something that the writer may count on does not happen.
    Warning,
    /// It is accepted and does nothing here.
    Notice,
}

/// Where something is written: file, position and path in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// Line and column.
    pub mark: Mark,
    /// Path from the document's root, such as `spec.delivery.retry`; empty for the root.
    pub path: Arc<str>,
}

/// A value and where it is written, so that later steps can point at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub place: Place,
}

/// One mistake or remark, complete enough to be shown alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How much it matters.
    pub severity: Severity,
    /// Path from the document's root, such as `spec.delivery.retry`; empty for the root.
    pub path: Arc<str>,
    /// What is wrong, in one sentence. Never holds a secret's text.
    pub message: String,
    /// What would be right, when that can be said.
    pub help: Option<String>,
}

/// A stretch of one line that must not be shown: a secret, or a value nobody knows the meaning of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masked {
    /// First character.
    pub start: Mark,
    /// Just behind the last character; on a later line when the value has several.
    pub end: Mark,
}

/// Collects what is found while one file is read.
///
/// Shared by reference between the readers of nested mappings, hence the inner mutability; it never leaves one thread.
#[derive(Debug)]
pub struct Findings {
    file: Arc<str>,
    problems: RefCell<Vec<Problem>>,
    masked: RefCell<Vec<Masked>>,
    files: RefCell<Vec<Arc<str>>>,
}

impl Severity {
    /// The word shown to people and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        }
    }
}

impl<T> Located<T> {
    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located {
            value: change(self.value),
            place: self.place,
        }
    }
}

impl Problem {
    /// An error at `place`.
    pub fn error(place: &Place, message: impl Into<String>) -> Problem {
        Problem::new(Severity::Error, place, message.into())
    }

    /// A warning at `place`.
    pub fn warning(place: &Place, message: impl Into<String>) -> Problem {
        Problem::new(Severity::Warning, place, message.into())
    }

    /// A notice at `place`.
    pub fn notice(place: &Place, message: impl Into<String>) -> Problem {
        Problem::new(Severity::Notice, place, message.into())
    }

    /// The same problem with a word on what would be right.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    /// The same problem, helped by the nearest of `candidates`, or by the list of them when none is near.
    #[must_use]
    pub fn with_candidates(self, word: &str, what: &str, candidates: &[&str]) -> Problem {
        if let Some(near) = nearest(word, candidates) {
            return self.with_help(format!("did you mean \"{near}\"?"));
        }
        if candidates.is_empty() {
            return self;
        }
        let mut sorted = candidates.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        self.with_help(format!("{what}: {}", sorted.join(", ")))
    }

    fn new(severity: Severity, place: &Place, message: String) -> Problem {
        Problem {
            file: place.file.clone(),
            line: place.mark.line,
            column: place.mark.column,
            severity,
            path: place.path.clone(),
            message,
            help: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.as_str();
        write!(
            f,
            "{}:{}:{}: {severity}: {}",
            self.file, self.line, self.column, self.message
        )
    }
}

impl Findings {
    /// An empty collection for the file of this name.
    pub fn new(file: &str) -> Findings {
        Findings {
            file: file.into(),
            problems: RefCell::default(),
            masked: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// A place in this file.
    pub fn place(&self, mark: Mark, path: impl Into<Arc<str>>) -> Place {
        Place {
            file: self.file.clone(),
            mark,
            path: path.into(),
        }
    }

    /// Adds a problem.
    pub fn add(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Marks a stretch of the text as not to be shown.
    pub fn mask(&self, start: Mark, end: Mark) {
        self.masked.borrow_mut().push(Masked { start, end });
    }

    /// Notes that the configuration names a file whose content it needs.
    pub fn needs_file(&self, path: &str) {
        self.files.borrow_mut().push(path.into());
    }

    /// All problems in the order of the text, the stretches to mask, and the files that were named.
    pub fn finish(self) -> (Vec<Problem>, Vec<Masked>, Vec<Arc<str>>) {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        (problems, self.masked.into_inner(), self.files.into_inner())
    }
}

/// The candidate that `word` most likely stands for: at most a third of it mistyped, upper and lower case alike.
pub fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    const WORD_CHARS_MAX: usize = 128; // The distance is quadratic in the length; no name is longer.
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    if length > WORD_CHARS_MAX {
        return None;
    }
    let allowed = (length / 3).max(1);
    candidates
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
