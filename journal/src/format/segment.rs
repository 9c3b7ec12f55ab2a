//! Segment header and file name.
//!
//! ```text
//!  0   8  magic "HEDDLESG"
//!  8   4  format version
//! 12   4  checksum of bytes 0..12 and 16..80
//! 16  16  journal id
//! 32   8  segment number, the one in the file's name
//! 40   8  epoch in which the segment was begun
//! 48   8  number of the first group
//! 56   8  last group that was synced when the segment was begun: the one before the first
//! 64   8  records of the journal before this segment
//! 72   8  zero
//! ```
//!
//! Magic, version and checksum keep their places in later formats, so that a newer one can be refused by name. The
//! checksum does not start from a [`super::Place`]: the header is what says which journal and segment this is.

use super::{FORMAT_VERSION, JournalId, array_at, plain_sum, u32_at, u64_at};

const MAGIC: &[u8; 8] = b"HEDDLESG";
const USED: usize = 80;
const BLOCK: usize = 4096;

/// Bytes of the header block: one page, so that groups start on one.
pub(crate) const SEGMENT_HEAD: u64 = BLOCK as u64;

/// The start of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) id: JournalId,
    pub(crate) number: u64,
    pub(crate) epoch: u64,
    pub(crate) first_group: u64,
    pub(crate) last_synced: u64,
    pub(crate) records_before: u64,
}

/// Why bytes are not a segment header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Damaged,
    Newer(u32),
}

impl SegmentHead {
    /// The header's block, zeros included.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(USED);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.id);
        for field in [
            self.number,
            self.epoch,
            self.first_group,
            self.last_synced,
            self.records_before,
            0,
        ] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        let sum = Self::sum(&bytes);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        bytes.resize(BLOCK, 0);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<SegmentHead, HeaderFault> {
        if bytes.len() < USED || bytes[..8] != MAGIC[..] || u32_at(bytes, 12) != Self::sum(&bytes[..USED]) {
            return Err(HeaderFault::Damaged);
        }
        let version = u32_at(bytes, 8);
        if version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        Ok(SegmentHead {
            id: array_at(bytes, 16),
            number: u64_at(bytes, 32),
            epoch: u64_at(bytes, 40),
            first_group: u64_at(bytes, 48),
            last_synced: u64_at(bytes, 56),
            records_before: u64_at(bytes, 64),
        })
    }

    fn sum(bytes: &[u8]) -> u32 {
        let mut covered = bytes.to_vec();
        covered[12..16].fill(0);
        plain_sum(&covered)
    }
}

/// Name of a segment's file.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:012}.seg")
}

/// The number in a segment's file name; `None` for other files.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    (file_name(number) == name).then_some(number)
}
