//! Framing by itself, for the micro benchmarks: what the writer thread does to a frame before it is written.
//!
//! It never touches a file. No part of the journal's contract, and no one's to build on.

use crate::format::{FrameWriter, Place};
use crate::record::{Frame, Sequence};

/// Writes frames of one group behind each other into memory.
#[derive(Debug)]
pub struct Framing {
    place: Place,
    buffer: Vec<u8>,
    next: Sequence,
}

impl Framing {
    /// An empty group.
    #[must_use]
    pub fn new() -> Self {
        Self {
            place: Place::new(&[7; 16], 1),
            buffer: Vec::new(),
            next: 1,
        }
    }

    /// Appends a frame, checksums included; answers the bytes of the group so far.
    pub fn write(&mut self, frame: &Frame) -> usize {
        let first = self.next;
        self.next += frame.entries.len() as u64;
        let mut writer = FrameWriter {
            buffer: &mut self.buffer,
            base: 4096,
            place: self.place,
            epoch: 1,
            group: 1,
        };
        let slots = writer.write(frame.entries.iter().zip(first..));
        std::hint::black_box(slots);
        self.buffer.len()
    }

    /// Begins the next group in the same memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }
}

impl Default for Framing {
    fn default() -> Self {
        Self::new()
    }
}
