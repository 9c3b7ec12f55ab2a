//! What opening a journal of many segments reads, and how long it takes. For a large one:
//! `HEDDLE_OPEN_MEBIBYTES=10240 cargo test -p heddle-journal opening -- --nocapture`

use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use journal::{Durability, FileSystem, Options, RealFs};

use crate::support::{entry, frame, open};

#[test]
fn opening_takes_a_footer_a_segment_and_a_scan_of_the_newest_alone() {
    let mebibytes: u64 = std::env::var("HEDDLE_OPEN_MEBIBYTES")
        .map_or(192, |count| count.parse().expect("a number of mebibytes"));
    let folder = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
    let options = Options {
        durability: Durability::Os,
        ..Options::new(folder.path())
    };
    let (journal, _) = open(&fs, &options);
    let payload = Bytes::from(vec![b'x'; 4096]);
    let batch = || frame((0..256).map(|n| entry(16 + n % 8, payload.clone())));
    // Half a segment more, so that there is something to scan.
    let batches = mebibytes + 32;
    let (sender, receiver) = mpsc::sync_channel(8);
    for n in 0..batches {
        let sender = sender.clone();
        journal.append(batch(), Box::new(move |outcome| drop(sender.send(outcome))));
        if n >= 4 {
            receiver.recv().unwrap().unwrap();
        }
    }
    (0..4).for_each(|_| drop(receiver.recv().unwrap().unwrap()));
    journal.close();
    drop(journal);
    let (journal, recovery) = open(&fs, &options);
    let (segments, took) = (recovery.segments, recovery.took);
    println!(
        "{mebibytes} MiB in {segments} segments: {} records scanned, open after {took:?}",
        recovery.records
    );
    assert!(recovery.records < 256 * 64, "only the newest segment is scanned");
    journal.close();
}
