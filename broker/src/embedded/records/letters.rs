//! The records of dead letters, and of those that left the store; the layouts are with the others in [`super`].

use bytes::{BufMut, Bytes, BytesMut};
use journal::{Entry, StreamId};
use schemas::event::Event;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use super::{BadRecord, DEAD_LETTER, Input, put_varint, to_json};
use crate::clock::Timestamp;
use crate::{DeadLetterReason, Failure, Position, SchemaMismatch, SubscriptionId};

/// What a dead letter says beside its event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeadLetterMeta {
    pub(crate) broker: ResourceName,
    /// None for what was kept at the broker's door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trigger: Option<ResourceName>,
    /// [`AT_THE_DOOR`] without a trigger.
    pub(crate) subscription: SubscriptionId,
    /// At the door there is no other place than the letter's own, which is known when it is read.
    pub(crate) cause: Position,
    pub(crate) reason: DeadLetterReason,
    pub(crate) failure: Option<Failure>,
    pub(crate) attempts: u32,
    pub(crate) at: Timestamp,
    /// The replay or redrive that could not deliver it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<String>,
    /// Passes left for its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hops: Option<u8>,
}

/// Whose the letters are that were kept at a broker's door; subscriptions count from 1.
pub(crate) const AT_THE_DOOR: SubscriptionId = SubscriptionId(0);

/// Dead letters left the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LettersGoneRecord {
    pub(crate) how: Leave,
    pub(crate) letters: Vec<LetterGone>,
}

/// How letters leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// By command, for good.
    Purged,
    /// They are delivered once more.
    Redriven,
    /// They were older than their broker keeps them.
    Expired,
}

/// One of them: this copy, and no other of the same cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LetterGone {
    pub(crate) subscription: SubscriptionId,
    pub(crate) cause: Position,
    pub(crate) copy: Position,
}

/// The entry that stores a dead letter.
pub(crate) fn dead_letter_entry(stream: u64, meta: &DeadLetterMeta, event: &Event) -> Entry {
    let meta = to_json(meta);
    let (event_head, body) = event.to_record();
    let mut head = BytesMut::with_capacity(meta.len() + event_head.len() + 4);
    put_varint(&mut head, meta.len() as u64);
    head.extend_from_slice(&meta);
    head.extend_from_slice(&event_head);
    Entry {
        stream: StreamId(stream),
        kind: DEAD_LETTER,
        head: head.freeze(),
        body,
        kept: None,
    }
}

/// Reads the dead letter that lies there.
pub(crate) fn read_dead_letter(
    at: Position,
    head: &Bytes,
    body: Bytes,
) -> Result<(DeadLetterMeta, Event), BadRecord> {
    let mut input = Input {
        kind: DEAD_LETTER,
        rest: head.clone(),
    };
    let meta = input.block()?;
    let mut meta: DeadLetterMeta = input.json(&meta)?;
    if meta.subscription == AT_THE_DOOR {
        meta.cause = at;
    }
    let event = Event::from_record(input.rest, body).map_err(|error| BadRecord {
        kind: DEAD_LETTER,
        what: error.to_string(),
    })?;
    Ok((meta, event))
}

// === impl DeadLetterMeta ===

impl DeadLetterMeta {
    /// Of an event that a schema keeps at a broker's door.
    pub(crate) fn at_the_door(
        broker: &ResourceName,
        mismatch: &SchemaMismatch,
        hops: u8,
        at: Timestamp,
    ) -> Self {
        Self {
            broker: broker.clone(),
            trigger: None,
            subscription: AT_THE_DOOR,
            cause: Position {
                stream: 0,
                sequence: 0,
            },
            reason: DeadLetterReason::Schema,
            failure: Some(mismatch.failure()),
            attempts: 0,
            at,
            side: None,
            hops: Some(hops),
        }
    }
}

// === impl LettersGoneRecord ===

impl LettersGoneRecord {
    pub(super) fn put(&self, out: &mut BytesMut) {
        out.put_u8(match self.how {
            Leave::Purged => 0,
            Leave::Redriven => 1,
            Leave::Expired => 2,
        });
        put_varint(out, self.letters.len() as u64);
        for letter in &self.letters {
            put_varint(out, letter.subscription.0);
            for at in [letter.cause, letter.copy] {
                put_varint(out, at.stream);
                put_varint(out, at.sequence);
            }
        }
    }

    pub(super) fn take(input: &mut Input) -> Result<Self, BadRecord> {
        let how = match input.byte()? {
            0 => Leave::Purged,
            1 => Leave::Redriven,
            2 => Leave::Expired,
            other => return Err(input.bad(format!("the way {other} to leave is not known"))),
        };
        let count = input.varint()?;
        let position = |input: &mut Input| {
            Ok(Position {
                stream: input.varint()?,
                sequence: input.varint()?,
            })
        };
        let letter = |input: &mut Input| {
            Ok(LetterGone {
                subscription: SubscriptionId(input.varint()?),
                cause: position(input)?,
                copy: position(input)?,
            })
        };
        let letters = (0..count).map(|_| letter(input)).collect::<Result<_, _>>()?;
        Ok(Self { how, letters })
    }
}
