//! Shows problems: to people with the line they are about, to programs as JSON.
//!
//! ```text
//! heddle.yaml:7:12: error: spec.delivery.retry must be an integer, not a string
//!    7 |     retry: "three"
//!      |            ^
//!      = help: ...
//! ```
//!
//! No secret is shown: the stretches that the readers masked, and whatever an unknown field holds, appear as `***`. Control
//! characters are replaced, so that a file cannot write to the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use schemas::yaml::{Mark, Masked, Problem, Severity};
use serde::Serialize;

use super::load::Loaded;
use crate::limits::REPORT_LINE_CHARS_MAX;

/// What stands in the place of what is not shown.
const MASK: &str = "***";

const BOLD: Style = Style::new().bold();
const DIMMED: Style = Style::new().dimmed();

/// Everything that is to be said about a configuration.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
    texts: BTreeMap<Arc<str>, Text>,
}

/// How many problems there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// What keeps everything from starting.
    pub(crate) errors: usize,
    /// What does not happen though someone may count on it.
    pub(crate) warnings: usize,
    /// What does nothing.
    pub(crate) notices: usize,
}

#[derive(Debug)]
struct Text {
    lines: Vec<String>,
    masked: Vec<Masked>,
}

impl Report {
    /// The problems of all documents and `more`, in the order of files and lines.
    pub(super) fn new(loaded: &Loaded, more: Vec<Problem>) -> Report {
        let order: BTreeMap<&str, usize> = loaded
            .documents
            .iter()
            .enumerate()
            .map(|(index, document)| (&*document.name, index))
            .collect();
        let decoded = loaded
            .documents
            .iter()
            .flat_map(|document| document.decoded.problems.iter().cloned());
        let mut problems: Vec<Problem> = decoded.chain(more).collect();
        problems.sort_by_key(|problem| (order.get(&*problem.file).copied(), problem.line, problem.column));
        // A destination of a broken resource is looked at as a whole and by its values: the same mistake may come twice.
        problems.dedup();
        let texts = loaded.documents.iter().map(|document| {
            let lines = lines(&document.text);
            (
                document.name.clone(),
                Text {
                    lines,
                    masked: document.decoded.masked.clone(),
                },
            )
        });
        Report {
            texts: texts.collect(),
            problems,
        }
    }

    /// The same report with more problems, such as those that only the parts themselves can find.
    #[must_use]
    pub(crate) fn with(mut self, more: Vec<Problem>) -> Report {
        self.problems.extend(more);
        self
    }

    /// The problems, in the order of files and lines.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether anything keeps the configuration from being used.
    pub(crate) fn has_errors(&self) -> bool {
        self.counts().errors > 0
    }

    /// How many problems there are of each severity.
    pub(crate) fn counts(&self) -> Counts {
        let count = |severity| {
            self.problems
                .iter()
                .filter(|problem| problem.severity == severity)
                .count()
        };
        Counts {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notices: count(Severity::Notice),
        }
    }

    /// The report for a terminal, with colours; print it through `anstream`, which takes them out where they are not wanted.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        for problem in &self.problems {
            self.render_problem(problem, &mut out);
        }
        out
    }

    /// The report as a JSON value: `{"problems": [...], "errors": n, "warnings": n, "notices": n}`.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        #[derive(Serialize)]
        struct Json<'a> {
            problems: &'a [Problem],
            #[serde(flatten)]
            counts: Counts,
        }
        serde_json::to_value(Json {
            problems: &self.problems,
            counts: self.counts(),
        })
        .expect("strings and numbers are always JSON")
    }

    fn render_problem(&self, problem: &Problem, out: &mut String) {
        let Problem {
            file,
            line,
            column,
            severity,
            message,
            help,
            ..
        } = problem;
        let (style, word) = (style_of(*severity), severity.as_str());
        let _ = writeln!(
            out,
            "{BOLD}{}:{line}:{column}:{BOLD:#} {style}{word}:{style:#} {BOLD}{}{BOLD:#}",
            printable(file),
            printable(message)
        );
        if let Some((text, caret)) = self.texts.get(file).and_then(|text| text.excerpt(*line, *column)) {
            let _ = writeln!(out, "{DIMMED}{line:>5} |{DIMMED:#} {text}");
            let _ = writeln!(
                out,
                "{DIMMED}      |{DIMMED:#} {}{style}^{style:#}",
                " ".repeat(caret)
            );
        }
        if let Some(help) = help {
            for (index, line) in help.lines().enumerate() {
                let lead = if index == 0 { "= help: " } else { "  " };
                let _ = writeln!(out, "      {DIMMED}{lead}{DIMMED:#}{}", printable(line));
            }
        }
    }
}

impl Text {
    /// A line as it may be shown, and before which of its characters the caret belongs.
    fn excerpt(&self, line: usize, column: usize) -> Option<(String, usize)> {
        let text = self.lines.get(line.checked_sub(1)?)?;
        if text.trim().is_empty() || text.chars().count() > REPORT_LINE_CHARS_MAX {
            return None;
        }
        let user = user_of_url(text);
        let hidden = |mark: Mark| {
            user.contains(&mark.column)
                || self
                    .masked
                    .iter()
                    .any(|masked| masked.start <= mark && mark < masked.end)
        };
        let (mut shown, mut shown_chars, mut caret, mut hidden_before) = (String::new(), 0, None, false);
        for (index, char) in text.chars().enumerate() {
            let mark = Mark {
                line,
                column: index + 1,
            };
            if mark.column == column {
                caret = Some(shown_chars);
            }
            let hidden_now = hidden(mark);
            let part = match (hidden_now, hidden_before) {
                (false, _) => if char.is_control() { ' ' } else { char }.to_string(),
                (true, false) => MASK.to_owned(),
                (true, true) => String::new(),
            };
            shown_chars += part.chars().count();
            shown.push_str(&part);
            hidden_before = hidden_now;
        }
        Some((shown, caret.unwrap_or(shown_chars)))
    }
}

/// The columns of `user:password` in the first URL of a line.
fn user_of_url(text: &str) -> Range<usize> {
    let columns = |bytes: usize| text[..bytes].chars().count() + 1;
    let found = text.find("://").and_then(|at| {
        let start = at + "://".len();
        let authority = text[start..]
            .split(['/', '?', '#', ' ', '\'', '"'])
            .next()
            .unwrap_or_default();
        authority
            .rfind('@')
            .map(|end| columns(start)..columns(start + end))
    });
    found.unwrap_or(0..0)
}

/// The lines as YAML counts them: `\r` alone ends one too.
fn lines(text: &str) -> Vec<String> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    text.split(['\n', '\r']).map(str::to_owned).collect()
}

fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Notice => AnsiColor::Cyan.on_default().bold(),
    }
}

/// Text from a file without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|char| {
            if char.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        })
        .collect()
}
