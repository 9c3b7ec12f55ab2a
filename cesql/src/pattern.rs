//! Patterns of the `LIKE` operator.
//!
//! `%` stands for any text, `_` for one character, `\%` and `\_` for themselves; a backslash before anything else, and
//! one at the end, is a backslash. A character is a Unicode scalar value.
//!
//! A pattern is cut at its `%` into segments. Since what `%` takes is free, each segment may be placed at the first
//! spot where it fits: matching never goes back over a segment, and one without `_` is looked for in linear time.

/// A pattern made ready for matching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// What the text starts with.
    first: Segment,
    /// What follows each `%`; the last one ends the text. Without any, the whole text is `first`.
    rest: Box<[Segment]>,
}

/// A part of a pattern without `%`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Exactly this.
    Text(Box<str>),
    /// These characters in order, where none stands for any.
    Holes(Box<[Option<char>]>),
}

impl Pattern {
    /// The pattern that `text` spells; every text spells one.
    pub(crate) fn new(text: &str) -> Self {
        let (mut segments, mut segment) = (Vec::new(), Vec::new());
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '%' => segments.push(Segment::new(&std::mem::take(&mut segment))),
                '_' => segment.push(None),
                '\\' => segment.push(Some(
                    characters
                        .next_if(|next| matches!(next, '%' | '_'))
                        .unwrap_or('\\'),
                )),
                _ => segment.push(Some(character)),
            }
        }
        segments.push(Segment::new(&segment));
        let mut segments = segments.into_iter();
        let first = segments.next().unwrap_or_else(|| Segment::new(&[]));
        Self {
            first,
            rest: segments.collect(),
        }
    }

    /// Whether all of `text` matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(mut left) = self.first.strip_from(text) else {
            return false;
        };
        let Some((last, between)) = self.rest.split_last() else {
            return left.is_empty();
        };
        for segment in between {
            match segment.find_in(left) {
                Some(after) => left = after,
                None => return false,
            }
        }
        last.ends(left)
    }
}

impl Segment {
    fn new(characters: &[Option<char>]) -> Self {
        let text: Option<String> = characters.iter().copied().collect();
        text.map_or_else(|| Self::Holes(characters.into()), |text| Self::Text(text.into()))
    }

    /// What follows this segment at the start of `text`.
    fn strip_from<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(exact) => text.strip_prefix(&**exact),
            Self::Holes(characters) => {
                let mut left = text.chars();
                for wanted in characters {
                    let found = left.next()?;
                    if wanted.is_some_and(|wanted| wanted != found) {
                        return None;
                    }
                }
                Some(left.as_str())
            }
        }
    }

    /// What follows the first place in `text` where this segment fits.
    fn find_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(exact) => text.find(&**exact).map(|at| &text[at + exact.len()..]),
            Self::Holes(_) => text
                .char_indices()
                .find_map(|(at, _)| self.strip_from(&text[at..])),
        }
    }

    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Text(exact) => text.ends_with(&**exact),
            Self::Holes(characters) => {
                let start = text
                    .char_indices()
                    .rev()
                    .nth(characters.len() - 1)
                    .map(|(at, _)| at);
                start.is_some_and(|at| self.strip_from(&text[at..]).is_some())
            }
        }
    }
}

#[cfg(test)]
mod tests;
