//! When two events are the same, as bytes that are hashed.
//!
//! Two events are a pair when `source` and `id` are equal byte for byte. Two of one pair are the same event when these
//! are equal:
//! - `specversion`, and every other attribute by its name and canonical string, whatever their order. A time is
//!   compared as it was written: `12:00Z` and `12:00:00Z` differ. The type of a value is not compared, since binary mode
//!   has no types: the Integer 5 and the String `5` are equal.
//! - the data's bytes. No data and empty data are equal, since binary mode cannot tell them apart; JSON is compared as it
//!   was written, so that other whitespace is other data.
//!
//! So an event is the same in binary, structured and batched mode: for that, JSON data of a structured event without
//! `datacontenttype` counts as `application/json`, which it is by the JSON format, and base64 is decoded.
//!
//! The digest is SHA-256, cut to 16 bytes: whoever can store an event can choose its bytes, so that a collision must not
//! be found by trying.
//!
//! ```text
//! key          source's length u64 | source | id
//! fingerprint  (length u64 | bytes)* of: specversion, then name and value of each attribute by name, then of the data
//! ```

use schemas::event::{Attribute, DataForm, Event};
use sha2::{Digest, Sha256};

/// Names a pair of source and id.
pub(crate) type PairKey = [u8; 16];
/// Stands for all attributes and the data.
pub(crate) type Fingerprint = [u8; 16];

const CONTENT_TYPE: &str = "datacontenttype";
/// What JSON data has that does not say (JSON format 1.0, section 3.1).
const CONTENT_TYPE_IMPLIED: &str = "application/json";

/// The pair that an event belongs to.
pub(crate) fn pair_key(event: &Event) -> PairKey {
    let mut hash = Sha256::new();
    block(&mut hash, event.source().as_bytes());
    hash.update(event.id());
    cut(hash)
}

/// What the event says beside that.
pub(crate) fn fingerprint(event: &Event) -> Fingerprint {
    let mut hash = Sha256::new();
    block(&mut hash, event.spec_version().as_str().as_bytes());
    let mut attributes: Vec<_> = event.attributes().map(named).collect();
    if event.data_form() == DataForm::Json && event.data_content_type().is_none() {
        attributes.push((CONTENT_TYPE, CONTENT_TYPE_IMPLIED));
    }
    attributes.sort_unstable();
    for (name, value) in attributes {
        block(&mut hash, name.as_bytes());
        block(&mut hash, value.as_bytes());
    }
    block(&mut hash, event.data().map_or(&[][..], |data| data));
    cut(hash)
}

fn named(attribute: Attribute<'_>) -> (&str, &str) {
    (attribute.name, attribute.value)
}

/// With its length before it, so that no two lists of blocks give the same bytes.
fn block(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn cut(hash: Sha256) -> [u8; 16] {
    let digest = hash.finalize();
    let mut cut = [0; 16];
    cut.copy_from_slice(&digest[..16]);
    cut
}

#[cfg(test)]
mod tests;
