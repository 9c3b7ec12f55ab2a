//! The `CLOSED` file: where the journal ended when it was closed cleanly. Text, so that a person can read it.
//!
//! ```text
//! heddle journal closed
//! format 1
//! id 00112233445566778899aabbccddeeff
//! epoch 3
//! segment 12         the newest segment
//! group 345          the newest group, which is the one of the close
//! records 6789       of the whole journal, lost ones included
//! other 1            first sequence of a stream that is not named
//! stream 5 next 42   each stream and the sequence that it gives out next, ordered by stream
//! sum 89abcdef
//! ```
//!
//! `sum` is the CRC-32C of the lines before it. The file is written when everything that it tells of is synced, under another
//! name, synced, and then renamed; it is removed, and the removal synced, before the next life writes its first group. So while it is
//! there the journal holds at least what it says, or has lost it. One that tells of less than there is (its removal was undone, or a
//! program that does not know it wrote here) says nothing.

use std::fmt::Write;
use std::str::FromStr;

use super::marker::{covered, id_text, parse_id, with_sum};
use super::{FORMAT_VERSION, HeaderFault, JournalId};
use crate::record::{Sequence, StreamId};

/// Content of the `CLOSED` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) id: JournalId,
    pub(crate) epoch: u64,
    pub(crate) segment: u64,
    pub(crate) group: u64,
    pub(crate) records: u64,
    pub(crate) other: Sequence,
    pub(crate) streams: Vec<(StreamId, Sequence)>,
}

impl Closed {
    pub(crate) const FILE: &str = "CLOSED";
    pub(crate) const DRAFT: &str = "CLOSED.new";

    pub(crate) fn encode(&self) -> String {
        let Closed {
            id,
            epoch,
            segment,
            group,
            records,
            other,
            streams,
        } = self;
        let id = id_text(id);
        let mut text = format!(
            "heddle journal closed\nformat {FORMAT_VERSION}\nid {id}\nepoch {epoch}\nsegment {segment}\ngroup {group}\n\
             records {records}\nother {other}\n"
        );
        for (StreamId(stream), next) in streams {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "stream {stream} next {next}");
        }
        with_sum(text)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Closed, HeaderFault> {
        let text = covered(bytes).ok_or(HeaderFault::Damaged)?;
        let mut lines = text
            .strip_prefix("heddle journal closed\n")
            .ok_or(HeaderFault::Damaged)?
            .lines();
        let version = field(lines.next(), "format ").ok_or(HeaderFault::Damaged)?;
        if version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        Closed::parse(lines).ok_or(HeaderFault::Damaged)
    }

    fn parse<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<Closed> {
        let id = lines.next()?.strip_prefix("id ").and_then(parse_id)?;
        Some(Closed {
            id,
            epoch: field(lines.next(), "epoch ")?,
            segment: field(lines.next(), "segment ")?,
            group: field(lines.next(), "group ")?,
            records: field(lines.next(), "records ")?,
            other: field(lines.next(), "other ")?,
            streams: lines.map(stream).collect::<Option<_>>()?,
        })
    }
}

fn field<T: FromStr>(line: Option<&str>, label: &str) -> Option<T> {
    line?.strip_prefix(label)?.parse().ok()
}

fn stream(line: &str) -> Option<(StreamId, Sequence)> {
    let (stream, next) = line.strip_prefix("stream ")?.split_once(" next ")?;
    Some((StreamId(stream.parse().ok()?), next.parse().ok()?))
}
