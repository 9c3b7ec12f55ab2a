//! Wildcard patterns: `*` is any run of characters, also none; `?` is one character; `\` takes the next as it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A pattern with `*` and `?`, matched against the whole text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Wildcard {
    written: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Run,
    One,
    Exactly(char),
}

impl Wildcard {
    /// The one text that fits, for a pattern without `*` and `?`.
    pub fn literal(&self) -> Option<String> {
        self.characters().into_iter().collect()
    }

    /// The characters of the pattern, where none stands for `*` and `?`.
    pub(super) fn characters(&self) -> Vec<Option<char>> {
        let exactly = |part: &Part| match part {
            Part::Exactly(character) => Some(*character),
            Part::Run | Part::One => None,
        };
        self.parts.iter().map(exactly).collect()
    }

    /// Whether the whole text fits. Takes time in proportion to text times pattern at most, and no memory.
    pub fn matches(&self, text: &str) -> bool {
        let (mut part, mut rest) = (0, text.chars());
        // Where to go on when what follows the last run does not fit: the run takes one character more.
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(Part::Run) = self.parts.get(part) {
                part += 1;
                again = Some((part, rest.clone()));
                continue;
            }
            let mut ahead = rest.clone();
            let fits = match (self.parts.get(part), ahead.next()) {
                (None, None) => return true,
                (Some(Part::One), Some(_)) => true,
                (Some(Part::Exactly(wanted)), Some(found)) => *wanted == found,
                _ => false,
            };
            if fits {
                (part, rest) = (part + 1, ahead);
                continue;
            }
            let Some((after_run, from)) = &mut again else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            (part, rest) = (*after_run, from.clone());
        }
    }
}

impl From<String> for Wildcard {
    fn from(written: String) -> Self {
        let mut parts = Vec::new();
        let mut characters = written.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                '*' => Part::Run,
                '?' => Part::One,
                '\\' => Part::Exactly(characters.next().unwrap_or('\\')),
                other => Part::Exactly(other),
            });
        }
        Self { written, parts }
    }
}

impl From<Wildcard> for String {
    fn from(pattern: Wildcard) -> Self {
        pattern.written
    }
}

impl fmt::Display for Wildcard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
