//! Dead letters that are older than their broker keeps them leave the store, as a purge has them leave.
//!
//! The index is not in the order of time: it is gone through in turns, some thousand letters a round, and then not again
//! before one of them can be over age.

use std::sync::Arc;
use std::time::Duration;

use journal::{Frame, Purpose};
use smallvec::smallvec;

use super::super::{Stuck, append_and_wait};
use crate::clock::Timestamp;
use crate::embedded::expiry::ExpiryRules;
use crate::embedded::records::{Leave, LetterGone, LettersGoneRecord, StateRecord};
use crate::embedded::shared::Shared;
use crate::embedded::view::IndexedLetter;
use crate::limits::{EXPIRE_LETTERS_SEEN_MAX, LETTERS_LEAVING_MAX};

/// How far the index is gone through.
#[derive(Default)]
pub(super) struct Letters {
    /// The rules that the turn began with.
    rules: Arc<ExpiryRules>,
    /// The turn goes on behind this letter; `None`: it has not begun.
    after: Option<IndexedLetter>,
    /// When the next turn begins.
    due: Timestamp,
    /// When the turn after the present one begins.
    next_due: Timestamp,
}

impl Letters {
    /// Has some letters leave; the state record that says so, if any did.
    pub(super) fn round(&mut self, shared: &Shared) -> Result<Option<u64>, Stuck> {
        let now = shared.clock.now();
        self.look_up_rules(shared);
        if self.rules.dead_letters.is_empty() || now < self.due {
            return Ok(None);
        }
        if self.after.is_none() {
            let shortest = self.rules.dead_letters.values().min().copied();
            self.next_due = now.after(shortest.unwrap_or(Duration::MAX));
        }
        let gone = self.find(shared, now)?;
        if gone.is_empty() {
            return Ok(None);
        }
        let letters = gone.len();
        let record = StateRecord::LettersGone(LettersGoneRecord {
            how: Leave::Expired,
            letters: gone,
        });
        let frame = Frame {
            purpose: Purpose::Upkeep,
            entries: smallvec![record.entry()],
        };
        let committed = append_and_wait(shared, frame).inspect_err(|_| self.begin_again())?;
        tracing::info!(letters, "dead letters have left the store: they were over age");
        Ok(committed.sequences.last().copied())
    }

    /// Rules that changed begin a turn.
    fn look_up_rules(&mut self, shared: &Shared) {
        let rules = shared.expiry.load_full();
        if !Arc::ptr_eq(&rules, &self.rules) {
            self.rules = rules;
            self.begin_again();
        }
    }

    fn begin_again(&mut self) {
        self.after = None;
        self.due = Timestamp(0);
    }

    /// Goes on through the index; the letters that are over age.
    fn find(&mut self, shared: &Shared, now: Timestamp) -> Result<Vec<LetterGone>, Stuck> {
        let view = shared.view();
        let mut gone = Vec::new();
        let mut seen = 0;
        let after = self.after.take();
        for letter in view.dead_letters(after.as_ref()) {
            let letter = letter?;
            seen += 1;
            let broker = shared.streams.by_number(letter.copy.stream);
            let limit = broker.and_then(|broker| self.rules.dead_letters.get(&broker.name).copied());
            match limit {
                Some(limit) if now.until(letter.at) > limit => gone.push(LetterGone {
                    subscription: letter.subscription,
                    cause: letter.cause,
                    copy: letter.copy,
                }),
                Some(limit) => self.next_due = self.next_due.min(letter.at.after(limit)),
                None => {}
            }
            if seen >= EXPIRE_LETTERS_SEEN_MAX || gone.len() >= LETTERS_LEAVING_MAX {
                self.after = Some(letter);
                return Ok(gone);
            }
        }
        self.due = self.next_due;
        Ok(gone)
    }
}
