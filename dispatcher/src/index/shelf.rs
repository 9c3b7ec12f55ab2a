//! Who is filed under one attribute: by its whole value, by how it starts, by how it ends.
//!
//! Values are compared byte by byte, which is the same for UTF-8. Nothing is allocated to look one up.

use std::collections::HashMap;

use schemas::filter::{Key, Part};

use super::Entry;

/// The triggers that are filed under one attribute.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) attribute: String,
    whole: HashMap<Box<[u8]>, Vec<Entry>>,
    starts: Affixes,
    ends: Affixes,
}

/// Texts of few lengths: as many lookups as there are lengths find all that a value starts, or ends, with.
#[derive(Debug, Default)]
struct Affixes {
    /// Ascending, each once.
    lengths: Vec<usize>,
    entries: HashMap<Box<[u8]>, Vec<Entry>>,
}

impl Shelf {
    pub(super) fn new(attribute: &str) -> Self {
        Self {
            attribute: attribute.to_owned(),
            whole: HashMap::new(),
            starts: Affixes::default(),
            ends: Affixes::default(),
        }
    }

    pub(super) fn file(&mut self, key: &Key, entry: Entry) {
        let text = key.text.as_bytes();
        match key.part {
            Part::Whole => self.whole.entry(text.into()).or_default().push(entry),
            Part::Start => self.starts.file(text, entry),
            Part::End => self.ends.file(text, entry),
        }
    }

    /// Hands over who may be meant by this value of the attribute, in portions.
    pub(super) fn candidates(&self, value: &str, take: &mut dyn FnMut(&[Entry])) {
        let value = value.as_bytes();
        if let Some(entries) = self.whole.get(value) {
            take(entries);
        }
        self.starts.candidates(value, |length| value.get(..length), take);
        self.ends
            .candidates(value, |length| value.get(value.len() - length..), take);
    }
}

impl Affixes {
    fn file(&mut self, text: &[u8], entry: Entry) {
        if let Err(place) = self.lengths.binary_search(&text.len()) {
            self.lengths.insert(place, text.len());
        }
        self.entries.entry(text.into()).or_default().push(entry);
    }

    fn candidates<'v>(
        &self,
        value: &[u8],
        part: impl Fn(usize) -> Option<&'v [u8]>,
        take: &mut dyn FnMut(&[Entry]),
    ) {
        let lengths = self.lengths.iter().take_while(|length| **length <= value.len());
        for entries in lengths.filter_map(|length| self.entries.get(part(*length)?)) {
            take(entries);
        }
    }
}
