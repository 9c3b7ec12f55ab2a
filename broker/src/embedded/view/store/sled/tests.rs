//! Batches of every size, as they come to sled.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::super::{Batch, Page};
use super::{BYTES_PER_FLUSH_MAX, SledStore};

const ALL: Page = Page {
    keys_max: usize::MAX,
    bytes_max: usize::MAX,
};

fn puts(numbers: Range<u64>, bytes: usize) -> Batch {
    let mut batch = Batch::default();
    for number in numbers {
        batch.put(number.to_be_bytes(), vec![b'v'; bytes]);
    }
    batch
}

/// What was found when more was: the pool's threads all waited for one that waited for them.
#[test]
fn never_is_more_on_its_way_to_the_file_than_a_few_pieces_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    for (numbers, bytes) in [(0..1, 10), (0..5000, 100), (5000..5010, 60_000), (0..300, 3_000)] {
        store.write(puts(numbers, bytes)).unwrap();
        let unflushed = store.unflushed_bytes.load(Ordering::Relaxed);
        assert!(unflushed <= BYTES_PER_FLUSH_MAX, "{unflushed} bytes");
    }
    store.clear().unwrap();
}

#[test]
fn a_large_batch_is_written_whole_and_the_last_change_of_a_key_counts() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    let mut batch = puts(0..2000, 300);
    batch.remove(7_u64.to_be_bytes());
    batch.put(8_u64.to_be_bytes(), "later");
    store.write(batch).unwrap();
    let found = store.page(b"", None, ALL).unwrap();
    assert_eq!(found.len(), 1999);
    assert_eq!(found[7], (8_u64.to_be_bytes().to_vec(), b"later".to_vec()));
}
