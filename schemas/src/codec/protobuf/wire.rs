//! Protobuf's wire format: fields of a message, in and out.

use bytes::Bytes;

use crate::codec::{DecodeError, Reason};

/// One field: its number and what it holds.
pub(super) struct Field<'i> {
    pub(super) number: u32,
    pub(super) value: Value<'i>,
}

/// What a field holds, by its wire type.
#[derive(Clone, Copy)]
pub(super) enum Value<'i> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 2.
    Block(&'i [u8]),
    /// Wire types 1 and 5, which no field of an event has.
    Fixed,
}

/// The fields of one message, in order. A message inside another is a block: nothing here recurses.
pub(super) struct Fields<'i>(&'i [u8]);

impl<'i> Fields<'i> {
    pub(super) fn of(message: &'i [u8]) -> Self {
        Self(message)
    }

    fn field(&mut self) -> Result<Field<'i>, DecodeError> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or_else(|| malformed("has a field without a valid number"))?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                let length =
                    usize::try_from(length).map_err(|_| malformed("has a field longer than itself"))?;
                Value::Block(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(malformed("has a field of an unknown wire type")),
        };
        Ok(Field { number, value })
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take(1)? else { break };
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed("has a number of more than 64 bits"))
    }

    fn take(&mut self, length: usize) -> Result<&'i [u8], DecodeError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| malformed("ends inside a field"))?;
        self.0 = rest;
        Ok(taken)
    }
}

impl<'i> Iterator for Fields<'i> {
    type Item = Result<Field<'i>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'i> Value<'i> {
    /// The bytes of a field that must be a string, bytes or a message.
    pub(super) fn block(self, name: &str) -> Result<&'i [u8], DecodeError> {
        match self {
            Self::Block(block) => Ok(block),
            Self::Varint(_) | Self::Fixed => Err(mistyped(name)),
        }
    }

    pub(super) fn text(self, name: &str) -> Result<&'i str, DecodeError> {
        std::str::from_utf8(self.block(name)?)
            .map_err(|_| DecodeError::new(Reason::Malformed, "is not UTF-8").at(name))
    }

    pub(super) fn varint(self, name: &str) -> Result<u64, DecodeError> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Block(_) | Self::Fixed => Err(mistyped(name)),
        }
    }
}

/// The bytes of `block`, which lies in `input`: shared where they are most of it, copied otherwise, so that a small
/// event that is kept does not keep a large message in memory.
pub(super) fn share(input: &Bytes, block: &[u8]) -> Bytes {
    if block.len() * 2 < input.len() {
        return Bytes::copy_from_slice(block);
    }
    input.slice_ref(block)
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or_default());
}

/// A field of wire type 0.
pub(super) fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

/// A field of wire type 2.
pub(super) fn put_block(out: &mut Vec<u8>, number: u32, block: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, block.len() as u64);
    out.extend_from_slice(block);
}

fn mistyped(name: &str) -> DecodeError {
    DecodeError::new(Reason::Malformed, "has the wire type of another field").at(name)
}

fn malformed(detail: &str) -> DecodeError {
    DecodeError::new(Reason::Malformed, format!("the Protobuf message {detail}"))
}
