//! Header of a commit group.
//!
//! ```text
//!  0   4  magic "HGRP"
//!  4   1  kind: 0 frames, 1 opening, 2 clean close
//!  5   3  zero
//!  8   8  epoch
//! 16   8  group number
//! 24   8  last group whose sync had returned when this one was written
//! 32   8  records of the journal before this group
//! 40   4  bytes of the frames that follow
//! 44   4  frames
//! 48   4  records
//! 52   8  zero
//! 60   4  checksum of bytes 0..60
//! ```
//!
//! After the frames come up to 15 zeros, so that the next group starts at a multiple of 16: a search for groups behind
//! damage looks at those offsets only.

use super::{Place, u32_at, u64_at};

const MAGIC: &[u8; 4] = b"HGRP";

/// Bytes of a group's header.
pub(crate) const GROUP_HEAD: usize = 64;

/// Groups start at multiples of this.
pub(crate) const GROUP_ALIGN: u64 = 16;

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// Holds what was appended.
    Frames,
    /// The first group of an epoch; empty.
    Opening,
    /// Says that everything before it was synced and that nothing was written after it in this epoch; empty.
    Close,
}

/// What a group says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupHead {
    pub(crate) kind: GroupKind,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    pub(crate) last_synced: u64,
    pub(crate) records_before: u64,
    pub(crate) body_bytes: u32,
    pub(crate) frames: u32,
    pub(crate) records: u32,
}

impl GroupHead {
    pub(crate) fn encode(&self, place: Place, offset: u64) -> [u8; GROUP_HEAD] {
        let mut bytes = [0; GROUP_HEAD];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = self.kind.code();
        let longs = [self.epoch, self.number, self.last_synced, self.records_before];
        for (at, field) in (8..).step_by(8).zip(longs) {
            bytes[at..at + 8].copy_from_slice(&field.to_le_bytes());
        }
        for (at, field) in (40..)
            .step_by(4)
            .zip([self.body_bytes, self.frames, self.records])
        {
            bytes[at..at + 4].copy_from_slice(&field.to_le_bytes());
        }
        let sum = place.sum_at(offset).add(&bytes[..60]).finish();
        bytes[60..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// `None` when the bytes are no header, or not one for this place.
    pub(crate) fn decode(bytes: &[u8], place: Place, offset: u64) -> Option<GroupHead> {
        if bytes.len() < GROUP_HEAD || bytes[..4] != MAGIC[..] {
            return None;
        }
        if u32_at(bytes, 60) != place.sum_at(offset).add(&bytes[..60]).finish() {
            return None;
        }
        Some(GroupHead {
            kind: GroupKind::from_code(bytes[4])?,
            epoch: u64_at(bytes, 8),
            number: u64_at(bytes, 16),
            last_synced: u64_at(bytes, 24),
            records_before: u64_at(bytes, 32),
            body_bytes: u32_at(bytes, 40),
            frames: u32_at(bytes, 44),
            records: u32_at(bytes, 48),
        })
    }

    /// Bytes of the whole group, padding included.
    pub(crate) fn total_bytes(&self) -> u64 {
        align(GROUP_HEAD as u64 + u64::from(self.body_bytes))
    }
}

impl GroupKind {
    fn code(self) -> u8 {
        match self {
            GroupKind::Frames => 0,
            GroupKind::Opening => 1,
            GroupKind::Close => 2,
        }
    }

    fn from_code(code: u8) -> Option<GroupKind> {
        [GroupKind::Frames, GroupKind::Opening, GroupKind::Close]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// The next offset at which a group can start.
pub(crate) fn align(offset: u64) -> u64 {
    offset.next_multiple_of(GROUP_ALIGN)
}
