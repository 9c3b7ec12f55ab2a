//! Which events of an ordered subscription wait for each other: those of one key.
//!
//! The key is the extension `partitionkey` (CloudEvents, "Partitioning" extension), kept as a hash of 128 bits. Two
//! keys of one hash would wait for each other, and nothing worse: order is kept all the same. Who could choose such
//! keys could as well choose one. The hash is FNV-1a with the constants of its specification: it is stored, so it
//! must be the same in every version on every machine.

use std::fmt;
use std::str::FromStr;

use schemas::event::Event;
use serde::{Deserialize, Serialize};

/// The extension that names an event's key.
pub(crate) const PARTITION_KEY: &str = "partitionkey";

const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The hash of a key. Events without one share a key of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Key(u128);

impl Key {
    /// Of the events that carry no key.
    pub(crate) const NONE: Self = Self(0);

    /// The key of an event.
    pub(crate) fn of(event: &Event) -> Self {
        Self::named(text_of(event))
    }

    /// The key of that text; none and an empty one are the same.
    pub(crate) fn named(text: Option<&str>) -> Self {
        match text {
            None | Some("") => Self::NONE,
            Some(text) => Self(text.bytes().fold(OFFSET_BASIS, |hash, byte| {
                (hash ^ u128::from(byte)).wrapping_mul(PRIME)
            })),
        }
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Big endian, so that it can be part of a sorted key.
    pub(crate) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// The text of an event's key, if it carries one.
pub(crate) fn text_of(event: &Event) -> Option<&str> {
    event.attribute(PARTITION_KEY).map(|attribute| attribute.value)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Key {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_hash_of_the_published_test_vectors() {
        // From the specification's own list: a stored key must mean the same in every version.
        for (text, hash) in [
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ] {
            assert_eq!(Key::named(Some(text)).to_string(), hash);
        }
    }

    #[test]
    fn events_without_a_key_share_one_and_a_key_survives_its_text() {
        assert_eq!(Key::named(None), Key::NONE);
        assert_eq!(Key::named(Some("")), Key::NONE);
        let key = Key::named(Some("customer-7"));
        assert_ne!(key, Key::named(Some("customer-8")));
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(Key::from_bytes(key.to_bytes()), key);
    }
}
