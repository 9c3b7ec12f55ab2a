//! What a settlement record says of each event, and its bytes (see [`super`] for the layout).

use bytes::{BufMut, BytesMut};

use super::{BadRecord, Input, put_block, put_varint, to_json};
use crate::clock::Timestamp;
use crate::embedded::key::Key;
use crate::{Outcome, Progress, SubscriptionId};

const TAG_RETRY: u8 = 16;
const TAG_BEHIND: u8 = 17;
const TAG_PARKED: u8 = 18;
const TAG_KEY_RETRY: u8 = 19;
const TAG_BLOCKED: u8 = 20;

/// What became of one event for one subscription.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) subscription: SubscriptionId,
    pub(crate) sequence: u64,
    /// How many sequences right before this one did not match and are accounted for with it.
    pub(crate) covers: u64,
    pub(crate) fate: Fate,
}

/// The ways.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    Settled(Outcome),
    /// The journal is damaged where the event was: it cannot be delivered any more.
    Unreadable,
    /// Its own time had passed before it was delivered, or it was older than a rule allows.
    Expired,
    Retry {
        at: Timestamp,
        progress: Box<Progress>,
    },
    /// It waits, and what comes after it of its key waits for it.
    Held {
        key: Key,
        held: Held,
    },
}

/// What an event of an ordered subscription waits for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Held {
    /// Those before it of its key; it was not tried yet.
    Behind,
    /// The time of its next attempt.
    Retry { at: Timestamp, progress: Box<Progress> },
    /// The time of its next attempt, of which there is no last one.
    Blocked {
        at: Timestamp,
        since: Timestamp,
        progress: Box<Progress>,
    },
    /// A person.
    Parked {
        since: Timestamp,
        progress: Box<Progress>,
    },
}

// === impl Item ===

impl Item {
    /// About how many bytes it takes at most; a failure's data is written as JSON numbers.
    pub(crate) fn bytes_max(&self) -> usize {
        let Some(progress) = self.fate.progress() else {
            return 64;
        };
        let failure = progress.failure.as_ref();
        256 + failure.map_or(0, |failure| {
            failure.data.len() * 4 + failure.message.len() * 2 + failure.destination.len()
        })
    }

    /// Bytes that it takes; one that goes on may take more.
    pub(super) fn bytes_about(&self) -> usize {
        match self.fate.progress() {
            None => 12,
            Some(_) => 256,
        }
    }

    pub(super) fn put(&self, out: &mut BytesMut) {
        out.put_u8(match &self.fate {
            Fate::Settled(Outcome::Delivered) => 0,
            Fate::Settled(Outcome::DeadLetterSink) => 1,
            Fate::Settled(Outcome::DeadLetterStore) => 2,
            Fate::Unreadable => 3,
            Fate::Expired => 4,
            Fate::Retry { .. } => TAG_RETRY,
            Fate::Held { held, .. } => held.tag(),
        });
        put_varint(out, self.subscription.0);
        put_varint(out, self.sequence);
        put_varint(out, self.covers);
        match &self.fate {
            Fate::Settled(_) | Fate::Unreadable | Fate::Expired => {}
            Fate::Retry { at, progress } => {
                put_varint(out, at.0);
                put_block(out, &to_json(progress));
            }
            Fate::Held { key, held } => {
                out.extend_from_slice(&key.to_bytes());
                held.put(out);
            }
        }
    }

    pub(super) fn take(input: &mut Input) -> Result<Self, BadRecord> {
        let tag = input.byte()?;
        let subscription = SubscriptionId(input.varint()?);
        let sequence = input.varint()?;
        let covers = input.varint()?;
        let fate = match tag {
            0 => Fate::Settled(Outcome::Delivered),
            1 => Fate::Settled(Outcome::DeadLetterSink),
            2 => Fate::Settled(Outcome::DeadLetterStore),
            3 => Fate::Unreadable,
            4 => Fate::Expired,
            TAG_RETRY => {
                let at = Timestamp(input.varint()?);
                let progress = input.block()?;
                Fate::Retry {
                    at,
                    progress: input.json(&progress)?,
                }
            }
            TAG_BEHIND | TAG_PARKED | TAG_KEY_RETRY | TAG_BLOCKED => Fate::Held {
                key: Key::from_bytes(input.array()?),
                held: Held::take(tag, input)?,
            },
            other => return Err(input.bad(format!("settlement tag {other} is not known"))),
        };
        if covers >= sequence {
            return Err(input.bad(format!("sequence {sequence} cannot cover {covers} before it")));
        }
        Ok(Self {
            subscription,
            sequence,
            covers,
            fate,
        })
    }
}

// === impl Fate ===

impl Fate {
    /// How far delivery came, if it goes on.
    fn progress(&self) -> Option<&Progress> {
        match self {
            Self::Retry { progress, .. } => Some(progress),
            Self::Held { held, .. } => held.progress(),
            Self::Settled(_) | Self::Unreadable | Self::Expired => None,
        }
    }
}

// === impl Held ===

impl Held {
    fn progress(&self) -> Option<&Progress> {
        match self {
            Self::Behind => None,
            Self::Retry { progress, .. } | Self::Blocked { progress, .. } | Self::Parked { progress, .. } => {
                Some(progress)
            }
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Behind => TAG_BEHIND,
            Self::Parked { .. } => TAG_PARKED,
            Self::Retry { .. } => TAG_KEY_RETRY,
            Self::Blocked { .. } => TAG_BLOCKED,
        }
    }

    pub(super) fn put(&self, out: &mut BytesMut) {
        match self {
            Self::Behind => {}
            Self::Parked { since: time, .. } | Self::Retry { at: time, .. } => put_varint(out, time.0),
            Self::Blocked { at, since, .. } => {
                put_varint(out, at.0);
                put_varint(out, since.0);
            }
        }
        if let Some(progress) = self.progress() {
            put_block(out, &to_json(progress));
        }
    }

    fn take(tag: u8, input: &mut Input) -> Result<Self, BadRecord> {
        if tag == TAG_BEHIND {
            return Ok(Self::Behind);
        }
        let time = Timestamp(input.varint()?);
        let since = match tag {
            TAG_BLOCKED => Timestamp(input.varint()?),
            _ => time,
        };
        let progress = input.block()?;
        let progress = input.json(&progress)?;
        Ok(match tag {
            TAG_PARKED => Self::Parked { since, progress },
            TAG_BLOCKED => Self::Blocked {
                at: time,
                since,
                progress,
            },
            _ => Self::Retry { at: time, progress },
        })
    }
}
