//! The `FORMAT` file: which format a directory has and which journal it is. Text, so that a person can read it.
//!
//! ```text
//! heddle journal
//! format 1
//! id 00112233445566778899aabbccddeeff
//! sum 89abcdef
//! ```
//!
//! `sum` is the CRC-32C of the lines before it, in hexadecimal. The first two lines and the last keep their form in
//! later formats. The file is written once, under another name, synced, and then renamed.

use super::{FORMAT_VERSION, HeaderFault, JournalId, plain_sum};

/// Content of the `FORMAT` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) id: JournalId,
}

impl Marker {
    pub(crate) const FILE: &str = "FORMAT";
    pub(crate) const DRAFT: &str = "FORMAT.new";

    pub(crate) fn encode(&self) -> String {
        let id = id_text(&self.id);
        with_sum(format!("heddle journal\nformat {FORMAT_VERSION}\nid {id}\n"))
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Marker, HeaderFault> {
        let (version, id) = Self::parse(bytes).ok_or(HeaderFault::Damaged)?;
        if version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        let id = id.and_then(parse_id).ok_or(HeaderFault::Damaged)?;
        Ok(Marker { id })
    }

    fn parse(bytes: &[u8]) -> Option<(u32, Option<&str>)> {
        let mut lines = covered(bytes)?.strip_prefix("heddle journal\n")?.lines();
        let version = lines.next()?.strip_prefix("format ")?.parse().ok()?;
        Some((version, lines.next().and_then(|line| line.strip_prefix("id "))))
    }
}

/// Adds the last line, which makes sure of those before it.
pub(super) fn with_sum(text: String) -> String {
    let sum = plain_sum(text.as_bytes());
    format!("{text}sum {sum:08x}\n")
}

/// The lines that the last one makes sure of; `None` when it does not.
pub(super) fn covered(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (covered, sum) = text.split_at_checked(text.len().checked_sub("sum 00000000\n".len())?)?;
    let sum = sum.strip_prefix("sum ")?.strip_suffix('\n')?;
    (sum == format!("{:08x}", plain_sum(covered.as_bytes()))).then_some(covered)
}

pub(super) fn id_text(id: &JournalId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn parse_id(hex: &str) -> Option<JournalId> {
    if hex.len() != 32 || !hex.is_ascii() {
        return None;
    }
    let mut id = JournalId::default();
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(id)
}
