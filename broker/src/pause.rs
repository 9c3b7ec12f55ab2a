//! A pause: who stopped a subscription from handing out events, why, and since when.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A subscription hands out nothing while it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Who.
    pub by: PausedBy,
    /// Why, in words; empty when nobody said.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// Who paused a subscription. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PausedBy {
    /// A person, by command.
    Operator,
    /// The endpoint, which answered that it is gone for good (410).
    Gone,
}

impl fmt::Display for PausedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "operator",
            Self::Gone => "gone",
        })
    }
}
