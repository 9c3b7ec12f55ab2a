//! Side subscriptions: a replay or a redrive runs beside its trigger, with a place, retries and counts of its own, and
//! leaves the trigger's own place alone.

use std::fmt;
use std::str::FromStr;

use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::engine::{SubscriptionId, SubscriptionStatus};

/// Why a side subscription was made. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SideKind {
    /// Events of the broker once more, each with a mark.
    Replay,
    /// Dead letters once more, as they were.
    Redrive,
}

/// Names a replay or a redrive, as `replay-7`: unique for the life of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SideId {
    /// What it is.
    pub kind: SideKind,
    /// Its subscription.
    pub subscription: SubscriptionId,
}

/// A side subscription that is to be run, as whoever delivers needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its name; to be attached to by [`crate::Engine::attach_side`].
    pub id: SideId,
    /// The trigger whose endpoint and policy it has.
    pub of: ResourceName,
    /// Most deliveries a second, if bounded.
    pub rate: Option<u32>,
}

/// A side subscription as people see it, running or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideInfo {
    /// Its name.
    pub id: SideId,
    /// The trigger's name.
    pub trigger: ResourceName,
    /// The first sequence it delivers, in the broker's stream or in the trigger's stream of redriven letters.
    pub from: u64,
    /// The last one.
    pub until: u64,
    /// Most deliveries a second, if bounded.
    pub rate: Option<u32>,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// How and when it ended; `None` while it runs.
    pub ended: Option<(SideEnd, Timestamp)>,
    /// Its counts; those at its end once it has ended.
    pub status: SubscriptionStatus,
}

/// How a side subscription ended. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SideEnd {
    /// All of it was settled.
    Finished,
    /// By command; what it had not delivered yet is not delivered.
    Cancelled,
}

/// A text that names no replay or redrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of a replay or redrive, such as replay-7")]
pub struct BadSideId {
    text: String,
}

impl SideId {
    /// What marks each event of a replay; a redrive marks none.
    #[must_use]
    pub fn mark(self) -> Option<String> {
        (self.kind == SideKind::Replay).then(|| self.to_string())
    }
}

impl fmt::Display for SideKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replay => "replay",
            Self::Redrive => "redrive",
        })
    }
}

impl fmt::Display for SideId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind, self.subscription.0)
    }
}

impl FromStr for SideId {
    type Err = BadSideId;

    fn from_str(text: &str) -> Result<Self, BadSideId> {
        let bad = || BadSideId {
            text: text.to_owned(),
        };
        let (kind, number) = text.split_once('-').ok_or_else(bad)?;
        let kind = match kind {
            "replay" => SideKind::Replay,
            "redrive" => SideKind::Redrive,
            _ => return Err(bad()),
        };
        let subscription = SubscriptionId(number.parse().map_err(|_| bad())?);
        let id = Self { kind, subscription };
        // One way to write each: `replay-07` is none.
        (id.to_string() == text).then_some(id).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_is_written_and_in_no_other_way() {
        for text in ["replay-7", "redrive-18446744073709551615"] {
            assert_eq!(text.parse::<SideId>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "replay",
            "replay-",
            "replay-07",
            "replay-+7",
            "reply-7",
            "replay-7-1",
        ] {
            assert!(text.parse::<SideId>().is_err(), "{text}");
        }
    }
}
