//! Scanning a file that somebody else works on.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::scan;
use crate::format::{JournalId, Place, SEGMENT_HEAD};
use crate::fs::{File, FileSystem};
use crate::sim::SimFs;

/// A file that is cut by its writer just after its length was asked for the first time.
struct CutMeanwhile {
    file: Box<dyn File>,
    length_before: AtomicU64,
}

impl File for CutMeanwhile {
    fn len(&self) -> io::Result<u64> {
        match self.length_before.swap(0, Ordering::Relaxed) {
            0 => self.file.len(),
            before => Ok(before),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.file.allocate(bytes)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }
}

#[test]
fn a_segment_that_its_writer_cuts_meanwhile_is_scanned_as_far_as_it_goes() {
    for (length, length_before) in [
        (SEGMENT_HEAD, SEGMENT_HEAD * 2),
        (SEGMENT_HEAD + 700, SEGMENT_HEAD * 400),
        (0, SEGMENT_HEAD * 3),
    ] {
        let fs = SimFs::new();
        let file = fs.create(Path::new("/segment")).unwrap();
        file.set_len(length).unwrap();
        let file = CutMeanwhile {
            file,
            length_before: AtomicU64::new(length_before),
        };
        let place = Place::new(&JournalId::default(), 1);
        let found = scan(&file, place, None).unwrap();
        assert!(found.items.is_empty(), "{found:?}");
        assert_eq!((found.groups_end, found.bytes_end), (SEGMENT_HEAD, SEGMENT_HEAD));
    }
}
