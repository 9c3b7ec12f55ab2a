//! The judge: what was owed to a trigger against what came to it.
//!
//! Events are numbered in the order in which they were sent. An event is owed when its producer was told 202, or when
//! any other trigger has shown that it was stored: an event is stored for all or for none. What is lost is told apart
//! by where it was (before the first that came, after the last, or between), since each points at another culprit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What one trigger's endpoint took (answered 2xx) of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How often, in all lives.
    pub times: u32,
    /// How often more than once in the same life of the process.
    pub repeated: u32,
    /// The life in which it was taken last.
    pub life: u32,
}

/// One trigger's side of the story.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The trigger.
    pub trigger: String,
    /// Acknowledged events that it is to get.
    pub owed: BTreeSet<u64>,
    /// Events that were sent, answered or not, and that it may get.
    pub possible: BTreeSet<u64>,
    /// What its endpoint took.
    pub taken: BTreeMap<u64, Taken>,
    /// What its endpoint got that is no event of this test, or not with the bytes that were sent, in words.
    pub altered: Vec<String>,
}

/// What the judge found for one trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The trigger.
    pub trigger: String,
    /// Acknowledged events that it was to get.
    pub owed: usize,
    /// Lost before the first that came (everything, when nothing came).
    pub lost_prefix: Vec<u64>,
    /// Lost with others before and behind them.
    pub lost_middle: Vec<u64>,
    /// Lost after the last that came.
    pub lost_postfix: Vec<u64>,
    /// Never acknowledged, but another trigger got it and this one did not.
    pub diverged: Vec<u64>,
    /// Taken more than once: how many times in all beyond the first.
    pub duplicated: u64,
    /// Of those, how many by one and the same process, which no crash excuses.
    pub repeated: u64,
    /// Not sent, or not for this trigger.
    pub unexpected: Vec<u64>,
    /// Other bytes than were sent, in words.
    pub altered: Vec<String>,
}

/// Judges all triggers together: what one got shows what was stored.
pub fn judge(accounts: &[Account]) -> Vec<Verdict> {
    let stored: BTreeSet<u64> = accounts
        .iter()
        .flat_map(|account| account.taken.keys().copied())
        .collect();
    accounts.iter().map(|account| one(account, &stored)).collect()
}

fn one(account: &Account, stored: &BTreeSet<u64>) -> Verdict {
    let taken = |n: &u64| account.taken.contains_key(n);
    let (first, last) = (account.taken.keys().next(), account.taken.keys().next_back());
    let mut verdict = Verdict {
        trigger: account.trigger.clone(),
        owed: account.owed.len(),
        duplicated: account
            .taken
            .values()
            .map(|taken| u64::from(taken.times - 1))
            .sum(),
        repeated: account
            .taken
            .values()
            .map(|taken| u64::from(taken.repeated))
            .sum(),
        unexpected: account
            .taken
            .keys()
            .filter(|n| !account.possible.contains(n))
            .copied()
            .collect(),
        altered: account.altered.clone(),
        ..Verdict::default()
    };
    for n in account.owed.iter().filter(|n| !taken(n)) {
        match (first, last) {
            (Some(first), _) if n > first && Some(n) < last => verdict.lost_middle.push(*n),
            (Some(first), _) if n > first => verdict.lost_postfix.push(*n),
            _ => verdict.lost_prefix.push(*n),
        }
    }
    let shown = account.possible.intersection(stored);
    verdict.diverged = shown
        .filter(|n| !taken(n) && !account.owed.contains(n))
        .copied()
        .collect();
    verdict
}

impl Verdict {
    /// How many events are lost.
    pub fn lost(&self) -> usize {
        self.lost_prefix.len() + self.lost_middle.len() + self.lost_postfix.len()
    }

    /// Nothing lost, nothing foreign, nothing changed, nothing twice without a crash.
    pub fn is_clean(&self) -> bool {
        let foreign = self.unexpected.len() + self.altered.len() + self.diverged.len();
        self.lost() == 0 && foreign == 0 && self.repeated == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: owed {}, lost {} (prefix {}, middle {}, postfix {}), diverged {}, duplicated {} ({} in one life), \
             unexpected {}, altered {}",
            self.trigger,
            self.owed,
            self.lost(),
            self.lost_prefix.len(),
            self.lost_middle.len(),
            self.lost_postfix.len(),
            self.diverged.len(),
            self.duplicated,
            self.repeated,
            self.unexpected.len(),
            self.altered.len(),
        )?;
        let named = [
            (
                "lost",
                [&self.lost_prefix[..], &self.lost_middle, &self.lost_postfix].concat(),
            ),
            ("diverged", self.diverged.clone()),
            ("unexpected", self.unexpected.clone()),
        ];
        for (what, numbers) in named.iter().filter(|(_, numbers)| !numbers.is_empty()) {
            write!(
                f,
                "\n    {what}, among others: {:?}",
                &numbers[..numbers.len().min(20)]
            )?;
        }
        for words in self.altered.iter().take(5) {
            write!(f, "\n    {words}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
