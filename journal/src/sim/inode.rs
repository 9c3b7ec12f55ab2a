//! One file of the simulated disk: what is durable of it, what is not yet, and what becomes of that.

use fastrand::Rng;

/// One file.
#[derive(Clone, Default)]
pub(super) struct Inode {
    /// What a read gives.
    pub(super) current: Vec<u8>,
    /// What is certain to survive.
    durable: Vec<u8>,
    /// What may survive, in the order in which it was done.
    pending: Vec<Change>,
}

/// A change to a file.
#[derive(Clone)]
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLength(usize),
}

impl Inode {
    /// A file with these bytes, all of them durable.
    pub(super) fn durable(bytes: &[u8]) -> Inode {
        Inode {
            current: bytes.to_vec(),
            durable: bytes.to_vec(),
            pending: Vec::new(),
        }
    }

    /// Makes the pending changes durable.
    pub(super) fn sync(&mut self) {
        self.pending
            .drain(..)
            .for_each(|change| change.apply(&mut self.durable));
    }

    /// Only what is durable, or happens to be, is left.
    pub(super) fn lose_power(&mut self, random: &mut Rng) {
        self.settle(random);
        self.current = self.durable.clone();
    }

    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    /// Decides what of the pending changes is durable, and forgets the others.
    pub(super) fn settle(&mut self, random: &mut Rng) {
        let mut changes = std::mem::take(&mut self.pending);
        if random.u8(..4) == 0 {
            random.shuffle(&mut changes);
        }
        // Whole runs of luck and of bad luck are likely in practice, and find other mistakes than a coin a change.
        let (keep, tear) = [(0, 0), (100, 0), (50, 25), (80, 15), (10, 45)][random.usize(..5)];
        for change in changes {
            match random.u8(..100) {
                draw if draw < keep => change.apply(&mut self.durable),
                draw if draw < keep + tear => change.apply_torn(&mut self.durable, random),
                _ => {}
            }
        }
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::SetLength(length) => content.resize(*length, 0),
            Change::Write { offset, bytes } => write(content, *offset, bytes),
        }
    }

    fn apply_torn(&self, content: &mut Vec<u8>, random: &mut Rng) {
        let Change::Write { offset, bytes } = self else {
            return;
        };
        let cut = random.usize(..=bytes.len());
        match random.u8(..3) {
            0 => write(content, *offset, &bytes[..cut]),
            1 => write(content, *offset + cut, &bytes[cut..]),
            _ => {
                let block = 1 + random.usize(..512);
                for (index, part) in bytes.chunks(block).enumerate().filter(|_| random.bool()) {
                    write(content, *offset + index * block, part);
                }
            }
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}
